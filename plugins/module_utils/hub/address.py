# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return the addresses at which this host and users reach the hub."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .connection import is_unix, reachable


def here(url: str, path: str) -> str:
    """Return the URL for this host to connect to a server that listens at `url`, possibly on all addresses.

    It has another path, and no trailing slash.
    """
    parts = urlsplit(url)
    if is_unix(url):
        return str(urlunsplit((parts.scheme, parts.netloc, path, "", ""))).rstrip("/")
    host = reachable(parts.hostname)
    place = f"[{host}]" if ":" in host else host
    place = f"{place}:{parts.port}" if parts.port else place
    return str(urlunsplit((parts.scheme, place, path, "", ""))).rstrip("/")


def front(hub: dict[str, Any]) -> str:
    """Return the URL that users connect to, according to the configuration."""
    return str(hub.get("front_url") or hub["bind_url"])


def of_proxy(hub: dict[str, Any]) -> str:
    """Return the URL at which this host reaches the hub's proxy, according to the configuration, with the hub's prefix."""
    return here(front(hub), hub["base_url"])
