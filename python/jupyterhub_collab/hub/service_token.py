# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a token for a live hub's API, with the scopes named and no more, for as long as this process has an open input.

    python -m jupyterhub_collab.hub.service_token SCOPE [SCOPE ...]

Reads where the database is as the first line of its input (see `database.describe`), prints the token as one line, and takes the token back when its
input ends. The token belongs to a service that exists for this moment, since a hub may have no administrator.
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
    """Yield the token. It is gone afterwards, and so are those of processes that were killed."""
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
    """Return an id that no row has had.

    SQLite gives the id of a row that is gone to the next one, and a hub that has seen the former may take the latter for
    it: the second token in a hub's life would be refused. Below zero, as the hub's own ids go on from the greatest one.
    """
    return -1 - secrets.randbelow(2**31)


def forget(db: Session) -> None:
    """Remove every such service with its tokens and its role."""
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
