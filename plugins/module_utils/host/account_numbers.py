# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assign UIDs and GIDs, and never assign one twice.

Files, processes and access control lists refer to accounts and groups by number, and outlive them. An account with a reused number would
get access to all of these. So assigned numbers are recorded permanently. In case a record is lost, numbers that anything on the host
still uses are skipped as well.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import stat
import subprocess
from collections.abc import Iterable

from ..workspaces import permissions
from . import state as host_state
from .account_processes import numbers_in_use
from .accounts import homes
from .kept_files import STATE

HOMES = homes()
CLOSED = 0o700
# Where deleted accounts leave files, in these directories or in those directly below.
PLACES = (
    *(HOMES, "/srv", "/var/lib", "/var/mail", "/var/spool/cron"),
    *("/tmp", "/var/tmp", "/dev/shm", "/run/user"),
)
DEPTH = 2
GONE = "gone-"  # prefix of groups that reserve the GID of a deleted group


class NoNumber(Exception):
    """The host has no unused number left for an account or group."""


class Numbers:
    """Numbers between UID_MIN and UID_MAX that no account or group has or had, here or on the hub's nodes."""

    def __init__(self, path: str = "/etc/login.defs") -> None:
        self._path = path
        least, most = _range(path)
        used = {each.pw_uid for each in pwd.getpwall()} | {each.gr_gid for each in grp.getgrall()}
        used |= numbers_in_use() | _owners(PLACES) | given() | of_nodes()
        self._free = (
            number for number in range(least, most + 1) if number not in used and not _is_known(number)
        )
        self._taken: set[int] = set()

    def take(self) -> int:
        """Return an unused number. Raises NoNumber."""
        for number in self._free:
            self._taken.add(number)
            return number
        raise NoNumber(
            f"all UIDs and GIDs are used up, because they are never reused. Raise UID_MAX in {self._path}"
        )

    def remember(self) -> None:
        """Record the numbers that were taken. Call this before assigning them."""
        note(self._taken)


def given() -> set[int]:
    """Return the numbers that this collection has assigned to accounts and groups, including deleted ones."""
    return _recorded("given")


def of_nodes() -> set[int]:
    """Return the numbers that accounts and groups have on the nodes of the hubs of this host, where theirs must be the same."""
    return _recorded("nodes")


def note(numbers: Iterable[int]) -> None:
    """Record numbers permanently."""
    _record("given", given(), numbers)


def note_nodes(numbers: Iterable[int]) -> None:
    """Record the numbers that accounts and groups have on nodes."""
    least, most = _range()
    _record("nodes", of_nodes(), (number for number in numbers if least <= number <= most))


def _recorded(kind: str) -> set[int]:
    ranges = host_state.recall(STATE).get(kind, [])
    return {number for first, last in ranges for number in range(first, last + 1)}


def _record(kind: str, before: set[int], numbers: Iterable[int]) -> None:
    if together := {*numbers} - before:
        together |= before
        firsts = sorted(number for number in together if number - 1 not in together)
        lasts = sorted(number for number in together if number + 1 not in together)
        ranges = [list(each) for each in zip(firsts, lasts, strict=True)]
        host_state.remember(STATE, {**host_state.recall(STATE), kind: ranges})


def reserve(numbers: Iterable[int]) -> None:
    """Reserve the GIDs of deleted groups that a process still has, so that not even useradd or groupadd can assign them.

    Create a group without members for each. Delete such groups from earlier calls whose GID no process has any more.
    """
    in_use = numbers_in_use()
    for number in sorted({*numbers} & in_use):
        if not _is_known(number):
            subprocess.run(
                ["groupadd", "--gid", str(number), f"{GONE}{number}"], check=True, capture_output=True
            )
    ours = given()
    for group in grp.getgrall():
        if group.gr_name == f"{GONE}{group.gr_gid}" and group.gr_gid in ours - in_use:
            subprocess.run(["groupdel", group.gr_name], check=True, capture_output=True)


def of_kept_home(name: str) -> int | None:
    """Return the UID of a deleted account whose home directory is kept.

    Return None if there is none, or if an account, group or process uses that number.
    """
    number = _former(name)
    if number is None or _is_known(number) or number in numbers_in_use():
        return None
    return number


