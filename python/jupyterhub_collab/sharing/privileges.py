# SPDX-License-Identifier: GPL-3.0-or-later
"""A port that nobody else on the host can take, and no more rights than it needs once it is taken."""

from __future__ import annotations

import asyncio
import errno
import os
import pwd
import socket

from tornado.netutil import bind_sockets

# For how long the process of a hub that has been killed may still hold the port.
ATTEMPTS, PAUSE = 20, 0.5
HINT = "Set jupyterhub_sharing_port to a free port"


async def sockets(address: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at a port, and wait for a while where it is not free yet. Raises OSError."""
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
