# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the accounts and groups of all projects at once, because useradd and groupadd rewrite all of /etc/passwd for each account."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess

from ..host import directory_services
from ..host.account_numbers import HOMES, NoNumber, Numbers, of_kept_home

SKELETON = "/etc/skel"
SHELL = "/bin/bash"
PRIVATE = 0o700
SECONDS = 120


class NotMade(Exception):
    """Accounts or groups could not be created."""


def make(accounts: list[str], groups: list[str], members: list[tuple[str, str]], comment: str) -> None:
    """Create accounts that nobody can log in to, and groups, and add accounts to groups. What exists is not changed.

    members: pairs of an account and a group. comment: the comment of the accounts. Raises NotMade.
    """
    if not (accounts or groups or members):
        return
    try:
        directory_services.check()
        numbers = Numbers()
        lines = [
            f'u {name} {of_kept_home(name) or numbers.take()} "{comment}" {HOMES}/{name} {SHELL}'
            for name in accounts
        ]
        lines += [f"g {name} {numbers.take()}" for name in groups]
    except (NoNumber, directory_services.Silent) as error:
        raise NotMade(str(error)) from error
    lines += [f"m {account} {group}" for account, group in members]
    numbers.remember()
    try:
        done = subprocess.run(
            ["systemd-sysusers", "-"],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        # It waits for the lock of /etc/passwd, which chfn also takes, and users can freeze what they run.
        raise NotMade(
            f"systemd-sysusers has not created accounts and groups within {SECONDS} s. Find out which process has locked "
            "/etc/.pwd.lock (lslocks), and end it"
        ) from None
    except FileNotFoundError:
        raise NotMade(
            "systemd-sysusers, which creates accounts and groups, is missing. Install it (apt-get install systemd)"
        ) from None
    if done.returncode:
        raise NotMade(f"systemd-sysusers failed to create accounts or groups: {done.stderr.strip()[-500:]}")


def make_home(name: str) -> None:
    """Create the home directory of an account, as useradd would."""
    account = pwd.getpwnam(name)
    # Create it under another name first, so that an existing home directory is always complete. Only root can write to its parent.
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
