# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workspace of a project: its groups, and who can do what with the files in it, regardless of who created them.

Users of a workspace can put anything there while root walks through it, such as links and directories that become links. So
nothing is reached by a path of more than one name, no link is followed, and what is changed is what was looked at.
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
from .posix_acl import ALL, EXECUTE, READ, WRITE, Acl
from .share_gates import OPEN, Gate

LONGEST = 32  # of the names of groups on Linux
DEEPEST = 128  # directories in directories: each takes a descriptor while those in it are looked at
TOLD = 20  # files that a report names
A_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
A_NAME = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID


def group_names(project: str, share: str) -> tuple[str, str]:
    """Return the groups of those who write in a share, and of those who read there."""
    digest = hashlib.sha256(f"{project}/{share}".encode()).hexdigest()[:6]
    readable = f"{project}-{share}"[: LONGEST - len(f"-{digest}-rw")].rstrip("-")
    return f"{readable}-{digest}-rw", f"{readable}-{digest}-ro"


@dataclass(frozen=True)
class Groups:
    """The numbers of a share's groups."""

    writers: int
    readers: int

    def acl(self, permissions: int = ALL, users: Mapping[int, int] | None = None) -> Acl:
        """Return the list of a file in the share for which those who write there have these permissions."""
        reading = permissions & ~WRITE
        named = {self.writers: permissions, self.readers: reading}
        return Acl(permissions, permissions, 0, users or {}, named, permissions)

    def gate(self, gate: Gate) -> Acl:
        """Return the list of the share's own directory."""
        return Acl(ALL, 0, 0, gate.users, {}, ALL) if gate.by_name else self.acl(users=gate.users)


@dataclass
class Report:
    """What a walk has put right, and what it has left alone, each with the reason; of many the first ones."""

    repaired: int = 0
    left: int = 0
    told: list[str] = field(default_factory=list)

    def leave(self, path: str, reason: str) -> None:
        """Count a file that stays as it is."""
        self.left += 1
        if len(self.told) < TOLD:
            # A name may have lines in it, or bytes that are no letters.
            self.told.append(f"{repr(path)[1:-1]}: {reason}")


@contextlib.contextmanager
def opened(path: str, place: int | None = None, flags: int = A_DIRECTORY) -> Iterator[int]:
    """Open a directory, or with A_NAME whatever has this name, for as long as it is needed. Follows no link."""
    file = os.open(path, flags, dir_fd=place)
    try:
        yield file
    finally:
        os.close(file)


def repair(path: str, groups: Groups, owner: int, *, separate: bool = False) -> Report:
    """Restore the permissions of everything in a workspace.

    owner: the UID of the project's account. separate: whether to copy files that have hard links outside the workspace. Users who have
    lost the workspace then keep the old content, and do not see later changes.
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
    """Count the names of each file that has several, or with a report separate those that have more names than were counted."""
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
    """Return whether those in the share may read a file by what it says itself: root must copy nothing else into the share.

    Its owner may have given it another group.
    """
    may = (posix_acl.read(file) or posix_acl.of_mode(there.st_mode)).effective
    return there.st_gid == groups.writers or bool((may.groups.get(groups.writers, 0) | may.other) & READ)


def _has_room(file: int, there: os.stat_result) -> bool:
    """Return whether a copy leaves half of the free space: with holes in it a file may be larger than any disk."""
    space = os.statvfs(posix_acl.path_of(file))
    return there.st_size < space.f_bavail * space.f_frsize // 2


def _separate(file: int, name: str, directory: int) -> None:
    """Replace one of a file's names by a copy of the file."""
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
    """Take a directory and all those below it from everyone but root."""
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
    # The list is read whole, since a directory that others change goes on for as long as they like.
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        below = f"{path}{name}"
        try:
            with opened(name, directory, A_NAME) as file:
                _look_at(file, below, device, groups, owner, report, deeper)
        except FileNotFoundError:
            continue  # it went this instant
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
        # A second name may be one in a directory that the share's members have no business in.
        if there.st_nlink > 1 and there.st_uid != owner:
            report.leave(path, "it has hard links")
        else:
            report.repaired += _open_file(file, there, groups)
    elif not stat.S_ISLNK(there.st_mode):
        report.leave(path, "it is neither a file nor a directory")


def is_open(file: int, groups: Groups, gate: Gate = OPEN) -> bool:
    """Return whether a directory, and what will be made in it, is the groups' already."""
    there = os.fstat(file)
    return (
        there.st_gid == groups.writers
        and bool(there.st_mode & stat.S_ISGID)
        and posix_acl.read(file) == groups.gate(gate)
        and posix_acl.read(file, posix_acl.DEFAULT) == groups.acl()
    )


def open_directory(file: int, groups: Groups, gate: Gate = OPEN) -> bool:
    """Give a directory, and what will be made in it, to the groups; return whether that changed anything.

    gate: who passes it; only this directory, and not those that will be made in it. Raises OSError where the list is too long for the file
    system.
    """
    if is_open(file, groups, gate):
        return False
    os.chown(posix_acl.path_of(file), -1, groups.writers)
    posix_acl.write(file, groups.acl(), posix_acl.DEFAULT)
    posix_acl.write(file, groups.gate(gate))
    os.chmod(posix_acl.path_of(file), 0o2770)  # after the list, as that makes the group's part of the mode
    return True


def _open_file(file: int, there: os.stat_result, groups: Groups) -> bool:
    """Give a file to the groups, who get what its owner has, and may read it at least."""
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
