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
HINT = "set jupyterhub_sharing_port to one that is free"


async def sockets(address: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at a port, and wait for a while where it is not free yet. Raises OSError."""
    for attempt in range(ATTEMPTS):
        try:
            return bind_sockets(port, address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise OSError(f"port {port} cannot be taken: {error.strerror}; {HINT}") from error
        if attempt < ATTEMPTS - 1:
            await asyncio.sleep(PAUSE)
    raise OSError(f"port {port} is taken by another program; {HINT}")


def give_up_root(account: str) -> None:
    """Become this account of the host for good. Whoever is not root stays who they are. Raises OSError."""
    if os.geteuid() != 0:
        return
    try:
        entry = pwd.getpwnam(account)
    except KeyError as error:
        raise OSError(f"this host has no account {account}, which the process was to become") from error
    if entry.pw_uid == 0:
        raise OSError(f"the account {account}, which the process was to become, is root's")
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.chdir("/")
