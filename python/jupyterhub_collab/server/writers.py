# SPDX-License-Identifier: GPL-3.0-or-later
"""Which programs have a file open to write into it, as far as the system tells an account: its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Writer:
    """A file that another process has open for writing. appends: whether it writes at the end, wherever that is by then.

    position: where else it writes next, in bytes.
    """

    appends: bool
    position: int


def writers_of(path: str) -> Iterator[Writer]:
    """Yield who has a file open for writing, beside this process."""
    with contextlib.suppress(OSError):
        found, own = os.stat(path), str(os.getpid())
        for process in os.listdir("/proc"):
            if process.isdigit() and process != own:
                yield from _writers_in(f"/proc/{process}", found)


def would_write_over(path: str) -> bool:
    """Return whether a program writes at the end of a file, and goes on at that very place where someone else makes the file longer.

    So does one whose output a shell puts into a file by `>`.
    """
    size = os.stat(path).st_size
    return size > 0 and any(not each.appends and each.position == size for each in writers_of(path))


def _writers_in(process: str, found: os.stat_result) -> Iterator[Writer]:
    with contextlib.suppress(OSError):  # another account's, or over by now
        for descriptor in os.listdir(f"{process}/fd"):
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(f"{process}/fd/{descriptor}"), found):
                    position, flags = _state_of(f"{process}/fdinfo/{descriptor}")
                    if flags & os.O_ACCMODE != os.O_RDONLY:
                        yield Writer(bool(flags & os.O_APPEND), position)


def _state_of(descriptor: str) -> tuple[int, int]:
    """Return the position of a descriptor, and its flags."""
    with open(descriptor) as file:
        told = dict(line.split(":", 1) for line in file if ":" in line)
    return int(told["pos"]), int(told["flags"], 8)
