# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports for servers that tests start: no test gets one that another test, or an outgoing connection, may take meanwhile."""

import fcntl
import random
import socket
import tempfile
from pathlib import Path
from typing import TextIO

# Below the range from which Linux gives ports to outgoing connections.
FIRST, LAST = 20000, 32000
_held: dict[int, TextIO] = {}  # what keeps other test processes from the ports of this one, until it ends


def free_port() -> int:
    """A port of 127.0.0.1 at which nobody listens, and which belongs to this test process from now on."""
    locks = Path(tempfile.gettempdir()) / "collab-test-ports"
    locks.mkdir(exist_ok=True)
    for port in random.sample(range(FIRST, LAST), LAST - FIRST):
        lock = (locks / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            lock.close()
            continue
        _held[port] = lock
        return port
    raise OSError(f"no port between {FIRST} and {LAST} is free")
