# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that one test process of this machine has at a time, whichever checkout it belongs to."""

import fcntl
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

_held: list[TextIO] = []  # open lock files, which reserve numbers until this process ends


def reserve(kind: str, numbers: Iterable[int], is_free: Callable[[int], bool]) -> int:
    """Return the first of the numbers that is free, and reserve it for this test process until it ends."""
    locks = Path(tempfile.gettempdir()) / f"collab-test-{kind}"
    locks.mkdir(exist_ok=True)
    for number in numbers:
        lock = (locks / str(number)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        if is_free(number):
            _held.append(lock)
            return number
        lock.close()
    raise OSError(f"none of the numbers of {kind} is free")
