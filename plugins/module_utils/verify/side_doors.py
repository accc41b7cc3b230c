# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what accounts on the host could get from deleted accounts: reused UIDs and GIDs, and files without an owner."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd

from ..host import account_numbers
from ..projects.state import Projects
from ..workspaces import gates
from ..workspaces.processes import all_processes

# Where the host keeps jobs: crontabs and the mark of a lingering account are named after the account, jobs of at belong to it.
CRONTABS = ("/var/spool/cron/crontabs", "/var/spool/cron")
AT_JOBS = ("/var/spool/cron/atjobs", "/var/spool/at")
LINGER = "/var/lib/systemd/linger"


def reused_groups() -> list[str]:
    """Return a sentence for each group whose GID a process still has from a deleted group.

    A process keeps the GIDs of its groups. If the group that has the GID now has no members, the process did not get it from this group.
    """
    found = []
    ours = account_numbers.given()
    holders: dict[int, list[int]] = {}
    for process, users, groups in all_processes():
        for number in {*groups} & ours:
            if users[0] != number:
                holders.setdefault(number, []).append(process)
    for group in grp.getgrall():
        is_new = group.gr_gid in holders and not group.gr_name.startswith(account_numbers.GONE)
        if is_new and not group.gr_name.endswith(("-rw", "-ro")) and not group.gr_mem:
            found.append(
                f"group {group.gr_name} has GID {group.gr_gid}, which process {holders[group.gr_gid][0]} still has from a deleted group. "
                "End that process"
            )
    return found


def left_to_others(state_directory: str) -> list[str]:
    """Return a sentence for each directory of a deleted account that is owned by a UID that another account has or may get."""
    found = []
    for account in sorted(account_numbers.kept_homes()):
        path = os.path.join(account_numbers.HOMES, account)
        with contextlib.suppress(FileNotFoundError):
            owner = os.lstat(path).st_uid
            if owner and _number_of(account) != owner:
                found.append(
                    f"{path}, the kept home directory of a deleted account, belongs to {_name(owner)}. Give it to root"
                )
    for account in sorted(os.listdir(state_directory)) if os.path.isdir(state_directory) else []:
        for server in _directories(os.path.join(state_directory, account)):
            owner = os.lstat(server).st_uid
            if owner and _number_of(account) != owner:
                found.append(
                    f"{server}, the state of servers of {account}, belongs to {_name(owner)}. Remove it, or give it to root"
                )
    return found


def jobs(accounts: list[str]) -> list[str]:
    """Return a sentence for each of these accounts that the host runs jobs for, whether or not its server is running."""
    found = []
    for account in accounts:
        kinds = [
            *(
                ["a crontab"]
                if any(os.path.lexists(os.path.join(path, account)) for path in CRONTABS)
                else []
            ),
            *(["jobs of at"] if _number_of(account) in _owners(AT_JOBS) else []),
            *(["services of its own"] if os.path.lexists(os.path.join(LINGER, account)) else []),
        ]
        if kinds:
            found.append(f"account {account} has {' and '.join(kinds)}")
    return found


def _owners(directories: tuple[str, ...]) -> set[int]:
    """Return the UIDs that own files in directories."""
    found = set()
    for path in directories:
        with contextlib.suppress(OSError), os.scandir(path) as entries:
            found |= {
                entry.stat(follow_symlinks=False).st_uid
                for entry in entries
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
            }
    return found


def closed_workspaces(unit: str) -> list[str]:
    """Return a sentence for each workspace that nobody can use, without those of other hubs. unit: the systemd unit of the hub."""
    others = {name for name, units in Projects(unit).of_others.items() if unit not in units}
    return [
        f"workspace {workspace} is closed to everyone: {gate.closed}"
        for workspace, gate in sorted(gates.recall().items())
        if gate.closed and workspace.partition("/")[0] not in others
    ]


def _directories(path: str) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _number_of(account: str) -> int | None:
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError:
        return None


def _name(number: int) -> str:
    try:
        return f"account {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"UID {number}, which the next account may get"
