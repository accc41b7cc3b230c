# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What installations have done to the Python environments of a host, so that it can be taken back.

The record of an environment says which distributions were not there before (`added`), and which were there in another
version (`changed`, each with that version and the one that came instead). Names are normalized.
"""

from __future__ import annotations

import copy
from typing import Any

from . import host_state

NAME = "packages.json"
Versions = dict[str, str]


class Record:
    """The record of one environment."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self.all: dict[str, Any] = {"environments": {}, **host_state.recall(NAME)}
        there = self.all["environments"].get(environment, {})
        self.added: list[str] = there.get("added", [])
        self.changed: dict[str, list[str]] = there.get("changed", {})

    def note(self, before: Versions, after: Versions) -> None:
        """Add what distinguishes two states of the environment to what is recorded, and keep it."""
        for name, version in sorted(after.items()):
            if name not in before:
                self.added += [] if name in self.added else [name]
            elif version != before[name] and name not in self.added:
                self.changed[name] = [self.changed.get(name, [before[name]])[0], version]
        self.save()

    def note_tool(self, directory: str) -> None:
        """Keep that a tool was put in a directory for the sake of what is recorded."""
        self.all["tool"] = directory

    def save(self) -> None:
        if self.added or self.changed:
            self.all["environments"][self.environment] = {"added": self.added, "changed": self.changed}
        else:
            self.all["environments"].pop(self.environment, None)
        host_state.remember(NAME, self.all if self.all["environments"] else {})

    def forget(self, changed: dict[str, list[str]]) -> str:
        """Keep nothing of the environment but these changes; return the tool's directory where nothing needs it any more."""
        self.added, self.changed = [], changed
        self.save()
        return "" if self.all["environments"] else str(self.all.get("tool", ""))

    def copy(self) -> Record:
        return copy.deepcopy(self)

    def to_put_back(self, now: Versions) -> Versions:
        """Return the versions of before of what was changed and is still as it was changed."""
        return {name: old for name, (old, new) in self.changed.items() if now.get(name) == new}


def environments() -> list[str]:
    """Return the environments of the host that something is recorded of."""
    return sorted(host_state.recall(NAME).get("environments", {}))


def split(added: list[str], needs: dict[str, list[str]]) -> tuple[list[str], dict[str, list[str]]]:
    """Return which of the added distributions can go, and which stay, each with those that stay and need it.

    `needs` says of every distribution that is there which ones it requires.
    """
    going = {name for name in added if name in needs}
    kept: dict[str, list[str]] = {}
    while True:
        staying = needs.keys() - going
        needed = {name: sorted(other for other in staying if name in needs[other]) for name in going}
        held = {name: others for name, others in needed.items() if others}
        if not held:
            return sorted(going), kept
        kept |= held
        going -= held.keys()