def close_home(name: str, path: str, number: int) -> None:
    """Make root the owner of a home directory, because another account could get the UID of its deleted owner. Record the owner.

    name, number: name and UID of the deleted account.
    """
    state = host_state.recall(STATE)
    host_state.remember(STATE, {**state, "kept": {**state.get("kept", {}), name: number}})
    with contextlib.suppress(FileNotFoundError), permissions.opened(path) as home:
        os.fchown(home, 0, 0)
        os.fchmod(home, CLOSED)


def open_home(name: str) -> bool:
    """Give a recreated account its kept home directory, with the files that it owned there. Return whether there was one."""
    account = pwd.getpwnam(name)
    former = _former(name)
    if former is None:
        return False
    try:
        with permissions.opened(account.pw_dir) as home:
            if former != account.pw_uid:
                _give(home, former, account)
            os.fchown(home, account.pw_uid, account.pw_gid)
    except (FileNotFoundError, NotADirectoryError):
        return False
    state = host_state.recall(STATE)
    if state.get("kept", {}).pop(name, None) is not None:
        host_state.remember(STATE, state)
    return True


def kept_homes() -> set[str]:
    """Return the names of the deleted accounts whose home directories are kept."""
    return {*host_state.recall(STATE).get("kept", {})}


def forget_home(name: str) -> None:
    """Delete the record of an account's kept home directory, because the directory no longer exists."""
    state = host_state.recall(STATE)
    if state.get("kept", {}).pop(name, None) is not None:
        host_state.remember(STATE, state)


def _former(name: str) -> int | None:
    """Return the former UID of the owner of a kept home directory, or None if there is none."""
    kept = host_state.recall(STATE).get("kept", {})
    path = os.path.join(HOMES, name)
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(there.st_mode):
        return None
    if name in kept:
        return int(kept[name])
    # The home directory may be from a time when its owner was not changed, or its record may be lost. If its owner exists, it is not kept.
    owners = {there.st_uid} if there.st_uid else _owners([path], depth=1) - {0}
    strangers = sorted(number for number in owners if not _is_known(number))
    return strangers[0] if strangers and not there.st_mode & 0o077 else None


def _give(directory: int, former: int, account: pwd.struct_passwd) -> None:
    """Change the owner of everything in a directory that a UID owned. Nobody else has access during this, and links are not followed."""
    for _path, directories, files, place in os.fwalk(".", dir_fd=directory, follow_symlinks=False):
        for each in (*directories, *files):
            with contextlib.suppress(FileNotFoundError):
                there = os.stat(each, dir_fd=place, follow_symlinks=False)
                group = account.pw_gid if there.st_gid == former else -1
                # Skip files with several hard links, because the others may be outside the directory.
                if there.st_uid == former and (there.st_nlink == 1 or stat.S_ISDIR(there.st_mode)):
                    os.chown(each, account.pw_uid, group, dir_fd=place, follow_symlinks=False)


def _range(path: str = "/etc/login.defs") -> tuple[int, int]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    least, most = (
        int(found[1]) if (found := re.search(rf"^\s*{name}\s+(\d+)", text, re.M)) else default
        for name, default in (("UID_MIN", 1000), ("UID_MAX", 60000))
    )
    return least, most


def _owners(places: Iterable[str], depth: int = DEPTH) -> set[int]:
    """Return the UIDs and GIDs of everything in these directories, down to `depth` levels."""
    found = set()
    for place in places:
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # it was just removed
                    there = entry.stat(follow_symlinks=False)
                    found |= {there.st_uid, there.st_gid}
                    if depth > 1 and stat.S_ISDIR(there.st_mode):
                        found |= _owners([entry.path], depth - 1)
    return found


def _is_known(number: int) -> bool:
    """Return whether an account or a group has a number.

    Ask for this number only: directory services answer for single accounts that they do not list.
    """
    for ask in (pwd.getpwuid, grp.getgrgid):
        try:
            ask(number)
        except KeyError:
            continue
        return True
    return False
