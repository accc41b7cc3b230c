# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address to give to people: as the hub and its administrator know it, and never a guess."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

EVERYWHERE = ("", "*", "0.0.0.0", "::")


def address(hub: dict[str, Any], path: str, public_url: str, host: str) -> str:
    """Return the address of a path of the hub, which follows its prefix; empty where nobody knows how people come in.

    hub: as module hub_config returned it. public_url: what the administrator says. host: the name of the host in the inventory.
    """
    origin = _origin(public_url) or _origin(hub.get("public_url") or "") or _of_proxy(hub, host)
    return f"{origin}{below_prefix(hub, path)}" if origin else ""


def told(hub: dict[str, Any], path: str, public_url: str, host: str) -> str:
    """Return the address of a path of the hub, or why it is not known and what to do about that."""
    return address(hub, path, public_url, host) or (
        "not known, as people come in by another web server than the hub's own proxy: set jupyterhub_rtc_public_url to the address that "
        f"they open the hub at, on which {below_prefix(hub, path)} follows"
    )


def below_prefix(hub: dict[str, Any], path: str) -> str:
    """Return a path of the hub as browsers ask for it."""
    return f"/{hub.get('base_url', '/').strip('/')}/{path}".replace("//", "/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _of_proxy(hub: dict[str, Any], host: str) -> str:
    """Return where the hub's proxy lets in connections from everywhere; empty where it does not, or where it is not known to be there."""
    parts = urlsplit(hub.get("front_url") or hub.get("bind_url") or "")
    if parts.scheme not in ("http", "https") or not hub.get("front_answers", True):
        return ""
    name = parts.hostname or ""
    if name in EVERYWHERE:
        name = host
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
