# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the proxy that people's connections go through: which process listens at the hub's public address, and for whom."""

from __future__ import annotations

import contextlib
import socket
from typing import Any
from urllib.parse import urlsplit

from . import listeners
from .accounts import login_minimum
from .hub_socket import reachable
from .systemd_unit import NoSystemd, Unit, systemctl


class NoProxy(Exception):
    """The proxy cannot be told."""


def public_port(bind_url: str) -> int:
    """Return the port that people's connections come in at, of `c.JupyterHub.bind_url`."""
    parts = urlsplit(bind_url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def listener(bind_url: str, hub_unit: Unit) -> int | None:
    """Return the process that listens at the hub's public address for the system or for the hub's account; None where none does.

    What a person has made to listen there, or at the same port of another address, is no proxy.
    """
    for each in _there(bind_url):
        if _may_be_the_proxy(each, hub_unit):
            return next(iter(each.processes), None)
    return None


def usurper(bind_url: str, hub_unit: Unit) -> str:
    """Return in one sentence who listens at the hub's public address in the place of its proxy; empty where nobody does."""
    for each in _there(bind_url):
        if not _may_be_the_proxy(each, hub_unit):
            return (
                f"account {each.account} listens at {each.address}:{each.port} in the place of the hub's proxy, and may ask people "
                f"for their passwords: end process {', '.join(map(str, each.processes)) or 'unknown'}, and restart the proxy"
            )
    return ""


def _there(bind_url: str) -> list[listeners.Listener]:
    port = public_port(bind_url)
    with contextlib.suppress(OSError):
        found = socket.getaddrinfo(reachable(urlsplit(bind_url).hostname), port, type=socket.SOCK_STREAM)
        return [each for entry in found for each in listeners.at(str(entry[4][0]), port)]
    return []


def _may_be_the_proxy(there: listeners.Listener, hub_unit: Unit) -> bool:
    if there.uid < login_minimum() or there.account == hub_unit.user:
        return True
    # An administrator may have given a proxy an account like a person's, with a service of its own. Servers are in units that
    # somebody's start has made, or in the hub's.
    units = {listeners.unit_of(process) for process in there.processes} - {"", hub_unit.properties.get("Id")}
    return any(_is_installed(str(each)) for each in units)


def _is_installed(unit: str) -> bool:
    with contextlib.suppress(NoSystemd):
        path = systemctl("show", unit, "--property=FragmentPath", "--value").stdout.strip()
        return path.startswith(("/etc/", "/usr/", "/lib/"))
    return False


def find_unit(hub_unit: Unit, hub: dict[str, Any]) -> str:
    """Return the service that the hub's proxy is, the hub's own where the hub has started it.

    Raises NoProxy where it is no service of this host.
    """
    process = listener(hub["bind_url"], hub_unit)
    unit = listeners.unit_of(process) if process else ""
    if not unit or process == hub_unit.main_pid:
        raise NoProxy(f"no proxy of this host listens on port {public_port(hub['bind_url'])}")
    return unit
