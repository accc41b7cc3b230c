# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets root hold the hub's port while the hub restarts, so that nobody else takes it meanwhile.

Running servers trust whatever answers there about who has access, and with which token. The kernel allows several sockets to have
one port where all of them ask for that (SO_REUSEPORT) and are of the same account. One that does not listen gets no connections.

This file imports nothing of the package: role `jupyterhub` runs it by its path, so that the other fragments alone decide which version
of the package the hub imports.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets


def share_port() -> None:
    """Have the hub of this process listen so, where it is root: another account may be that of people's servers, too."""
    if os.geteuid() == 0:
        HTTPServer.listen = _listen  # type: ignore[method-assign, assignment]


def shares_port() -> bool:
    """Return whether the hub of this process listens so."""
    return getattr(HTTPServer.listen, "shares_port", False)


def keep_port() -> None:
    """Undo `share_port`, in a process that loads one configuration after another."""
    if shares_port():
        del HTTPServer.listen


def _listen(self: HTTPServer, port: int, address: str | None = None, **options: Any) -> None:
    # Two hubs would get half of the connections each: the second one fails, as without us.
    options["reuse_port"] = not _is_taken(port, address)
    self.add_sockets(bind_sockets(port, address=address, **options))


_listen.shares_port = True  # type: ignore[attr-defined]


def _is_taken(port: int, address: str | None) -> bool:
    """Return whether something listens there already."""
    host = address if address not in (None, "", "0.0.0.0", "::") else "127.0.0.1"
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
