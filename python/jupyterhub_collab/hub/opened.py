# SPDX-License-Identifier: GPL-3.0-or-later
"""Remember whether guests have opened a server since it was shared with them.

A guest's token for a server says so, but ends with their login. So each such token leaves a note, as in `patches.hub.guests`: a row in the
hub's table of authorization codes that belongs to the server's OAuth client and to no user, and that the hub never accepts as a code.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import Any

from jupyterhub import orm
from jupyterhub.utils import utcnow
from sqlalchemy import delete, event, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import object_session

from ..names import SERVER_CLIENTS

CODES = orm.OAuthCode.__table__
OPENED = "opened"  # the first word of such a note


def note_opened() -> None:
    """From now on, note who gets a token for a server."""
    if not event.contains(orm.APIToken, "after_insert", _token_given):
        event.listen(orm.APIToken, "after_insert", _token_given)


class Opened:
    """The servers that a user has opened, read once."""

    def __init__(self, user: orm.User) -> None:
        db = object_session(user)
        assert db is not None
        signed_in = db.query(orm.APIToken.client_id).filter(orm.APIToken.user_id == user.id).distinct()
        self._signed_in = {client for (client,) in signed_in}
        notes = ((client, json.loads(note)) for client, note in db.execute(_notes(user.id)))
        self._when = {client: datetime.fromisoformat(when) for client, (_opened, _user, when) in notes}

    def since(self, share: orm.Share) -> bool:
        """Return whether the user has opened a server since it was shared with them, or is signed in there."""
        client = share.spawner.oauth_client_id  # None if it has never been started
        when = self._when.get(client)
        return client is not None and (
            client in self._signed_in or (when is not None and when >= share.created_at)
        )


def is_note(code: orm.OAuthCode) -> bool:
    """Return whether a row of the hub's authorization codes is such a note."""
    return code.user_id is None and str(code.redirect_uri).startswith(_start())


def _token_given(_mapper: Any, connection: Connection, token: orm.APIToken) -> None:
    client = str(token.client_id)
    if (
        not client.startswith(SERVER_CLIENTS)
        or (user := token.user_id or (token.user and token.user.id)) is None
    ):
        return
    connection.execute(delete(CODES).where(CODES.c.client_id == client, *_is_about(user)))
    note = json.dumps([OPENED, user, utcnow(with_tz=False).isoformat()])
    connection.execute(insert(CODES).values(client_id=client, code=secrets.token_hex(16), redirect_uri=note))


def _notes(user: int) -> Any:
    return select(CODES.c.client_id, CODES.c.redirect_uri).where(*_is_about(user))


def _is_about(user: int) -> tuple[Any, ...]:
    return CODES.c.user_id.is_(None), CODES.c.redirect_uri.startswith(_start(user), autoescape=True)


def _start(user: int | None = None) -> str:
    """Return how a note begins, or a note about a user."""
    return json.dumps([OPENED] if user is None else [OPENED, user]).rstrip("]") + ", "
