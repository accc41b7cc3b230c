# SPDX-License-Identifier: GPL-3.0-or-later
"""When a file was made: with its number, what tells it from every other file, however it is changed or moved. Python has no way to ask."""

from __future__ import annotations

import ctypes
import functools
import os
import struct
from typing import Any

AT_FDCWD = -100
STATX_BTIME = 0x800
# The answer as linux/stat.h has it: how long it is, and where in it the moment is. What it holds comes first.
SIZE, BORN = 256, 80


@functools.cache
def _statx() -> Any:
    return getattr(ctypes.CDLL(None), "statx", None)


def birth_of(path: str) -> int | None:
    """Return when a file was made, in nanoseconds; None where the file system does not say, or there is no such file."""
    statx = _statx()
    if statx is None:
        return None
    answer = ctypes.create_string_buffer(SIZE)
    if statx(AT_FDCWD, os.fsencode(path), 0, STATX_BTIME, answer) != 0:
        return None
    (told,) = struct.unpack_from("=I", answer)
    seconds, nanoseconds = struct.unpack_from("=qI", answer, BORN)
    return int(seconds) * 10**9 + int(nanoseconds) if told & STATX_BTIME else None
