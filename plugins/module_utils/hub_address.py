# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this host reaches its hub, and what people's connections come in at."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

SECONDS = 5  # in which a proxy that knows the hub passes its API on
POLL_SECONDS = 0.2


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket, which a hub may listen on."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.socket_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.socket_path)


def connection(url: str, timeout: float) -> http.client.HTTPConnection:
    """Return an HTTP connection to the host of a URL as hubs write it: http, https, http+unix, or unix+http before JupyterHub 6."""
    parts = urlsplit(url)
    if is_unix(url):
        return UnixConnection(unquote(parts.netloc), timeout)
    host = reachable(parts.hostname)
    if parts.scheme == "https":
        # The certificate is for others to judge: what counts here is that the hub of this host answers.
        context = ssl._create_unverified_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=timeout)


def is_unix(url: str) -> bool:
    """Return whether a URL is that of a Unix socket: http+unix, or unix+http before JupyterHub 6."""
    return "unix" in urlsplit(url).scheme.split("+")


def reachable(host: str | None) -> str:
    """Return where to reach what listens at a host: whoever is told to listen everywhere answers on the loopback address."""
    if host == "::":
        return "::1"  # tornado listens there for nothing but IPv6
    return host if host not in (None, "", "*", "0.0.0.0") else "127.0.0.1"


def here(url: str, path: str) -> str:
    """Return an address of this host for a URL that may name all of its addresses, with a path and without a slash at the end."""
    parts = urlsplit(url)
    if is_unix(url):
        return str(urlunsplit((parts.scheme, parts.netloc, path, "", ""))).rstrip("/")
    host = reachable(parts.hostname)
    place = f"[{host}]" if ":" in host else host
    place = f"{place}:{parts.port}" if parts.port else place
    return str(urlunsplit((parts.scheme, place, path, "", ""))).rstrip("/")


def of_proxy(hub: dict[str, Any]) -> str:
    """Return where this host reaches the hub's proxy, by what the configuration says, with the hub's prefix."""
    return here(hub.get("front_url") or hub["bind_url"], hub["base_url"])


def is_true(hub: dict[str, Any]) -> bool:
    """Return whether a hub answers where the configuration says that the proxy listens, which a proxy need not read."""
    deadline = time.monotonic() + SECONDS
    while not _is_hub(f"{of_proxy(hub)}/hub/api/"):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _is_hub(api_url: str) -> bool:
    link = connection(api_url, SECONDS)
    try:
        link.request("GET", urlsplit(api_url).path, headers={"Accept": "application/json"})
        answer = link.getresponse()
        return answer.status == 200 and "version" in json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return False
    finally:
        link.close()
