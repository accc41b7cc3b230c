# SPDX-License-Identifier: GPL-3.0-or-later
"""What users can do on this server. The hub decides who can open it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ..names import LEVEL, MANAGES


class Level(IntEnum):
    """Each level includes those below it. NONE is for visitors of whom the hub does not tell a level that this server knows."""

    NONE = 0
    VIEW = 1
    EDIT = 2
    MANAGE = 3


# What the hub tells, except for who can stop the server.
TOLD = {"view": Level.VIEW, "edit": Level.EDIT}


@dataclass(frozen=True)
class Levels:
    """The access levels on this server.

    owner: the username of its owner.
    managers: who else can stop the server if the hub does not tell, besides the hub's administrators: `everyone` (true), or the hub's
    `users` and `groups` (lists).
    told: whether the hub tells the level of every visitor, and who can stop the server. Otherwise, every visitor can edit.
    """

    owner: str
    managers: Mapping[str, Any]
    told: bool = False

    def of(self, model: Mapping[str, Any]) -> Level:
        """Return a user's access level, given the hub's model of that user. The highest one that the user holds counts."""
        # A service of the hub may have the same name as a user.
        is_user = model.get("kind") == "user"
        if model.get("admin") or (is_user and model.get("name") == self.owner):
            return Level.MANAGE
        told = model.get(LEVEL, None if self.told else "edit")
        level = TOLD.get(told, Level.NONE) if isinstance(told, str) else Level.NONE
        return Level.MANAGE if level == Level.EDIT and self._manages(model, is_user) else level

    def _manages(self, model: Mapping[str, Any], is_user: bool) -> bool:
        if self.told:
            return model.get(MANAGES) is True  # the managers are those of the server's start
        return (
            self.managers.get("everyone") is True
            or (is_user and model.get("name") in self.managers.get("users", []))
            or not set(self.managers.get("groups", [])).isdisjoint(model.get("groups") or [])
        )
