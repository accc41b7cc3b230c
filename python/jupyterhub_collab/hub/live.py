# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from a live hub's database what the hub holds, and changes nothing there.

    python -m jupyterhub_collab.hub.live

Reads where the database is from its input (see `database.describe`), and prints one JSON object: `roles`, `visitors` and
`grants` (see the functions of these names). Where no other process than the hub can read the database, the roles are null
and there is nobody and nothing else.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from jupyterhub import orm
from sqlalchemy.orm import Session

from . import database
from .grants import grants
from .visitors import visitors


def roles(db: Session) -> dict[str, dict[str, list[str]]]:
    """Return the scopes, the users and the groups of every role in a hub's database, by the role's name.

    The role `user` is everyone's by default: its users are the hub's people and not listed.
    """
    return {
        role.name: {
            "scopes": sorted(role.scopes),
            "users": [] if role.name == "user" else sorted(user.name for user in role.users),
            "groups": sorted(group.name for group in role.groups),
        }
        for role in db.query(orm.Role)
    }


def held(described: str) -> dict[str, Any]:
    """Return what the hub holds whose database a line of JSON describes."""
    if database.is_in_memory(described):
        return {"roles": None, "visitors": [], "grants": []}
    with database.session(described, read_only=True) as db:
        return {"roles": roles(db), "visitors": visitors(db), "grants": grants(db)}


def main() -> None:
    print(json.dumps(held(sys.stdin.readline())))


if __name__ == "__main__":
    main()
