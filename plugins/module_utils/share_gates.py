# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the hub's decisions on who can enter a workspace. Do not rely on the directory itself, whose access list can be manipulated."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field

STATE = "/var/lib/jupyterhub-projects"
NAME = "gates.json"
GIVEN = "given.json"  # who was given what (see jupyterhub_collab.hub.given_shares)


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
        share: Gate(
            {int(number): may for number, may in gate["users"].items()}, gate["by_name"], gate["closed"]
        )
        for share, gate in told.items()
    }


def once_given(share: str) -> set[int]:
    """Return the UIDs of the accounts that were ever given a workspace, as the hub has recorded them. Root is left out."""
    try:
        with open(os.path.join(STATE, GIVEN), encoding="utf-8") as file:
            told = json.load(file)
    except FileNotFoundError:
        return set()
    found = set()
    for account in [account for account, given in told.items() if share in given["shares"]]:
        with contextlib.suppress(KeyError):
            found.add(pwd.getpwnam(account).pw_uid)
    return found - {0}


def forget(share: str) -> None:
    """Forget the gate of a deleted workspace. A new workspace with the same name must not admit the users of the old one."""
    gates = recall()
    if gates.pop(share, None):
        remember(gates)


def remember(gates: Mapping[str, Gate]) -> None:
    """Record the gates of all workspaces, replacing the earlier record."""
    path = os.path.join(STATE, NAME)
    os.makedirs(STATE, mode=0o700, exist_ok=True)
    temporary = f"{path}.collab-new"
    with open(
        os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        told = {
            share: {"users": dict(gate.users), "by_name": gate.by_name, "closed": gate.closed}
            for share, gate in gates.items()
        }
        json.dump(told, file)
    os.replace(temporary, path)
