# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what installations change in the Python environments of a host, so that it can be reverted.

The record of an environment contains the distributions that were added (`added`), and those that were changed
(`changed`, each with its previous and its new version). Names are normalized.
"""

from __future__ import annotations

import copy
from typing import Any

from ..host import state as host_state

NAME = "packages.json"
Versions = dict[str, str]


class Record:
    """The record of an environment."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self.all: dict[str, Any] = {"environments": {}, **host_state.recall(NAME)}
        there = self.all["environments"].get(environment, {})
        self.added: list[str] = there.get("added", [])
        self.changed: dict[str, list[str]] = there.get("changed", {})

    def note(self, before: Versions, after: Versions) -> None:
        """Add the differences between two states of the environment to the record, and save it."""
        for name, version in sorted(after.items()):
            if name not in before:
                self.added += [] if name in self.added else [name]
            elif version != before[name] and name not in self.added:
                self.changed[name] = [self.changed.get(name, [before[name]])[0], version]
        self.save()

    def note_tool(self, directory: str) -> None:
        """Record the directory of a tool that was downloaded for the recorded installations."""
        self.all["tool"] = directory

    def save(self) -> None:
        if self.added or self.changed:
            self.all["environments"][self.environment] = {"added": self.added, "changed": self.changed}
        else:
            self.all["environments"].pop(self.environment, None)
        host_state.remember(NAME, self.all if self.all["environments"] else {})

    def forget(self, changed: dict[str, list[str]]) -> str:
        """Forget everything about the environment except these changes.

        Return the directory of the downloaded tool if no record is left, or else an empty string.
        """
        self.added, self.changed = [], changed
        self.save()
        return "" if self.all["environments"] else str(self.all.get("tool", ""))

    def copy(self) -> Record:
        return copy.deepcopy(self)

    def to_put_back(self, now: Versions) -> Versions:
        """Return the previous versions of the distributions that still have the version that the installation brought."""
        return {name: old for name, (old, new) in self.changed.items() if now.get(name) == new}


def environments() -> list[str]:
    """Return the environments on the host that have a record."""
    return sorted(host_state.recall(NAME).get("environments", {}))


def split(added: list[str], needs: dict[str, list[str]]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the added distributions to remove, and those to keep, each with the remaining distributions that need it.

    needs: the requirements of every installed distribution.
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
