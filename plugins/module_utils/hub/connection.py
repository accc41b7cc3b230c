# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect to the hub, and never to another process that listens at its address.

While a hub restarts, any account on the host can listen at its address. So all sockets that listen there must belong to the hub, both
before and after the connection is made. If they are the same both times, one of them has accepted the connection.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from typing import Any
from urllib.parse import unquote, urlsplit

from ..host import listeners
from ..host.systemd_unit import Unit
from .process import HubNotFound, account_of, pid_of

ROOT = 0


class Impostor(OSError):
    """Another process listens at the hub's address."""


def connection(url: str, timeout: float, unit: Unit | None) -> http.client.HTTPConnection:
    """Return an HTTP connection to the hub that a unit runs, at a URL of the forms that hubs use: http, https, or a Unix socket.

    timeout: in seconds. Connecting raises Impostor if another process listens there. Without a unit, any process may listen there. Use
    this only for requests without secrets, such as those to the proxy, which need not belong to the hub.
    """
    parts = urlsplit(url)
    if is_unix(url):
        return _UnixConnection(socket_path(url), timeout, unit)
    host = reachable(parts.hostname)
    if parts.scheme == "https":
        # Do not verify the certificate: it is for other hosts' clients, and the socket already shows that this host's hub answers.
        context = ssl._create_unverified_context()
        return _TlsConnection(host, parts.port, timeout, unit, context=context)
    return _Connection(host, parts.port, timeout, unit)


def is_unix(url: str) -> bool:
    """Return whether a URL names a Unix socket: http+unix, or unix+http before JupyterHub 6."""
    return "unix" in urlsplit(url).scheme.split("+")


def socket_path(url: str) -> str:
    """Return the path of the Unix socket in a URL."""
    return unquote(urlsplit(url).netloc)


def reachable(host: str | None) -> str:
    """Return the host to connect to for a server that listens at `host`. If it listens on all addresses, use the loopback address."""
    if host == "::":
        return "::1"  # tornado accepts only IPv6 there
    return host if host not in (None, "", "*", "0.0.0.0") else "127.0.0.1"


def places(url: str, unit: Unit) -> list[tuple[str, int]]:
    """Return the addresses and ports at which a unit's hub listens for a URL. If it is not running, resolve the URL on this host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.port:
        return []
    there = [
        (str(each.address), each.port)
        for each in listeners.listeners(parts.port)
        if unit.running and is_the_hubs(unit, each.uid, each.processes)
    ]
    if there:
        return there
    with contextlib.suppress(OSError):
        found = {str(each[4][0]) for each in socket.getaddrinfo(reachable(parts.hostname), parts.port)}
        return [(each, parts.port) for each in sorted(found) if listeners.is_here(each)]
    return []


def is_the_hubs(unit: Unit, uid: int, processes: list[int]) -> bool:
    """Return whether a listening socket belongs to the hub that a unit runs.

    uid: the account that created the socket. It may be root, because systemd creates sockets for others. Always check it, because servers
    that run as children of the hub are in the same unit. processes: those that hold the socket. None are visible in some containers, and
    then the account alone decides.
    """
    if uid not in (ROOT, account_number(unit)):
        return False
    return not processes or any(_is_in(unit, process) for process in processes)


def _is_in(unit: Unit, process: int) -> bool:
    return process in (unit.main_pid, pid_of(unit)) or listeners.unit_of(process) == unit.properties.get(
        "Id", unit.name
    )


def account_number(unit: Unit) -> int:
    """Return the UID that a unit's hub runs as. A script that starts the hub may have chosen it."""
    try:
        return account_of(unit)[0]
    except HubNotFound:
        return int(unit.user) if unit.user.isdigit() else ROOT


def _open(host: str, port: int, timeout: Any, unit: Unit | None) -> socket.socket:
    """Return a connected socket. With a unit, it is connected to this unit's hub."""
    if unit is None:
        return socket.create_connection((host, port), timeout)
    problem = OSError(f"{host} has no address")
    for family, kind, protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        link = socket.socket(family, kind, protocol)
        link.settimeout(timeout)
        try:
            before = _hubs_listeners(str(address[0]), port, unit)
            link.connect(address)
            if _hubs_listeners(str(address[0]), port, unit) != before:
                raise Impostor(f"another process has just started to listen at {host}:{port}")
            return link
        except OSError as error:
            link.close()
            problem = error
    raise problem


def _hubs_listeners(address: str, port: int, unit: Unit) -> list[listeners.Listener]:
    """Return the sockets that accept connections to an address, which all belong to the hub. Empty if the address is not on this host.

    Raises Impostor if one belongs to another process, and ConnectionRefusedError if nothing listens at an address of this host.
    """
    found = listeners.at(address, port)
    if not found and listeners.is_here(address):
        raise ConnectionRefusedError(f"nothing listens at {address}:{port}")
    for each in found:
        processes = [unit.main_pid] if each.is_held_by(unit.main_pid) else each.processes
        if not is_the_hubs(unit, each.uid, processes):
            who = f"process {processes[0]}" if processes else "a process"
            raise Impostor(
                f"{who} of account {each.account} listens at {address}:{port} instead of the hub. End it, or give the hub another address, "
                f"and restart {unit.name}"
            )
    return found


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, port: int | None, timeout: float, unit: Unit | None) -> None:
        super().__init__(host, port, timeout=timeout)
        self.unit = unit

    def connect(self) -> None:
        self.sock = _open(self.host, self.port, self.timeout, self.unit)


class _TlsConnection(http.client.HTTPSConnection):
    def __init__(
        self, host: str, port: int | None, timeout: float, unit: Unit | None, context: ssl.SSLContext
    ) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self.unit, self.tls = unit, context

    def connect(self) -> None:
        link = _open(self.host, self.port, self.timeout, self.unit)
        self.sock = self.tls.wrap_socket(link, server_hostname=self.host)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float, unit: Unit | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path, self.unit = path, unit

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
        there = listeners.behind(self.sock, self.path)
        if self.unit is not None and not is_the_hubs(self.unit, there.uid, there.processes):
            self.close()
            raise Impostor(
                f"process {there.process} of account {there.account} listens at {self.path} instead of the hub. End it, or give the hub "
                f"another address, and restart {self.unit.name}"
            )
