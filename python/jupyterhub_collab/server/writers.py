# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the programs that have a file open for writing. The system shows an account only its own processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Writer:
    """A descriptor with which another process can write to a file.

    appends: whether it always writes at the file's current end (`O_APPEND`).
    position: where it writes next otherwise, in bytes.
    """

    appends: bool
    position: int


def writers_of(path: str) -> Iterator[Writer]:
    """Yield the descriptors with which other processes have a file open for writing."""
    with contextlib.suppress(OSError):
        found, own = os.stat(path), str(os.getpid())
        for process in os.listdir("/proc"):
            if process.isdigit() and process != own:
                yield from _writers_in(f"/proc/{process}", found)


def would_write_over(path: str) -> bool:
    """Return whether a program will continue to write at the file's current end, even after the file has grown.

    Such a program would overwrite what others append. Programs whose output a shell redirects with `>` do so.
    """
    size = os.stat(path).st_size
    return size > 0 and any(not each.appends and each.position == size for each in writers_of(path))


def _writers_in(process: str, found: os.stat_result) -> Iterator[Writer]:
    with contextlib.suppress(OSError):  # it belongs to another account, or has ended
        for descriptor in os.listdir(f"{process}/fd"):
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(f"{process}/fd/{descriptor}"), found):
                    position, flags = _state_of(f"{process}/fdinfo/{descriptor}")
                    if flags & os.O_ACCMODE != os.O_RDONLY:
                        yield Writer(bool(flags & os.O_APPEND), position)


def _state_of(descriptor: str) -> tuple[int, int]:
    """Return a descriptor's position in bytes, and its flags."""
    with open(descriptor) as file:
        told = dict(line.split(":", 1) for line in file if ":" in line)
    return int(told["pos"]), int(told["flags"], 8)
