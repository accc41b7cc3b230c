# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find and end processes that use a workspace: their working directory is there, or they have one of its files open.

The access control list of the workspace's top directory only stops processes that enter. A process that is already inside can continue
with relative paths.

A file belongs to a workspace by its group or by its location, because the owner of a file can change its group at any time.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from . import watches
from .processes import all_processes

SECONDS = 5
POLL_SECONDS = 0.05
OCTAL = re.compile(r"\\([0-7]{3})")
# Each thread can have its own working directory and open files. Memory is shared by all threads.
OF_FIRST = ("cwd", "root", "fd/*", "map_files/*")
OF_EACH = ("task/*/cwd", "task/*/root", "task/*/fd/*", "map_files/*")
DELETED = " (deleted)"
NAMESPACE = "mnt:["
MOUNT = re.compile(r"^mnt_id:\s*(\d+)", re.M)
LIBRARY = ctypes.CDLL(None, use_errno=True)
# From linux/fcntl.h and linux/stat.h: with GID as the offset in struct statx.
AT_FDCWD, DONT_SYNC, STATX_GID, STATX_SIZE, GID = -100, 0x4000, 0x10, 256, 24
# The lowest UID of users' accounts, and a UID above it that does not belong to a user, but stands for unknown accounts.
PEOPLE, NOBODY = 1000, 65534


@dataclass(frozen=True)
class _Mount:
    """A mount: the directory `root` of the file system on `device` is mounted at `place`. kind: the type of file system."""

    number: str = field(compare=False)  # differs in each namespace
    device: str
    root: str
    place: str
    kind: str


def users(
    groups: Collection[int],
    account: int | None = None,
    workspace: str = "",
    *,
    passing: Callable[[], set[int]] | None = None,
    thorough: bool = True,
) -> list[int]:
    """Return the PIDs of processes that use a file of one of these groups or of the workspace: open, as working directory, or mounted.

    workspace: the workspace's top directory. Servers' own mounts of it do not count, but users' mounts of something below it do.
    account: the UID whose processes to check, or None for all except root's. passing: if given, check only processes of users, and
    exempt the UIDs that it returns. thorough: whether to check every thread and, with an account, whether processes may hold files that
    cannot be inspected. In a container, root may be unable to inspect other accounts' processes, and then finds none.
    """
    if not groups:
        return []
    ours = _mounts("self")
    there = _in_file_system(workspace, ours) if workspace else None
    found = [
        (process, numbers)
        for process, numbers, _groups in all_processes()
        if (account in numbers if account is not None else any(numbers))
        and (passing is None or _people(numbers))
        and (
            _uses(process, groups, there, OF_EACH if thorough else OF_FIRST)
            or (there is not None and _mounts_below(process, groups, workspace, there, ours))
            or (
                thorough
                and account is not None
                and (watches.may_hide(process, groups, workspace) or _hides_mounts(process, ours))
            )
        )
    ]
    # Call this last, because users may have got access in the meantime.
    left_alone = passing() if passing else set()
    return [process for process, numbers in found if passing is None or _people(numbers) - left_alone]


def end(look: Callable[[], list[int]], seconds: float = SECONDS) -> list[int]:
    """Kill the processes that `look` returns, for example by calling `users`, until it returns none. Return those that remain.

    seconds: after which to give up.
    """
    deadline = time.monotonic() + seconds
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
    process: int, groups: Collection[int], workspace: tuple[str, str] | None, places: Collection[str]
) -> bool:
    mounts: list[_Mount] | None = None
    for place in places:
        for path in glob.iglob(f"/proc/{process}/{place}"):
            with contextlib.suppress(OSError):
                if _group_of(path) in groups:
                    return True
                name = os.readlink(path).removesuffix(DELETED)
                if workspace and name.startswith("/"):
                    mounts = _mounts(str(process)) if mounts is None else mounts
                    if _is_below(name, mounts, workspace):
                        return True
    return False


def _mounts_below(
    process: int, groups: Collection[int], workspace: str, there: tuple[str, str], ours: Collection[_Mount]
) -> bool:
    """Return whether a process has mounted something from inside the workspace. In a user namespace, every user can mount."""
    device, root = there
    with contextlib.suppress(OSError):
        gate = os.stat(workspace)
        # Skip other file systems, which may not respond, and mounts that exist for all processes.
        for mount in [each for each in _mounts(str(process)) if each.device == device and each not in ours]:
            if mount.root.startswith(f"{root}/"):
                return True
            for path in [
                each for around in ours if around.device == device for each in _before(around, mount.root)
            ]:
                with contextlib.suppress(OSError):
                    found = os.lstat(path)
                    if found.st_gid in groups and not os.path.samestat(found, gate):
                        return True
    return False


