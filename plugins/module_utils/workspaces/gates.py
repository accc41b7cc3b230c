# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the hub's decisions on who can enter a workspace. Do not rely on the directory itself, whose access list can be manipulated."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import json
import os
import pwd
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

STATE = "/var/lib/jupyterhub-projects"
NAME = "gates.json"
GIVEN = "given.json"  # who was given what (see jupyterhub_collab.hub.workspace_access)
RIGHTS = (
    "shares"  # in GIVEN, the rights of an account by workspace, under the name that earlier versions wrote
)
LOCK = "lock"  # of the record of gates, which both the hub and plays change
NEW = ".collab-new"  # the end of the names of files that are being written
SECONDS = 10
POLL_SECONDS = 0.02


class Busy(Exception):
    """Another process has been changing the record of gates for too long. Nothing was changed."""


@dataclass(frozen=True)
class Gate:
    """Who can pass a workspace's top directory, to what is below.

    users: permissions of accounts, by UID, regardless of their groups. by_name: whether only these accounts can pass. Otherwise, the
    workspace's groups can pass as well. closed: why nobody can pass at all, or empty.
    """

    users: Mapping[int, int] = field(default_factory=dict)
    by_name: bool = False
    closed: str = ""


OPEN = Gate()


def recall() -> dict[str, Gate]:
    """Return the gates of workspaces, by `project/workspace`. Empty if the hub has not decided anything yet."""
    try:
        with open(os.path.join(STATE, NAME), encoding="utf-8") as file:
            told = json.load(file)
    except FileNotFoundError:
        return {}
    return {
        workspace: Gate(
            {int(number): may for number, may in gate["users"].items()}, gate["by_name"], gate["closed"]
        )
        for workspace, gate in told.items()
    }


def once_given(workspace: str) -> set[int]:
    """Return the UIDs of the accounts that were ever given a workspace, as the hub has recorded them. Root is left out."""
    try:
        with open(os.path.join(STATE, GIVEN), encoding="utf-8") as file:
            told = json.load(file)
    except FileNotFoundError:
        return set()
    found = set()
    for account in [account for account, given in told.items() if workspace in given[RIGHTS]]:
        with contextlib.suppress(KeyError):
            found.add(pwd.getpwnam(account).pw_uid)
    return found - {0}


def forget(workspace: str) -> None:
    """Forget the gate of a deleted workspace. A new workspace with the same name must not admit the users of the old one.

    Raises Busy.
    """
    if os.path.isdir(STATE):
        update({workspace: OPEN}, {})


def update(before: Mapping[str, Gate], after: Mapping[str, Gate], seconds: float = SECONDS) -> None:
    """Record what differs between two sets of gates, by workspace. What others have recorded of other workspaces stays.

    seconds: how long to wait for others. Raises Busy.
    """
    with locked(seconds):
        try:
            gates = recall()
        except ValueError:  # its file system has lost its content
            gates, before = {}, {}
        kept = {
            workspace: gate
            for workspace, gate in gates.items()
            if workspace in after or workspace not in before
        }
        kept |= {workspace: gate for workspace, gate in after.items() if before.get(workspace) != gate}
        told = {
            workspace: {"users": dict(gate.users), "by_name": gate.by_name, "closed": gate.closed}
            for workspace, gate in kept.items()
        }
        if kept != gates:
            write(NAME, told)


def write(name: str, what: Any) -> None:
    """Replace a file in STATE. Its readers find either the old content or the new, however many processes write it."""
    os.makedirs(STATE, mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=STATE, prefix=f".{name}.", suffix=NEW)  # with mode 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(what, file)
        os.replace(temporary, os.path.join(STATE, name))
    except BaseException:
        os.unlink(temporary)
        raise


def sweep(seconds: float = SECONDS) -> None:
    """Remove what killed processes have left of files that they were writing. Call this before writing other files. Raises Busy."""
    with locked(seconds):
        for path in glob.glob(os.path.join(glob.escape(STATE), f".*{NEW}")):
            os.unlink(path)


@contextlib.contextmanager
def locked(seconds: float = SECONDS) -> Iterator[None]:
    """Hold the lock of the record within this context. The kernel releases it when its process ends. Raises Busy after `seconds`."""
    os.makedirs(STATE, mode=0o700, exist_ok=True)
    deadline = time.monotonic() + seconds
    with open(
        os.open(os.path.join(STATE, LOCK), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "w"
    ) as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Busy(
                        f"another process has been changing {os.path.join(STATE, NAME)} for {seconds} s. Continue or end it, then rerun"
                    ) from None
            time.sleep(POLL_SECONDS)
        yield
