# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory below which all projects have their shares: whether its file system does, and nobody but root is above it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from typing import Any

from . import posix_acl, shares

TRIED = shares.Groups(writers=0, readers=1)  # any numbers do
WRITTEN = b"\0" * 65536


def describe_root(root: str) -> dict[str, Any]:
    """Return what tells whether a directory can hold shares. What is not there yet is told of the parent that is.

    exists: whether it is there. filesystem: its type. writable, acl: whether files can be made and get access control lists, tried
    for real. free, size: bytes. others: why others than root could exchange it, empty where they cannot. problem: why there can be
    no share below it, empty where there can.
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
    """Return the nearest directory that exists, of a path that may not."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _try(directory: str) -> int:
    """Make a directory and a file in it as a share has them, and remove them; return the number of the error, 0 without one."""
    try:
        with tempfile.TemporaryDirectory(dir=directory, prefix=".collab-new-") as tried:
            with shares.opened(tried) as opened:
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
    """Return why others than root could replace the directory or one of its parents."""
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
                    f"others than root can write to {path} and could replace the workspaces. Make it private "
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
