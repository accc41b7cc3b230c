# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives what is in shares to their groups again: a process of its own, so that the hub answers meanwhile.

    python -m jupyterhub_collab.workspaces.repair    reads JSON from its input

The JSON: `root`, `shares`, which has the project's account by `project/share`, and `separate` (see `shares.repair`).

Prints a line for each share in which something was put right or left alone.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import sys
from collections.abc import Mapping

from . import shares


def numbers_of(share: str) -> shares.Groups:
    """Return the numbers of a share's groups. Raises KeyError where it has none."""
    project, _slash, name = share.partition("/")
    writers, readers = (grp.getgrnam(group).gr_gid for group in shares.group_names(project, name))
    return shares.Groups(writers, readers)


def repair(root: str, accounts: Mapping[str, str], separate: bool) -> list[str]:
    """Walk through shares; return a sentence for each in which there was something to do."""
    told = []
    for name, account in accounts.items():
        path = os.path.join(root, name)
        try:
            report = shares.repair(path, numbers_of(name), _number_of(account), separate=separate)
        except (OSError, KeyError) as error:
            told.append(f"{name}: {error}")
            continue
        if report.repaired:
            told.append(f"{name}: {report.repaired} files given to its groups again")
        told += [f"{name}: left alone: {each}" for each in report.told]
    return told


def _number_of(account: str) -> int:
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError:  # it is gone, and has no files whose further names would be its own
        return 0


def main() -> None:
    os.nice(10)
    wanted = json.load(sys.stdin)
    print("\n".join(repair(wanted["root"], wanted["shares"], wanted["separate"])))


if __name__ == "__main__":
    main()
