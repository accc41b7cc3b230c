# SPDX-License-Identifier: GPL-3.0-or-later
"""Bind the page's port, if possible one that only root can bind, and then give up root."""

from __future__ import annotations

import asyncio
import errno
import os
import pwd
import socket

from tornado.netutil import bind_sockets

# How often, and with which pause in seconds, to retry: the page's process of a killed hub may hold the port for a moment.
ATTEMPTS, PAUSE = 20, 0.5
HINT = "Set jupyterhub_sharing_port to a free port"


async def sockets(address: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on a port. Retry for about ten seconds if another process holds it. Raises OSError."""
    for attempt in range(ATTEMPTS):
        try:
            return bind_sockets(port, address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise OSError(f"cannot listen on port {port}: {error.strerror}. {HINT}") from error
        if attempt < ATTEMPTS - 1:
            await asyncio.sleep(PAUSE)
    raise OSError(f"another program listens on port {port}. {HINT}")


def give_up_root(account: str) -> None:
    """Switch to this account of the host permanently, if this process runs as root. Raises OSError."""
    if os.geteuid() != 0:
        return
    try:
        entry = pwd.getpwnam(account)
    except KeyError as error:
        raise OSError(
            f"the account {account}, which the process should switch to, does not exist on this host"
        ) from error
    if entry.pw_uid == 0:
        raise OSError(f"the account {account}, which the process should switch to, is root")
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.chdir("/")
