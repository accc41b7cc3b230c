# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from a live hub's database which roles it holds, and changes nothing there.

    python -m jupyterhub_collab.hub.live

Reads where the database is from its input (see `database.describe`), and prints the roles as one JSON object (see
`roles`), null where no other process than the hub can read them.
"""

from __future__ import annotations

import json
import sys

from jupyterhub import orm
from sqlalchemy.orm import Session

from . import database


def roles(db: Session) -> dict[str, dict[str, list[str]]]:
    """Return the scopes and the users of every role in a hub's database, by the role's name.

    The role `user` is everybody's by default: its users are the hub's people and not listed.
    """
    return {
        role.name: {
            "scopes": sorted(role.scopes),
            "users": [] if role.name == "user" else sorted(user.name for user in role.users),
        }
        for role in db.query(orm.Role)
    }


def main() -> None:
    described = sys.stdin.readline()
    if database.is_in_memory(described):
        print(json.dumps(None))
        return
    with database.session(described, read_only=True) as db:
        print(json.dumps(roles(db)))


if __name__ == "__main__":
    main()
