# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove, from the database of a stopped hub, what would grant access when the hub runs again.

    python -m jupyterhub_collab.hub.at_rest WHAT

A running hub is asked through its API instead, because it keeps much of this in memory. WHAT is a JSON object: `sharing` (whether the
right to share was removed), `groups` (those that keep the right), and `users` (hub users to delete). Reads the database's address from
standard input (see `database.describe`), and prints what it removed as one JSON object: `shares`, `links` and `users`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from typing import Any

from jupyterhub import orm
from sqlalchemy.orm import Session

from . import database
from .grants import grants


def end(db: Session, *, sharing: bool, groups: Collection[str] = (), users: list[str]) -> dict[str, Any]:
    """Delete these users, and the shares and links of owners who may no longer share. Return the number of each, and the users' names."""
    ended: dict[str, Any] = {"shares": 0, "links": 0, "users": []}
    for user in db.query(orm.User).filter(orm.User.name.in_(users)):
        db.delete(user)
        ended["users"].append(user.name)
    db.flush()
    for grant in grants(db) if sharing else []:
        if {*grant["groups"]} & {*groups}:
            continue
        spawner = orm.User.find(db, grant["owner"]).orm_spawners[grant["server"]]
        for each in [*spawner.shares, *spawner.share_codes]:
            db.delete(each)
        ended["shares"] += grant["shares"]
        ended["links"] += grant["links"]
    db.commit()
    return ended


def main(what: str) -> None:
    described = sys.stdin.readline()
    if database.is_in_memory(described):
        print(json.dumps({"shares": 0, "links": 0, "users": []}))
        return
    with database.session(described) as db:
        print(json.dumps(end(db, **json.loads(what))))


if __name__ == "__main__":
    main(*sys.argv[1:])