def _hides_mounts(process: int, ours: Collection[_Mount]) -> bool:
    """Return whether a process has an overlay, which can show the workspace's files as its own, or holds mounts that nothing lists.

    The latter are in a mount namespace that no process is in, or in none. In a user namespace, every user can create all of these.
    """
    host = [*ours, *_mounts("1")]
    theirs = _mounts(str(process))
    # What root has mounted for a container is also mounted outside of it.
    devices = {mount.device for mount in host}
    if any(
        (mount.kind == "overlay" and mount.device not in devices) or mount.root.startswith(NAMESPACE)
        for mount in theirs
    ):
        return True
    listed = {mount.number for mount in (*host, *theirs)}
    spaces = {*_namespaces(str(process)), *_namespaces("self"), *_namespaces("1")}
    for path in glob.iglob(f"/proc/{process}/task/*/fd/*"):
        with contextlib.suppress(OSError):
            name = os.readlink(path)
            if name.startswith(NAMESPACE) and name not in spaces:
                return True
            if name.startswith("/") and not name.endswith(DELETED):
                with open(path.replace("/fd/", "/fdinfo/"), encoding="utf-8") as file:
                    found = MOUNT.search(file.read())
                if found and found[1] not in listed:
                    return True
    return False


def _namespaces(process: str) -> dict[str, str]:
    """Return, for each mount namespace that a thread of a process is in, one such thread."""
    found = {}
    for task in glob.iglob(f"/proc/{process}/task/*"):
        with contextlib.suppress(OSError):
            found[os.readlink(f"{task}/ns/mnt")] = task
    return found


def _is_below(name: str, mounts: list[_Mount], workspace: tuple[str, str]) -> bool:
    """Return whether a path, in a process with these mounts, is in the workspace.

    workspace: its device, and its path in that file system.
    """
    device, root = workspace
    return any(
        f"{found}/".startswith(f"{root}/")
        for mount in mounts
        if mount.device == device
        for found in _behind(mount, name)
    )


def _in_file_system(path: str, mounts: list[_Mount]) -> tuple[str, str] | None:
    """Return the device that a path is on, and its path in that file system, or None if no mount contains it."""
    real = os.path.realpath(path)
    around = [mount for mount in mounts if list(_behind(mount, real))]
    if not around:
        return None
    last = max(enumerate(around), key=lambda each: (len(each[1].place), each[0]))[1]
    return last.device, next(_behind(last, real))


def _behind(mount: _Mount, path: str) -> Iterator[str]:
    """Yield a path's path in the file system of a mount, if the mount contains it."""
    if f"{path}/".startswith(f"{mount.place.rstrip('/')}/"):
        yield (mount.root.rstrip("/") + path[len(mount.place.rstrip("/")) :]).rstrip("/") or "/"


def _before(mount: _Mount, path: str) -> Iterator[str]:
    """Yield the path under which a mount shows a path in its file system, if it does. This is the opposite of `_behind`."""
    if f"{path}/".startswith(f"{mount.root.rstrip('/')}/"):
        yield (mount.place.rstrip("/") + path[len(mount.root.rstrip("/")) :]).rstrip("/") or "/"


def _group_of(path: str) -> int:
    """Return the GID of a file as the kernel knows it, without asking its file system: a user's own one might never answer.

    Raises OSError.
    """
    answer = ctypes.create_string_buffer(STATX_SIZE)
    if LIBRARY.statx(AT_FDCWD, os.fsencode(path), DONT_SYNC, STATX_GID, answer):
        raise OSError(ctypes.get_errno(), "statx", path)
    return int.from_bytes(answer.raw[GID : GID + 4], sys.byteorder)


def _mounts(process: str) -> list[_Mount]:
    """Return the mounts in all mount namespaces of a process's threads."""
    found = []
    for task in _namespaces(process).values():
        with (
            contextlib.suppress(OSError),
            open(f"{task}/mountinfo", encoding="utf-8", errors="surrogateescape") as file,
        ):
            for line in file:
                number, _parent, device, root, place, *others = line.split()
                kind = others[others.index("-") + 1]
                found.append(_Mount(number, device, _unescaped(root), _unescaped(place), kind))
    return found


def _unescaped(field: str) -> str:
    return OCTAL.sub(lambda found: chr(int(found[1], 8)), field)
