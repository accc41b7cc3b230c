# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports for servers that tests start. No other test or outgoing connection can take a port that a test got."""

import fcntl
import random
import socket
import tempfile
from pathlib import Path
from typing import TextIO

# Below the range that Linux uses for outgoing connections.
FIRST, LAST = 20000, 32000
_held: dict[int, TextIO] = {}  # open lock files, which reserve ports until this process ends


def free_port() -> int:
    """Return a free port of 127.0.0.1, and reserve it for this test process until it ends."""
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
