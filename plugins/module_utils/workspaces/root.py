# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the directory that contains all workspaces: whether its file system is suitable, and only root can replace it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from typing import Any

from . import permissions, posix_acl

TRIED = permissions.Groups(writers=0, readers=1)  # for a test, with arbitrary GIDs
WRITTEN = b"\0" * 65536


def describe_root(root: str) -> dict[str, Any]:
    """Return whether a directory can contain workspaces, and why not. If it does not exist, describe its nearest existing parent.

    exists: whether the directory itself exists. filesystem: the type of the file system. writable, acl: whether files can be created and
    can have access control lists, as found by a test. free, size: in bytes. others: why accounts other than root could replace the
    directory, or empty. problem: why it cannot contain workspaces, or empty.
    """
    parent = _nearest(root)
    space = os.statvfs(parent)
    error = _try(parent)
    found: dict[str, Any] = {
        "exists": os.path.isdir(root) and not os.path.islink(root),
        "filesystem": _filesystem(parent),
        "writable": error in (0, errno.EOPNOTSUPP),
        "acl": error == 0,
        "free": space.f_bavail * space.f_frsize,
        "size": space.f_blocks * space.f_frsize,
        "others": exchangeable(root),
    }
    return {**found, "problem": found["others"] or _problem(root, found["filesystem"], error)}


def _nearest(path: str) -> str:
    """Return the path if it is a directory, or else its nearest parent that is."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _try(directory: str) -> int:
    """Create and remove a directory with a file, with permissions as in a workspace. Return the error number, or 0 on success."""
    try:
        with tempfile.TemporaryDirectory(dir=directory, prefix=".collab-new-") as tried:
            with permissions.opened(tried) as opened:
                posix_acl.write(opened, TRIED.acl())
                posix_acl.write(opened, TRIED.acl(), posix_acl.DEFAULT)
            with open(os.path.join(tried, "file"), "wb") as file:
                file.write(WRITTEN)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _problem(root: str, filesystem: str, error: int) -> str:
    if error == errno.EOPNOTSUPP:
        return (
            f"{root} is on a file system ({filesystem}) without POSIX access control lists, which let members of a project "
            "write to each other's files. Choose a directory on ext4, xfs or btrfs, for example"
        )
    if error == errno.ENOSPC:
        return f"the file system of {root} is full. Free some space there"
    if error == errno.EROFS:
        return f"the file system of {root} is mounted read-only. Mount it writable for root"
    if error:
        return f"cannot create files in {root} ({os.strerror(error)}). Make it writable for root"
    return ""


def exchangeable(root: str) -> str:
    """Return why accounts other than root could replace the directory or one of its parents, or an empty string."""
    path = os.path.normpath(root)
    while True:
        with contextlib.suppress(FileNotFoundError):
            there = os.lstat(path)
            if stat.S_ISLNK(there.st_mode):
                return f"{path} is a link. Name the directory itself"
            if not stat.S_ISDIR(there.st_mode):
                return (
                    f"{path} is not a directory. Choose another directory for the projects, or move it away"
                )
            if there.st_uid != 0 or there.st_mode & 0o022:
                return (
                    f"accounts other than root can write to {path} and could replace the workspaces. Make it private "
                    "to root (chown root and chmod go-w), or choose another directory for the projects"
                )
        if path == os.path.dirname(path):
            return ""
        path = os.path.dirname(path)


def _filesystem(path: str) -> str:
    """Return the type of a directory's file system, or an empty string if unknown."""
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    found = ""
    with contextlib.suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            before, _dash, after = line.partition(" - ")
            if before.split()[2] == number:
                found = after.split()[0]
    return found
