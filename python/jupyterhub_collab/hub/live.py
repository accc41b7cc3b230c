# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from a live hub's database which roles it holds, and changes nothing there.

    python -m jupyterhub_collab.hub.live

Reads the database URL from its input, since everybody on the host sees the arguments of a process and the URL may hold
a password. Prints the roles as one JSON object (see `roles`).
"""

from __future__ import annotations

import json
import os
import sys

from jupyterhub import orm
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session


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


def read_only(url: str) -> str:
    """Return the URL under which an SQLite file is opened for reading only; other URLs as they are."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return url
    query = {"mode": "ro", "uri": "true"}
    path = f"file:{os.path.abspath(str(parsed.database))}"
    return parsed.set(database=path).update_query_dict(query).render_as_string(hide_password=False)


def main() -> None:
    with Session(create_engine(read_only(sys.stdin.readline().strip()))) as db:
        print(json.dumps(roles(db)))


if __name__ == "__main__":
    main()
