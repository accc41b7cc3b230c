# SPDX-License-Identifier: GPL-3.0-or-later
"""Read roles, visitors and grants from a live hub's database. Changes nothing.

    python -m jupyterhub_collab.hub.live

Reads the database's address from standard input (see `database.describe`), and prints one JSON object: `roles`, `visitors` and
`grants` (see the functions of these names). If only the hub's process can read the database, `roles` is null and the other two are empty.
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
    """Return the scopes, users and groups of every role in a hub's database, by the role's name.

    The users of role `user` are not listed, because every user has that role by default.
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
    """Return roles, visitors and grants from the database that a line of JSON describes."""
    if database.is_in_memory(described):
        return {"roles": None, "visitors": [], "grants": []}
    with database.session(described, read_only=True) as db:
        return {"roles": roles(db), "visitors": visitors(db), "grants": grants(db)}


def main() -> None:
    print(json.dumps(held(sys.stdin.readline())))


if __name__ == "__main__":
    main()
