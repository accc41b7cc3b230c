# SPDX-License-Identifier: GPL-3.0-or-later
"""Create a token for a live hub's API, with exactly these scopes.

It is valid until this process's standard input ends, for at most 600 s.

    python -m jupyterhub_collab.hub.service_token SCOPE [SCOPE ...]

Reads the database's address from the first line of standard input (see `database.describe`), prints the token as one line, and deletes it
when the input ends. The token belongs to a temporary service, because a hub may have no administrator.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from jupyterhub import orm
from sqlalchemy.orm import Session

from . import database

PREFIX = "collab-moment-"
SECONDS = 600


@contextmanager
def service_token(db: Session, scopes: list[str]) -> Iterator[str]:
    """Yield the token, and delete it afterwards. Tokens of earlier processes that were killed are deleted first."""
    forget(db)
    name = PREFIX + secrets.token_hex(8)
    role = orm.Role(id=_new_id(), name=name, description="A change by collab.jupyterhub", scopes=scopes)
    service = orm.Service(id=_new_id(), name=name)
    service.roles.append(role)
    db.add_all([role, service])
    db.commit()
    try:
        token = service.new_api_token(scopes=scopes, expires_in=SECONDS, note=role.description)
        orm.APIToken.find(db, token).id = _new_id()
        db.commit()
        yield token
    finally:
        db.rollback()
        forget(db)


def _new_id() -> int:
    """Return an ID that no row has had.

    SQLite reuses the ID of a deleted row. A running hub that has cached that row would take the new one for it, and refuse the second
    token that it ever sees. The ID is negative, because the hub's own IDs continue from the highest one.
    """
    return -1 - secrets.randbelow(2**31)


def forget(db: Session) -> None:
    """Delete all temporary services, with their tokens and roles."""
    for kind in (orm.Service, orm.Role):
        for entry in db.query(kind).filter(kind.name.startswith(PREFIX, autoescape=True)):
            db.delete(entry)
    db.commit()


def main(*scopes: str) -> None:
    described = sys.stdin.readline()
    if database.is_in_memory(described):
        sys.exit("the hub keeps its database in memory")
    with database.session(described) as db, service_token(db, list(scopes)) as token:
        print(token, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
