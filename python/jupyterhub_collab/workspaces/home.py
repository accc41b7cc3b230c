# SPDX-License-Identifier: GPL-3.0-or-later
"""What shows the shares in the home of an account, done as that account and never as root: it is the account's directory.

    python home.py    reads a JSON object from its input, and says in one line what it has left alone

The object: `path` of the link in the home directory, `mount` and `root` of all workspaces, and either `target`, which makes it a link, or
`links` (name below it to target), which make it a directory of links; with neither it goes. Imports nothing of ours.
"""

from __future__ import annotations

import json
import os
import sys


def show(path: str, mount: str, root: str, target: str = "", links: dict[str, str] | None = None) -> str:
    """Make it so; return what was left alone, empty where nothing was."""
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
    """Return whether there is a link to the mount, or a directory with nothing in it but links to shares."""
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
    """Remove what `is_ours`, and nothing that is not: a directory that holds more stays."""
    if os.path.islink(path):
        os.unlink(path)
        return
    for name in os.listdir(path):
        below = os.path.join(path, name)
        for link in os.listdir(below):
            os.unlink(os.path.join(below, link))
        os.rmdir(below)
    os.rmdir(path)


if __name__ == "__main__":
    print(show(**json.load(sys.stdin)))
