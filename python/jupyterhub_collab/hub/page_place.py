# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the sharing page's process listens, where the hub's proxy reaches it, and where it reaches the hub."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class PagePlace:
    """By default, hub, page and proxy are on one host.

    host: the name under which the hub's proxy reaches the page. everywhere: whether the page listens on all addresses, because the proxy is
    on another host. api_url: where the page reaches the hub's API; empty if at the address that the hub tells its services.
    """

    host: str = "127.0.0.1"
    everywhere: bool = False
    api_url: str = ""


place = PagePlace()
