# SPDX-License-Identifier: GPL-3.0-or-later
"""Let root hold the hub's port while the hub restarts, so that no other account can take it.

Running servers trust whatever answers on that port about which users and tokens have access. The kernel lets several sockets share a port
if all of them set SO_REUSEPORT and belong to the same account. A socket that does not listen gets no connections.

This file imports nothing of the package. Role `jupyterhub` runs it by its path, so that only the other fragments decide which version
of the package the hub imports.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets


def share_port() -> None:
    """Make the hub of this process listen with SO_REUSEPORT if it is root. Any other account might also run users' servers."""
    if os.geteuid() == 0:
        HTTPServer.listen = _listen  # type: ignore[method-assign, assignment]


def shares_port() -> bool:
    """Return whether the hub of this process listens with SO_REUSEPORT."""
    return getattr(HTTPServer.listen, "shares_port", False)


def keep_port() -> None:
    """Undo `share_port`, in a process that loads one configuration after another."""
    if shares_port():
        del HTTPServer.listen


def _listen(self: HTTPServer, port: int, address: str | None = None, **options: Any) -> None:
    # With SO_REUSEPORT, two hubs would each get half of the connections. So a second hub fails, as it would without us.
    options["reuse_port"] = not _is_taken(port, address)
    self.add_sockets(bind_sockets(port, address=address, **options))


_listen.shares_port = True  # type: ignore[attr-defined]


def _is_taken(port: int, address: str | None) -> bool:
    """Return whether a program already listens on the port."""
    host = address if address not in (None, "", "0.0.0.0", "::") else "127.0.0.1"
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
