# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives what is in shares to their groups again: a process of its own, so that the hub answers meanwhile.

    python -m jupyterhub_collab.workspaces.repair    reads JSON from its input

The JSON: `root`, `shares`, which has the project's account by `project/share`, `separate` (see `shares.repair`), and `lost`, the accounts that
have lost a share, by share.

Prints a line for each share in which something was put right or left alone.
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

from . import share_gates, share_users, shares
from .processes import everybody


def numbers_of(share: str) -> shares.Groups:
    """Return the numbers of a share's groups. Raises KeyError where it has none."""
    project, _slash, name = share.partition("/")
    writers, readers = (grp.getgrnam(group).gr_gid for group in shares.group_names(project, name))
    return shares.Groups(writers, readers)


def repair(
    root: str,
    accounts: Mapping[str, str],
    separate: bool,
    lost: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[str]:
    """Walk through shares; return a sentence for each in which there was something to do.

    lost: accounts that have lost a share. What they, or others whom they have handed it to, have of it ends: also what got its groups just now.
    """
    told = []
    for name, account in accounts.items():
        path = os.path.join(root, name)
        try:
            report = shares.repair(path, numbers_of(name), _number_of(account), separate=separate)
        except (OSError, KeyError) as error:
            told.append(f"{name}: {error}")
            continue
        if report.repaired:
            told.append(f"{name}: permissions of {report.repaired} files restored")
        told += [f"{name}: left alone: {each}" for each in report.told]
        if name in lost:
            told += [f"{name}: {each}" for each in _end_strangers(name, path, lost[name])]
    return told


def _end_strangers(name: str, path: str, lost: Sequence[str]) -> Iterator[str]:
    """End what people have of a share who do not pass its directory; yield in a sentence each what goes on."""
    groups = {numbers_of(name).writers}
    alive = {number for _process, numbers, _groups in everybody() for number in numbers}
    numbers = {_number_of(account) for account in lost} & alive - {0}
    left: set[int] = set()
    for number in numbers:
        left |= {*share_users.end(partial(share_users.users, groups, number, path))}
    if share_gates.recall().get(name, share_gates.OPEN).by_name:
        strangers = partial(share_users.users, groups, share=path, passing=lambda: _passing(name))
        left |= {*share_users.end(strangers)}
    for process in sorted(left):
        yield f"process {process} of a user without access has files of it open and does not end"


def _passing(name: str) -> set[int]:
    return {number for number, may in share_gates.recall()[name].users.items() if may}


def _number_of(account: str) -> int:
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError:  # it is gone, and has no files whose further names would be its own
        return 0


def main() -> None:
    os.nice(10)
    wanted = json.load(sys.stdin)
    print("\n".join(repair(wanted["root"], wanted["shares"], wanted["separate"], wanted["lost"])))


if __name__ == "__main__":
    main()
