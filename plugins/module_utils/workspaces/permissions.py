# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage a workspace of a project: its groups, and who can access its files, regardless of who created them.

While root walks through a workspace, its users can create anything there, such as links, or replace directories with links. So paths
never have more than one component, links are not followed, and each change is made through the file descriptor that was inspected.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from . import posix_acl
from .gates import OPEN, Gate
from .posix_acl import ALL, EXECUTE, READ, WRITE, Acl

LONGEST = 32  # characters in the name of a group on Linux
DEEPEST = 128  # levels of directories: each needs a file descriptor while its entries are inspected
TOLD = 20  # files that a report names
A_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
A_NAME = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID


def group_names(project: str, workspace: str) -> tuple[str, str]:
    """Return the names of a workspace's groups with write access and with read access."""
    digest = hashlib.sha256(f"{project}/{workspace}".encode()).hexdigest()[:6]
    readable = f"{project}-{workspace}"[: LONGEST - len(f"-{digest}-rw")].rstrip("-")
    return f"{readable}-{digest}-rw", f"{readable}-{digest}-ro"


@dataclass(frozen=True)
class Groups:
    """The GIDs of a workspace's groups."""

    writers: int
    readers: int

    def acl(self, permissions: int = ALL, users: Mapping[int, int] | None = None) -> Acl:
        """Return the access control list of a file in the workspace.

        permissions: those of the owner and of members with write access. users: permissions of further accounts, by UID.
        """
        reading = permissions & ~WRITE
        named = {self.writers: permissions, self.readers: reading}
        return Acl(permissions, permissions, 0, users or {}, named, permissions)

    def gate(self, gate: Gate) -> Acl:
        """Return the access control list of the workspace's top directory."""
        return Acl(ALL, 0, 0, gate.users, {}, ALL) if gate.by_name else self.acl(users=gate.users)


@dataclass
class Report:
    """The result of a repair: how many files were repaired, and how many were not. told: the first of the latter, with reasons."""

    repaired: int = 0
    left: int = 0
    told: list[str] = field(default_factory=list)

    def leave(self, path: str, reason: str) -> None:
        """Report a file that is not repaired."""
        self.left += 1
        if len(self.told) < TOLD:
            # A name may contain line breaks, or bytes that are not text.
            self.told.append(f"{repr(path)[1:-1]}: {reason}")


@contextlib.contextmanager
def opened(path: str, place: int | None = None, flags: int = A_DIRECTORY) -> Iterator[int]:
    """Open a directory or, with A_NAME, a file of any type, within this context. Links are not followed.

    place: the descriptor of the directory that `path` is relative to.
    """
    file = os.open(path, flags, dir_fd=place)
    try:
        yield file
    finally:
        os.close(file)


def repair(path: str, groups: Groups, owner: int, *, separate: bool = False) -> Report:
    """Restore the permissions of everything in a workspace.

    owner: the UID of the project's account. separate: whether to replace files that have hard links outside the workspace with copies.
    Users who have lost access to the workspace then keep the old content, and do not see later changes.
    """
    report = Report()
    with opened(path) as top:
        device = os.fstat(top).st_dev
        _walk(top, "", device, groups, owner, report, DEEPEST)
        if separate:
            inside: Counter[int] = Counter()
            _walk_links(top, device, groups, DEEPEST, inside, None)
            _walk_links(top, device, groups, DEEPEST, inside, report)
    return report


def _walk_links(
    directory: int, device: int, groups: Groups, deeper: int, inside: Counter[int], report: Report | None
) -> None:
    """Walk through files with several hard links.

    Without a report, count in `inside` the names of each file in the workspace. With a report, separate files that have more names.
    """
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        with contextlib.suppress(OSError), opened(name, directory, A_NAME) as file:
            there = os.fstat(file)
            if stat.S_ISDIR(there.st_mode) and there.st_dev == device and deeper:
                with opened(".", file) as below:
                    _walk_links(below, device, groups, deeper - 1, inside, report)
            elif stat.S_ISREG(there.st_mode) and there.st_nlink > 1 and _is_read(file, there, groups):
                if report is None:
                    inside[there.st_ino] += 1
                elif there.st_nlink > inside[there.st_ino] and _has_room(file, there):
                    _separate(file, name, directory)
                    inside[there.st_ino] -= 1
                    report.repaired += 1
                elif there.st_nlink > inside[there.st_ino]:
                    report.leave(name, "it has hard links elsewhere, and is too large to copy")


def _is_read(file: int, there: os.stat_result, groups: Groups) -> bool:
    """Return whether the file's own permissions allow the workspace's members to read it. Root must not copy other files for them.

    The file may have another group, because its owner can change it.
    """
    may = (posix_acl.read(file) or posix_acl.of_mode(there.st_mode)).effective
    return there.st_gid == groups.writers or bool((may.groups.get(groups.writers, 0) | may.other) & READ)


