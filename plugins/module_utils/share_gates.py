# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who passes the directory of a share, as the hub has decided it: the directory itself may say what someone has planted there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

STATE = "/var/lib/jupyterhub-projects"
NAME = "gates.json"


@dataclass(frozen=True)
class Gate:
    """Who passes the directory of a share to what is below.

    users: what accounts may do there, by number. by_name: whether nobody else passes; otherwise the share's groups do, and these accounts
    as said, whatever their groups. closed: why nobody passes at all; empty where someone does.
    """

    users: Mapping[int, int] = field(default_factory=dict)
    by_name: bool = False
    closed: str = ""


OPEN = Gate()


def recall() -> dict[str, Gate]:
    """Return the gates of shares, by `project/share`; none where the hub has decided nothing yet."""
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


def forget(share: str) -> None:
    """Forget the gate of a share that is gone: the next one of its name is not for the people of this one."""
    gates = recall()
    if gates.pop(share, None):
        remember(gates)


def remember(gates: Mapping[str, Gate]) -> None:
    """Write down the gates of all shares."""
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
