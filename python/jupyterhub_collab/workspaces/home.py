# SPDX-License-Identifier: GPL-3.0-or-later
"""Link to workspaces from a home directory.

This does nothing as root, because the account that owns the home directory could place links there that root would follow. It becomes
that account after it has started. Otherwise, the account's processes could stop it before the hub hears that it has started, and the
hub would wait.

    python home.py GID UID    reads a JSON object from standard input, and prints one line if it leaves an existing file alone

The object has `path`, the link in the home directory, and `mount` and `root` of all workspaces. With `target`, the path becomes a link.
With `links` (name below the path -> target), it becomes a directory of links. With neither, it is removed. This file imports nothing of
the package.
"""

from __future__ import annotations

import json
import os
import sys


def show(path: str, mount: str, root: str, target: str = "", links: dict[str, str] | None = None) -> str:
    """Create, change or remove the link. Return what was left alone, empty if nothing was."""
    if os.path.lexists(path):
        if not is_ours(path, mount, root):
            return f"{path} already exists" if target or links else ""
        if (os.path.islink(path) and os.readlink(path)) == target:
            return ""
        remove(path)
    if target:
        os.symlink(target, path)
    for name, place in (links or {}).items():
        os.makedirs(os.path.dirname(f"{path}/{name}"), exist_ok=True)
        os.symlink(place, f"{path}/{name}")
    return ""


def is_ours(path: str, mount: str, root: str) -> bool:
    """Return whether the path is a link to the mount or the root, or a directory that contains only links to workspaces."""
    if os.path.islink(path):
        return os.readlink(path) in (mount, root)
    if not os.path.isdir(path):
        return False
    below = [os.path.join(path, name) for name in os.listdir(path)]
    return all(os.path.isdir(each) and not os.path.islink(each) for each in below) and all(
        os.path.islink(f"{each}/{name}") and os.readlink(f"{each}/{name}").startswith(f"{root}/")
        for each in below
        for name in os.listdir(each)
    )


def remove(path: str) -> None:
    """Remove a path for which `is_ours` is true. A directory that contains anything else stays."""
    if os.path.islink(path):
        os.unlink(path)
        return
    for name in os.listdir(path):
        below = os.path.join(path, name)
        for link in os.listdir(below):
            os.unlink(os.path.join(below, link))
        os.rmdir(below)
    os.rmdir(path)


def become(group: int, user: int) -> None:
    """Give up root's rights for those of an account."""
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


if __name__ == "__main__":
    become(*map(int, sys.argv[1:]))
    print(show(**json.load(sys.stdin)))
