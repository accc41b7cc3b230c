# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in its state directory a server keeps the history of documents: never where another server that runs keeps its own.

Two hubs on one host with the same accounts give their servers the same directory. The first one keeps it, the other one gets a place
in it, and finds that again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from pathlib import Path

# For so many seconds a server waits for the one before it to end.
PATIENCE = 5
# Held as long as the process lives, whatever ends it.
_locks: list[int] = []


def place_in(state: Path, hub: str) -> Path:
    """Return the directory in `state` that is this server's until it ends. hub: what tells the hub from others."""
    own = state / f"hub-{hashlib.sha256(hub.encode()).hexdigest()[:12]}"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if own.is_dir() or not _is_ours(state):
            own.mkdir(mode=0o700, exist_ok=True)
            _is_ours(own)
            return own
    except OSError:
        pass  # which the history tells as soon as it is begun there
    return state


def _is_ours(directory: Path) -> bool:
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                return False
            time.sleep(0.05)
        else:
            _locks.append(lock)
            return True
