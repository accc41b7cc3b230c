# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports for servers that tests start. No other test or outgoing connection can take a port that a test got."""

import random
import socket

from reserved import reserve

# Below the range that Linux uses for outgoing connections.
FIRST, LAST = 20000, 32000


def free_port() -> int:
    """Return a free port of 127.0.0.1, and reserve it for this test process until it ends."""
    return reserve("ports", random.sample(range(FIRST, LAST), LAST - FIRST), _is_free)


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
