# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts and groups of projects, made all at once: useradd and groupadd write all of /etc/passwd and its like for each."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess

from .account_numbers import HOMES, NoNumber, Numbers, of_kept_home

SKELETON = "/etc/skel"
SHELL = "/bin/bash"
PRIVATE = 0o700


class NotMade(Exception):
    """The host has refused accounts or groups."""


def make(accounts: list[str], groups: list[str], members: list[tuple[str, str]], comment: str) -> None:
    """Make accounts that nobody logs in to, groups, and put accounts in groups. What is there stays as it is.

    members: pairs of an account and a group. Raises NotMade.
    """
    if not (accounts or groups or members):
        return
    numbers = Numbers()
    try:
        lines = [
            f'u {name} {of_kept_home(name) or numbers.take()} "{comment}" {HOMES}/{name} {SHELL}'
            for name in accounts
        ]
        lines += [f"g {name} {numbers.take()}" for name in groups]
    except NoNumber as error:
        raise NotMade(str(error)) from error
    lines += [f"m {account} {group}" for account, group in members]
    numbers.remember()
    try:
        done = subprocess.run(
            ["systemd-sysusers", "-"], input="\n".join(lines), capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise NotMade(
            "systemd-sysusers, which creates accounts and groups, is missing. Install it (apt-get install systemd)"
        ) from None
    if done.returncode:
        raise NotMade(f"systemd-sysusers failed to create accounts or groups: {done.stderr.strip()[-500:]}")


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
