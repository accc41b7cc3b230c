# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the processes on this host with their UIDs and GIDs."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator

KINDS = ("Uid", "Gid", "Groups", "Threads")
GONE = (FileNotFoundError, ProcessLookupError)  # it has just exited


def all_processes() -> Iterator[tuple[int, list[int], list[int]]]:
    """Yield the PID of each process with the UIDs and the GIDs of all its threads.

    Each thread has its own credentials, and the main thread may have exited before the others.
    """
    for name in os.listdir("/proc"):
        with contextlib.suppress(*GONE):
            if name.isdigit():
                first = _status(f"/proc/{name}/status")
                threads = [first] if first["Threads"] == [1] else _threads(name)
                # The others are zombies: their exit status was not read yet.
                alive = [each for each in threads if each["ended"] == [0]]
                if alive:
                    users, groups = (
                        [*dict.fromkeys(number for each in alive for kind in kinds for number in each[kind])]
                        for kinds in (["Uid"], ["Gid", "Groups"])
                    )
                    yield int(name), users, groups


def _threads(process: str) -> list[dict[str, list[int]]]:
    found = []
    for path in glob.iglob(f"/proc/{process}/task/*/status"):
        with contextlib.suppress(*GONE):
            found.append(_status(path))
    return found


def _status(path: str) -> dict[str, list[int]]:
    """Return the numbers in a status file, and as `ended`, 1 if the thread has exited, or else 0."""
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            kind, _colon, value = line.partition(":")
            if kind in KINDS:
                found[kind] = [int(number) for number in value.split()]
            elif kind == "State":
                found["ended"] = [int(value.split()[0] in ("Z", "X"))]
    return found
