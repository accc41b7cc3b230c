# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts and groups of projects, made all at once: useradd and groupadd write all of /etc/passwd and its like for each."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator

HOMES = "/home"
SKELETON = "/etc/skel"
SHELL = "/bin/bash"
PRIVATE = 0o700


class NotMade(Exception):
    """The host has refused accounts or groups."""


def make(accounts: list[str], groups: list[str], members: list[tuple[str, str]], comment: str) -> None:
    """Make accounts that nobody logs in to, groups, and put accounts in groups. What is there stays as it is.

    members: pairs of an account and a group. Raises NotMade.
    """
    free = _free_numbers()
    lines = [
        f'u {name} {_number_of_kept_home(name) or next(free)} "{comment}" {HOMES}/{name} {SHELL}'
        for name in accounts
    ]
    lines += [f"g {name} {next(free)}" for name in groups]
    lines += [f"m {account} {group}" for account, group in members]
    if not lines:
        return
    try:
        done = subprocess.run(
            ["systemd-sysusers", "-"], input="\n".join(lines), capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise NotMade(
            "systemd-sysusers is not there, which makes accounts and groups: install it (apt-get install systemd)"
        ) from None
    if done.returncode:
        raise NotMade(f"systemd-sysusers made no accounts or groups: {done.stderr.strip()[-500:]}")


def make_home(name: str) -> None:
    """Give an account the home that useradd would have made."""
    account = pwd.getpwnam(name)
    # Beside its place first, so that a home is whole where it is there at all. Nobody but root writes in the directory.
    new = os.path.join(os.path.dirname(account.pw_dir), f".{name}.collab-new")
    shutil.rmtree(new, ignore_errors=True)
    if os.path.isdir(SKELETON):
        shutil.copytree(SKELETON, new, symlinks=True)
    else:
        os.mkdir(new)
    for directory, directories, files in os.walk(new):
        for each in (*directories, *files):
            os.lchown(os.path.join(directory, each), account.pw_uid, account.pw_gid)
    os.chmod(new, PRIVATE)
    os.chown(new, account.pw_uid, account.pw_gid)
    os.rename(new, account.pw_dir)


def _number_of_kept_home(name: str) -> int | None:
    """Return the number that owns the kept home of an account, where it is free."""
    try:
        number = os.stat(os.path.join(HOMES, name)).st_uid
        pwd.getpwuid(number)
    except FileNotFoundError:
        return None
    except KeyError:
        return number
    return None


def _free_numbers(path: str = "/etc/login.defs") -> Iterator[int]:
    """Yield numbers that are neither an account's nor a group's, from the range of those that are not the system's."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    least, most = (
        int(found[1]) if (found := re.search(rf"^\s*{name}\s+(\d+)", text, re.M)) else default
        for name, default in (("UID_MIN", 1000), ("UID_MAX", 60000))
    )
    used = {each.pw_uid for each in pwd.getpwall()} | {each.gr_gid for each in grp.getgrall()}
    for number in range(least, most + 1):
        if number not in used and not _is_known(number):
            yield number
    raise NotMade(
        f"there is no number left for an account between {least} and {most} (UID_MIN and UID_MAX of {path})"
    )


def _is_known(number: int) -> bool:
    """Ask for a number alone: a directory service tells of one account what it does not list."""
    for ask in (pwd.getpwuid, grp.getgrgid):
        try:
            ask(number)
        except KeyError:
            continue
        return True
    return False
