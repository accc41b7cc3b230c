# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the URL at which users open the hub, from the configuration of the hub and from the role's variables. Never guess any part of it."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import SplitResult, urlsplit

EVERYWHERE = ("", "*", "0.0.0.0", "::")
HOST = "HOST"  # stands for a name that the hub does not know
SET = "Set jupyterhub_rtc_public_url to the address at which users open the hub"


def told(hub: dict[str, Any], path: str, public_url: str) -> str:
    """Return the URL of a path of the hub, or as much of it as is known, with a sentence that says why and what to do.

    hub: the `hub` that module hub_config returned. public_url: the URL that the administrator has set, or empty.
    """
    path = below_prefix(hub, path)
    if origin := _origin(public_url) or _origin(hub.get("public_url") or ""):
        return f"{origin}{path}"
    proxy = urlsplit(hub.get("front_url") or hub.get("bind_url") or "")
    if proxy.scheme not in ("http", "https") or _is_here_alone(proxy.hostname or HOST):
        why = "users reach the hub through another web server than its own proxy"
    elif not hub.get("front_answers", True):  # the proxy may listen elsewhere
        why = "the hub does not answer where its proxy should listen according to the configuration"
    else:
        return _at_proxy(proxy, path)
    return f"unknown, because {why}. {SET}. The path is {path}"


def below_prefix(hub: dict[str, Any], path: str) -> str:
    """Return a path of the hub as browsers request it."""
    return f"/{hub.get('base_url', '/').strip('/')}/{path}".replace("//", "/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _at_proxy(proxy: SplitResult, path: str) -> str:
    """Return the URL of a path at a proxy that other hosts can reach. If it listens on all addresses, add what to do about its name."""
    name = proxy.hostname or ""
    unknown = ""
    if name in EVERYWHERE:
        name = HOST
        unknown = f", where {HOST} is a name of the hub's host, because the hub does not know which one users use. {SET}"
    place = f"[{name}]" if ":" in name else name
    usual = {"http": 80, "https": 443}[proxy.scheme]
    port = f":{proxy.port}" if proxy.port not in (None, usual) else ""
    return f"{proxy.scheme}://{place}{port}{path}{unknown}"


def _is_here_alone(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
