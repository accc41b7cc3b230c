# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the proxy that users connect through: which process listens at the hub's public address, and as which account."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from ..host import listeners
from ..host.accounts import login_minimum
from ..host.systemd_unit import NoSystemd, Unit, systemctl
from .address import front, of_proxy
from .connection import account_number, connection, is_unix, reachable, socket_path
from .process import pid_of

SECONDS = 5  # within which a proxy that knows the hub forwards requests to its API
POLL_SECONDS = 0.2
Listener = listeners.Listener | listeners.UnixListener


class NoProxy(Exception):
    """The proxy's unit cannot be identified."""


def public_port(bind_url: str) -> int:
    """Return the port that users connect to, from `c.JupyterHub.bind_url`."""
    parts = urlsplit(bind_url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def listener(bind_url: str, hub_unit: Unit) -> int | None:
    """Return the PID of the process that may be the hub's proxy and listens at its public address, or None.

    It runs as a system account, as the hub's account, or as an installed service. A process that a user has started there, or that
    listens on the same port at another address, is not the proxy.
    """
    for each in _there(bind_url):
        if _may_be_the_proxy(each, hub_unit):
            return next(iter(each.processes), None)
    return None


def usurpers(hub: dict[str, Any], hub_unit: Unit) -> list[str]:
    """Return a sentence for each process that listens instead of the hub's proxy, at its public address or at its API."""
    # Descriptions that earlier versions have recorded lack the address of the proxy's API.
    return list(
        filter(None, [usurper(front(hub), hub_unit), _api_usurper(hub.get("proxy_api_url", ""), hub_unit)])
    )


def usurper(bind_url: str, hub_unit: Unit) -> str:
    """Return a sentence about a process that listens at the hub's public address instead of the hub's proxy, or an empty string."""
    for each in _others(bind_url, hub_unit):
        return (
            f"account {each.account} listens at {each.place} instead of the hub's proxy, and may ask users "
            f"for their passwords. End process {_named(each)}, and restart the proxy"
        )
    return ""


def _api_usurper(api_url: str, hub_unit: Unit) -> str:
    for each in _others(api_url, hub_unit) if api_url else []:
        return (
            f"account {each.account} listens at {each.place}, where the hub configures its proxy, and has received the hub's token "
            f"for the proxy. End process {_named(each)}, set another CONFIGPROXY_AUTH_TOKEN for hub and proxy, and restart both"
        )
    return ""


def _others(url: str, hub_unit: Unit) -> list[Listener]:
    return [each for each in _there(url) if not _may_be_the_proxy(each, hub_unit)]


def _named(listener: Listener) -> str:
    return ", ".join(map(str, listener.processes)) or "unknown"


def _there(bind_url: str) -> Sequence[Listener]:
    with contextlib.suppress(OSError):
        if is_unix(bind_url):
            with socket.socket(socket.AF_UNIX) as link:
                link.connect(socket_path(bind_url))
                return [listeners.behind(link, socket_path(bind_url))]
        port = public_port(bind_url)
        found = socket.getaddrinfo(reachable(urlsplit(bind_url).hostname), port, type=socket.SOCK_STREAM)
        return [each for entry in found for each in listeners.at(str(entry[4][0]), port)]
    return []


def _place(bind_url: str) -> str:
    return f"at {socket_path(bind_url)}" if is_unix(bind_url) else f"on port {public_port(bind_url)}"


def _may_be_the_proxy(there: Listener, hub_unit: Unit) -> bool:
    if there.uid < login_minimum() or there.uid == account_number(hub_unit):
        return True
    # An administrator may run the proxy as a service with an account in the range of users' accounts. Users' servers run in transient
    # units, or in the hub's unit.
    units = {listeners.unit_of(process) for process in there.processes} - {"", hub_unit.properties.get("Id")}
    return any(_is_installed(str(each)) for each in units)


def _is_installed(unit: str) -> bool:
    with contextlib.suppress(NoSystemd):
        path = systemctl("show", unit, "--property=FragmentPath", "--value").stdout.strip()
        return path.startswith(("/etc/", "/usr/", "/lib/"))
    return False


def find_unit(hub_unit: Unit, hub: dict[str, Any]) -> str:
    """Return the unit of the hub's proxy, which is the hub's own unit if the hub has started the proxy.

    Raises NoProxy if no service on this host is the proxy, or the hub itself listens at the public address.
    """
    process = listener(front(hub), hub_unit)
    unit = listeners.unit_of(process) if process else ""
    if not unit or process in (hub_unit.main_pid, pid_of(hub_unit)):
        raise NoProxy(f"no proxy on this host listens {_place(front(hub))}")
    return unit


def is_there(hub: dict[str, Any], hub_unit: Unit) -> bool:
    """Return whether a hub answers at the address that the configuration gives for the proxy.

    A proxy that the hub does not start need not follow the configuration.
    """
    deadline = time.monotonic() + SECONDS
    while usurper(front(hub), hub_unit) or not _is_hub(f"{of_proxy(hub)}/hub/api/"):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _is_hub(api_url: str) -> bool:
    link = connection(api_url, SECONDS, None)
    try:
        link.request("GET", urlsplit(api_url).path, headers={"Accept": "application/json"})
        answer = link.getresponse()
        return answer.status == 200 and "version" in json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return False
    finally:
        link.close()
