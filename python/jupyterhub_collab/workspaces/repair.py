# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore the permissions of files in workspaces.

This runs in a separate process, so that the hub keeps answering.

    python -m jupyterhub_collab.workspaces.repair    reads a JSON object from standard input

The object has `root`, `workspaces` (`project/workspace` -> the project's account), `separate` (see `permissions.repair`),
and `lost` (`project/workspace` -> accounts that have lost access).

Prints a line for each workspace in which it restored or skipped something.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from . import gates, holders, permissions
from .processes import halted


def numbers_of(workspace: str) -> permissions.Groups:
    """Return the GIDs of a workspace's groups. Raises KeyError if a group does not exist."""
    project, _slash, name = workspace.partition("/")
    writers, readers = (grp.getgrnam(group).gr_gid for group in permissions.group_names(project, name))
    return permissions.Groups(writers, readers)


def repair(
    root: str,
    accounts: Mapping[str, str],
    separate: bool,
    lost: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[str]:
    """Restore the permissions of all files in these workspaces, and return one sentence for each problem or repair.

    root, accounts, separate, lost: see the module; `accounts` is its `workspaces`. Processes that still use a workspace which their
    account has lost are ended, also those of other accounts that got an open file from it. This comes after the walk, because a file may
    get the workspace's groups only in the walk.
    """
    told = []
    for name, account in accounts.items():
        path = os.path.join(root, name)
        try:
            report = permissions.repair(path, numbers_of(name), _number_of(account), separate=separate)
        except (OSError, KeyError) as error:
            told.append(f"{name}: {error}")
            continue
        if report.repaired:
            told.append(f"{name}: permissions of {report.repaired} files restored")
        told += [f"{name}: skipped {each}" for each in report.told]
        if name in lost:
            told += [f"{name}: {each}" for each in _end_strangers(name, path, lost[name])]
    return told


def _end_strangers(name: str, path: str, lost: Sequence[str]) -> Iterator[str]:
    """End processes that use a workspace without access to it. Yield a sentence for each one that does not end."""
    groups = {numbers_of(name).writers}
    left: set[int] = set()
    for number in {_number_of(account) for account in lost} - {0}:
        with halted([number]):
            left |= {*holders.end(partial(holders.users, groups, number, path))}
    if gates.recall().get(name, gates.OPEN).by_name:
        strangers = partial(holders.users, groups, workspace=path, passing=lambda: _passing(name))
        left |= {*holders.end(strangers)}
    for process in sorted(left):
        yield f"process {process} of a user without access has files of it open and does not end"


def _passing(name: str) -> set[int]:
    return {number for number, may in gates.recall()[name].users.items() if may}


def _number_of(account: str) -> int:
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError:  # no such account, so no file with several hard links is its own
        return 0


def main() -> None:
    os.nice(10)
    wanted = json.load(sys.stdin)
    print("\n".join(repair(wanted["root"], wanted["workspaces"], wanted["separate"], wanted["lost"])))


if __name__ == "__main__":
    main()
