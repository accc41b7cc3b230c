# SPDX-License-Identifier: GPL-3.0-or-later
"""Find a place for the document history that no other running server uses.

Two hubs on one host with the same accounts give their servers the same state directory. The first server owns it. The other gets a place of
its own in it, which it finds again at each start.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ..patches.server.stopping import EXIT_SECONDS, STOP_SECONDS

# How long a server waits for its predecessor to end, in seconds.
PATIENCE = STOP_SECONDS + EXIT_SECONDS
# Descriptors of locks, which are held until the process ends, however it ends.
_locks: list[int] = []


def place_in(state: Path, hub: str, patience: float = PATIENCE) -> Path:
    """Return the directory in `state` that belongs to this server until it ends. hub: identifies its hub, such as by the API's address."""
    owner = hashlib.sha256(hub.encode()).hexdigest()[:12]
    try:
        for place in _places(state, owner):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_ours(place, owner, patience):
                return place
            patience = 0
    except OSError:
        pass  # the history reports the error when it opens there
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
