# SPDX-License-Identifier: GPL-3.0-or-later
"""What users can do on this server. The hub decides who can open it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """Each level includes those below it."""

    EDIT = 2
    MANAGE = 3


@dataclass(frozen=True)
class Levels:
    """The access levels on this server.

    owner: the username of its owner.
    managers: who else can stop the server, besides the hub's administrators: `everyone` (true), or the hub's `users` and `groups` (lists).
    """

    owner: str
    managers: Mapping[str, Any]

    def of(self, model: Mapping[str, Any]) -> Level:
        """Return a user's access level, given the hub's model of that user."""
        # A service of the hub may have the same name as a user.
        is_user = model.get("kind") == "user"
        named = [self.owner, *self.managers.get("users", [])] if is_user else []
        manages = (
            bool(model.get("admin"))
            or self.managers.get("everyone") is True
            or model.get("name") in named
            or not set(self.managers.get("groups", [])).isdisjoint(model.get("groups") or [])
        )
        return Level.MANAGE if manages else Level.EDIT
