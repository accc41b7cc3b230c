# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the addresses of a hub: where its proxy listens, where users open it, and where this host can reach its API."""

from __future__ import annotations

import re
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

from jupyterhub import version_info

from .roles import given, value_of

API = "JUPYTERHUB_API_URL"
EVERYWHERE = {None: "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}
NETWORK = ("http://", "https://")
UNIX = ("unix+http", "http+unix")  # JupyterHub 5, JupyterHub 6


def front(app: Any) -> dict[str, str]:
    """Return where a hub's proxy listens (`front_url`), and the address that users open (`public_url`, empty if not configured)."""
    public = getattr(app, "public_url", "") or ""
    told = _littlest()
    if told is None:
        return {"front_url": app.bind_url, "public_url": public}
    return {"front_url": told[0], "public_url": public or told[1]}


def _littlest() -> tuple[str, str] | None:
    """Return both for The Littlest JupyterHub, whose proxy takes neither from the hub's configuration; None for other hubs."""
    configurer = sys.modules.get("tljh.configurer")
    if configurer is None:
        return None
    told = configurer.load_config()
    scheme = "https" if told["https"]["enabled"] else "http"
    address, port = told[scheme]["address"], told[scheme]["port"]
    domains = told["https"].get("letsencrypt", {}).get("domains") if scheme == "https" else []
    suffix = "" if int(port) == 443 else f":{port}"
    return f"{scheme}://{address}:{port}", f"https://{domains[0]}{suffix}" if domains else ""


def cannot_listen(bind_url: str) -> str:
    """Return why this JupyterHub would exit instead of listening there; empty if it can listen.

    JupyterHub 5 and JupyterHub 6 each know only one spelling of Unix sockets.
    """
    good = UNIX[version_info >= (6, 0)]
    scheme = urlsplit(bind_url).scheme
    if scheme not in UNIX or scheme == good:
        return ""
    return f"JupyterHub.hub_bind_url uses {scheme}, which this JupyterHub does not support. Use {good} there and in hub_connect_url"


def api_over_network(c: Any) -> str:
    """Return where a process of another account on this host reaches the hub's API; empty if at the address that the hub tells it.

    Only the hub's account can connect to its Unix socket, and only JupyterHub 6 clients can use one. So for a hub on a socket, return
    the address that the administrator has configured for servers, or else the proxy's. Raises ValueError if there is neither.
    """
    hub = c.JupyterHub
    address = given(hub, "hub_connect_url") or given(hub, "hub_bind_url") or ""
    if urlsplit(address).scheme not in UNIX:
        return ""
    for section in [section for name, section in sorted(c.items()) if name.endswith("Spawner")]:
        told = value_of(section, "environment", {}).get(API)
        if isinstance(told, str) and told.startswith(NETWORK):
            return told.rstrip("/")
        told = given(section, "hub_connect_url")
        if isinstance(told, str) and told.startswith(NETWORK):
            return f"{told.rstrip('/')}{base_url(hub)}hub/api"
    proxy = urlsplit(_proxy(hub))
    if proxy.scheme == "http":
        host = EVERYWHERE.get(proxy.hostname) or re.sub(r":\d*$", "", proxy.netloc)
        return f"http://{host}:{proxy.port or 80}{base_url(hub)}hub/api"
    raise ValueError(
        f"the hub listens at {address}, which the sharing page cannot reach. Set c.Spawner.environment['{API}'] to an address of its API, "
        "or set jupyterhub_rtc_user_sharing to false"
    )


def socket_of(c: Any) -> str:
    """Return the path of the hub's Unix socket; empty if it listens on none."""
    told = urlsplit(given(c.JupyterHub, "hub_bind_url") or "")
    return unquote(told.netloc) if told.scheme in UNIX else ""


def _proxy(hub: Any) -> str:
    """Return the URL at which the proxy listens. hub: the `JupyterHub` section of a configuration."""
    if bind := given(hub, "bind_url"):
        return str(bind)
    scheme = "https" if given(hub, "ssl_key") or given(hub, "ssl_cert") else "http"
    host = str(given(hub, "ip") or "")
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{given(hub, 'port') or 8000}"


def base_url(hub: Any) -> str:
    """Return the hub's base URL, with a slash at both ends. hub: the `JupyterHub` section of a configuration."""
    told = given(hub, "base_url") or urlsplit(str(given(hub, "bind_url") or "")).path
    path = str(told).strip("/")
    return f"/{path}/" if path else "/"
