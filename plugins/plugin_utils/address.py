# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the URL at which users open the hub, from the configuration of the hub and from the role's variables. Never guess any part of it."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

EVERYWHERE = ("", "*", "0.0.0.0", "::")
HOST = "HOST"  # stands for a name that the hub does not know
SET = "Set jupyterhub_rtc_public_url to the address at which they open the hub"


def told(hub: dict[str, Any], path: str, public_url: str) -> str:
    """Return the URL of a path of the hub, or as much of it as is known, with a sentence that says why and what to do.

    hub: the `hub` that module hub_config returned. public_url: the URL that the administrator has set, or empty.
    """
    path = below_prefix(hub, path)
    if origin := _origin(public_url) or _origin(hub.get("public_url") or ""):
        return f"{origin}{path}"
    if origin := _of_proxy(hub):
        why = f", where {HOST} is a name of the hub's host, because the hub does not know which one users use. {SET}"
        return f"{origin}{path}{why if HOST in origin else ''}"
    return f"unknown, because users reach the hub through another web server than its own proxy. {SET}. The path is {path}"


def below_prefix(hub: dict[str, Any], path: str) -> str:
    """Return a path of the hub as browsers request it."""
    return f"/{hub.get('base_url', '/').strip('/')}/{path}".replace("//", "/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _of_proxy(hub: dict[str, Any]) -> str:
    """Return the URL at which the hub's proxy accepts connections from other hosts, or an empty string if it accepts none.

    If the proxy listens on all addresses, the host is `HOST`. Return an empty string as well if nothing answers at the configured address,
    because the proxy may then listen elsewhere.
    """
    parts = urlsplit(hub.get("front_url") or hub.get("bind_url") or "")
    if parts.scheme not in ("http", "https") or not hub.get("front_answers", True):
        return ""
    name = parts.hostname or ""
    if name in EVERYWHERE:
        name = HOST
    if _is_here_alone(name):
        return ""
    place = f"[{name}]" if ":" in name else name
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{place}" + (f":{parts.port}" if parts.port not in (None, usual) else "")


def _is_here_alone(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name in ("", "localhost") or name.endswith(".localhost")
