# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that are in a share already: they stand in a directory of it, or have something of it open.

A list on the share's directory keeps out who comes. Who stands below it goes on, by paths that begin there.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import signal
import time
from collections.abc import Collection

from .processes import everybody

SECONDS = 5
POLL_SECONDS = 0.05
OCTAL = re.compile(r"\\([0-7]{3})")
PLACES = ("cwd", "root", "fd/*", "map_files/*")


def users(groups: Collection[int], account: int | None = None, share: str = "") -> list[int]:
    """Return the processes that have something open, stand in it, or have it mounted, that belongs to one of these groups.

    share: the share's directory, which sessions have mounted themselves; what is mounted from below it is somebody's doing.
    account: the number of the account whose processes are looked at; None for all but root's. In a container root may not look into
    everybody's processes, and finds none.
    """
    return [
        process
        for process, numbers, _groups in everybody()
        if (account in numbers if account is not None else any(numbers))
        and (_uses(process, groups) or _mounts(process, groups, share))
    ]


def end(groups: Collection[int], account: int | None = None, share: str = "") -> list[int]:
    """End these processes; return those that are there still."""
    deadline = time.monotonic() + SECONDS
    while left := users(groups, account, share) if groups else []:
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return left


def _uses(process: int, groups: Collection[int]) -> bool:
    for place in PLACES:
        for path in glob.iglob(f"/proc/{process}/{place}"):
            with contextlib.suppress(OSError):
                if os.stat(path).st_gid in groups:
                    return True
    return False


def _mounts(process: int, groups: Collection[int], share: str) -> bool:
    """Return whether a process has something from below the share in a place of its own, as everybody may in a user namespace."""
    with contextlib.suppress(OSError):
        gate = os.stat(share)
        device = f"{os.major(gate.st_dev)}:{os.minor(gate.st_dev)}"
        with open(f"/proc/{process}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mounts = [line.split() for line in file]
        # Not of other file systems, which may not answer.
        for place in (fields[4] for fields in mounts if fields[2] == device):
            with contextlib.suppress(OSError):
                there = os.stat(
                    f"/proc/{process}/root{OCTAL.sub(lambda found: chr(int(found[1], 8)), place)}"
                )
                if there.st_gid in groups and not os.path.samestat(there, gate):
                    return True
    return False