def _has_room(file: int, there: os.stat_result) -> bool:
    """Return whether a copy would use less than half of the free space. A sparse file can be larger than any disk."""
    space = os.statvfs(posix_acl.path_of(file))
    return there.st_size < space.f_bavail * space.f_frsize // 2


def _separate(file: int, name: str, directory: int) -> None:
    """Replace one of a file's hard links with a copy of the file."""
    there = os.fstat(file)
    new = f".{os.urandom(8).hex()}.collab-new"
    source = os.open(posix_acl.path_of(file), os.O_RDONLY | os.O_CLOEXEC)
    target = os.open(
        new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory
    )
    try:
        with open(source, "rb") as original, open(target, "wb") as copy:
            shutil.copyfileobj(original, copy)
            copy.flush()
            os.fchown(copy.fileno(), there.st_uid, there.st_gid)
            os.fchmod(copy.fileno(), stat.S_IMODE(there.st_mode) & ~SPECIAL_BITS)
            if acl := posix_acl.read(file):
                posix_acl.write(copy.fileno(), acl)
            os.utime(copy.fileno(), ns=(there.st_atime_ns, there.st_mtime_ns))
        os.rename(new, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        os.unlink(new, dir_fd=directory)
        raise


def close(path: str) -> None:
    """Close a directory, and all directories below it, to everyone but root."""
    with opened(path) as top:
        _close(top, DEEPEST)


def _close(directory: int, deeper: int) -> None:
    os.chown(posix_acl.path_of(directory), 0, 0)
    posix_acl.write(directory, Acl(ALL, 0))
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    for name in names if deeper else []:
        with contextlib.suppress(OSError), opened(name, directory) as below:
            _close(below, deeper - 1)


def _walk(
    directory: int, path: str, device: int, groups: Groups, owner: int, report: Report, deeper: int
) -> None:
    # Read all names first: while others keep adding entries, a scan might never end.
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        below = f"{path}{name}"
        try:
            with opened(name, directory, A_NAME) as file:
                _look_at(file, below, device, groups, owner, report, deeper)
        except FileNotFoundError:
            continue  # it was just removed
        except OSError as error:
            report.leave(below, error.strerror or str(error))


def _look_at(
    file: int, path: str, device: int, groups: Groups, owner: int, report: Report, deeper: int
) -> None:
    there = os.fstat(file)
    if there.st_dev != device:
        report.leave(path, "it is on another file system")
    elif stat.S_ISDIR(there.st_mode):
        report.repaired += open_directory(file, groups)
        if not deeper:
            report.leave(path, f"it is more than {DEEPEST} directories deep")
            return
        with opened(".", file) as inside:
            _walk(inside, f"{path}/", device, groups, owner, report, deeper - 1)
    elif stat.S_ISREG(there.st_mode):
        # Another hard link may be in a directory that the workspace's members must not access.
        if there.st_nlink > 1 and there.st_uid != owner:
            report.leave(path, "it has hard links")
        else:
            report.repaired += _open_file(file, there, groups)
    elif not stat.S_ISLNK(there.st_mode):
        report.leave(path, "it is neither a file nor a directory")


def is_open(file: int, groups: Groups, gate: Gate = OPEN) -> bool:
    """Return whether a directory, and what will be created in it, is already accessible to the groups."""
    there = os.fstat(file)
    return (
        there.st_gid == groups.writers
        and bool(there.st_mode & stat.S_ISGID)
        and posix_acl.read(file) == groups.gate(gate)
        and posix_acl.read(file, posix_acl.DEFAULT) == groups.acl()
    )


def open_directory(file: int, groups: Groups, gate: Gate = OPEN) -> bool:
    """Give the groups access to a directory, and to what will be created in it. Return whether this changed anything.

    gate: who can enter this directory. It does not apply to directories below. Raises OSError if the access control list is too long for
    the file system.
    """
    if is_open(file, groups, gate):
        return False
    os.chown(posix_acl.path_of(file), -1, groups.writers)
    posix_acl.write(file, groups.acl(), posix_acl.DEFAULT)
    posix_acl.write(file, groups.gate(gate))
    os.chmod(posix_acl.path_of(file), 0o2770)  # after the list, which sets the group's part of the mode
    return True


def _open_file(file: int, there: os.stat_result, groups: Groups) -> bool:
    """Give the groups access to a file: the owner's permissions, and always read permission. Return whether this changed anything."""
    permissions = READ | (there.st_mode >> 6 & (WRITE | EXECUTE))
    wanted = groups.acl(permissions)
    found = posix_acl.read(file) or posix_acl.of_mode(there.st_mode)
    special = there.st_mode & SPECIAL_BITS  # running such a file would grant the group's rights
    if there.st_gid == groups.writers and not special and found.effective == wanted.effective:
        return False
    if special:
        os.chmod(posix_acl.path_of(file), stat.S_IMODE(there.st_mode) & ~SPECIAL_BITS)
    os.chown(posix_acl.path_of(file), -1, groups.writers)
    posix_acl.write(file, wanted)
    return True
