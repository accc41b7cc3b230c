# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds processes that are in a workspace: their working directory is there, or they have a file of it open.

A list on the share's directory keeps out who comes. Who stands below it goes on, by paths that begin there.

What is of a share is told by its group, and by where it is: the owner of a file gives it another group at any time.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import signal
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from . import share_watches
from .processes import everybody

SECONDS = 5
POLL_SECONDS = 0.05
OCTAL = re.compile(r"\\([0-7]{3})")
# Threads may have a directory and open files each; memory is of all of them.
OF_FIRST = ("cwd", "root", "fd/*", "map_files/*")
OF_EACH = ("task/*/cwd", "task/*/root", "task/*/fd/*", "map_files/*")
DELETED = " (deleted)"
# Numbers of people's accounts are from here on, but for one that stands for accounts of elsewhere.
PEOPLE, NOBODY = 1000, 65534


@dataclass(frozen=True)
class _Mount:
    """What of a file system is in which place."""

    device: str
    root: str
    place: str


def users(
    groups: Collection[int],
    account: int | None = None,
    share: str = "",
    *,
    passing: Callable[[], set[int]] | None = None,
    thorough: bool = True,
) -> list[int]:
    """Return processes that use a file of one of these groups or of the workspace: open, as working directory, or mounted.

    share: the share's directory, which sessions have mounted themselves; what is mounted from below it is someone's doing.
    account: the number of the account whose processes are looked at; None for all but root's. passing: where it is given, the processes of
    people alone, but for the accounts that it returns. thorough: whether each thread is looked at, and with an account whether something may be hidden
    where nobody can look into. In a container root may not look into everyone's processes, and finds none.
    """
    if not groups:
        return []
    ours = _mounts("self")
    there = _in_file_system(share, ours) if share else None
    found = [
        (process, numbers)
        for process, numbers, _groups in everybody()
        if (account in numbers if account is not None else any(numbers))
        and (passing is None or _people(numbers))
        and (
            _uses(process, groups, there, OF_EACH if thorough else OF_FIRST)
            or (there is not None and _mounts_below(process, groups, share, there, ours))
            or (thorough and account is not None and share_watches.may_hide(process, groups, share))
        )
    ]
    # Asked last: someone may have got the share meanwhile.
    left_alone = passing() if passing else set()
    return [process for process, numbers in found if passing is None or _people(numbers) - left_alone]


def end(look: Callable[[], list[int]]) -> list[int]:
    """End the processes that `look` finds, such as by `users`, until it finds none; return those that are there still."""
    deadline = time.monotonic() + SECONDS
    while left := look():
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return left


def _people(numbers: Collection[int]) -> set[int]:
    return {number for number in numbers if number >= PEOPLE and number != NOBODY}


def _uses(
    process: int, groups: Collection[int], share: tuple[str, str] | None, places: Collection[str]
) -> bool:
    mounts: list[_Mount] | None = None
    for place in places:
        for path in glob.iglob(f"/proc/{process}/{place}"):
            with contextlib.suppress(OSError):
                if os.stat(path).st_gid in groups:
                    return True
                name = os.readlink(path).removesuffix(DELETED)
                if share and name.startswith("/"):
                    mounts = _mounts(str(process)) if mounts is None else mounts
                    if _is_below(name, mounts, share):
                        return True
    return False


def _mounts_below(
    process: int, groups: Collection[int], share: str, there: tuple[str, str], ours: Collection[_Mount]
) -> bool:
    """Return whether a process has something from below the share in a place of its own, as everyone may in a user namespace."""
    device, root = there
    with contextlib.suppress(OSError):
        gate = os.stat(share)
        # Not of other file systems, which may not answer, nor what root has mounted for all.
        for mount in [each for each in _mounts(str(process)) if each.device == device and each not in ours]:
            if mount.root.startswith(f"{root}/"):
                return True
            with contextlib.suppress(OSError):
                found = os.stat(f"/proc/{process}/root{mount.place}")
                if found.st_gid in groups and not os.path.samestat(found, gate):
                    return True
    return False


def _is_below(name: str, mounts: list[_Mount], share: tuple[str, str]) -> bool:
    """Return whether a path, as a process has it, is in a share."""
    device, root = share
    return any(
        f"{found}/".startswith(f"{root}/")
        for mount in mounts
        if mount.device == device
        for found in _behind(mount, name)
    )


def _in_file_system(path: str, mounts: list[_Mount]) -> tuple[str, str] | None:
    """Return the file system that a path is on, and where it is there; None where there is none."""
    real = os.path.realpath(path)
    around = [mount for mount in mounts if list(_behind(mount, real))]
    if not around:
        return None
    last = max(enumerate(around), key=lambda each: (len(each[1].place), each[0]))[1]
    return last.device, next(_behind(last, real))


def _behind(mount: _Mount, path: str) -> Iterator[str]:
    """Yield where a path is in the file system of a mount, if it is there."""
    if f"{path}/".startswith(f"{mount.place.rstrip('/')}/"):
        yield (mount.root.rstrip("/") + path[len(mount.place.rstrip("/")) :]).rstrip("/") or "/"


def _mounts(process: str) -> list[_Mount]:
    try:
        with open(f"/proc/{process}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.split() for line in file]
    except OSError:
        return []
    return [_Mount(fields[2], _unescaped(fields[3]), _unescaped(fields[4])) for fields in lines]


def _unescaped(field: str) -> str:
    return OCTAL.sub(lambda found: chr(int(found[1], 8)), field)
