# SPDX-License-Identifier: GPL-3.0-or-later
"""Read files' creation times. With the inode, one identifies a file however it is changed or moved. Python itself cannot query them."""

from __future__ import annotations

import ctypes
import functools
import os
import struct
from typing import Any

AT_FDCWD = -100
STATX_BTIME = 0x800
# The struct statx of linux/stat.h: its size, and the offset of the creation time. It begins with a mask of the fields that are filled in.
SIZE, BORN = 256, 80


@functools.cache
def _statx() -> Any:
    return getattr(ctypes.CDLL(None), "statx", None)


def birth_of(path: str) -> int | None:
    """Return when a file was created, in nanoseconds since the epoch; None if the file system does not say, or the file does not exist."""
    statx = _statx()
    if statx is None:
        return None
    answer = ctypes.create_string_buffer(SIZE)
    if statx(AT_FDCWD, os.fsencode(path), 0, STATX_BTIME, answer) != 0:
        return None
    (told,) = struct.unpack_from("=I", answer)
    seconds, nanoseconds = struct.unpack_from("=qI", answer, BORN)
    return int(seconds) * 10**9 + int(nanoseconds) if told & STATX_BTIME else None
