# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in its state directory a server keeps the history of documents: never where another server that runs keeps its own.

Two hubs on one host with the same accounts give their servers the same directory. It belongs to the first one, and the other one has a
place in it, which it finds again.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

from .stopping import EXIT_SECONDS, STOP_SECONDS

# For so many seconds a server waits for the one before it to end.
PATIENCE = STOP_SECONDS + EXIT_SECONDS
# Held as long as the process lives, whatever ends it.
_locks: list[int] = []


def place_in(state: Path, hub: str, patience: float = PATIENCE) -> Path:
    """Return the directory in `state` that is this server's until it ends. hub: what tells the hub from others."""
    owner = hashlib.sha256(hub.encode()).hexdigest()[:12]
    try:
        for place in _places(state, owner):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_ours(place, owner, patience):
                return place
            patience = 0
    except OSError:
        pass  # which the history tells as soon as it is begun there
    return state


def _places(state: Path, owner: str) -> Iterator[Path]:
    yield state
    yield state / f"hub-{owner}"
    for number in itertools.count(2):
        yield state / f"hub-{owner}-{number}"


def _is_ours(directory: Path, owner: str, patience: float) -> bool:
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    while os.pread(lock, 100, 0).decode() in ("", owner):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            os.pwrite(lock, owner.encode(), 0)
            _locks.append(lock)
            return True
    os.close(lock)
    return False
