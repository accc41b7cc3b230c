# SPDX-License-Identifier: GPL-3.0-or-later
"""Record who could open a server, for as long as the hub keeps its visitors' tokens when it stops.

Anyone with a terminal on a server can read the tokens of all its visitors, the owner's included. While all of them still have access,
they gain nothing by that. Once one of them has lost access, no visitor's token may outlive the server's next stop. The same applies once
one who could edit may only view.

Each note is a row in the hub's table of authorization codes. It belongs to the server's OAuth client, and is deleted with that client's
codes. It has no user, so it stays when the user is deleted. The hub never accepts it as a code, because it looks codes up together with
their user.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from functools import wraps
from typing import Any

from jupyterhub import orm, scopes
from jupyterhub.apihandlers.users import SelfAPIHandler
from sqlalchemy import event, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, object_session

from ...hub.access_levels import level_on
from ...hub.opened import is_note
from ...names import ACCESS, EDIT, SERVER_CLIENTS, VIEW, VISITED
from ..releases import patches_hub

CODES, CLIENTS = orm.OAuthCode.__table__, orm.OAuthClient.__table__
USER, GROUP = "user", "group"
LEVEL_AT = 3  # where a note of a user has the level at which the user came
# (client, *guest) of everyone already noted. Servers ask about each visitor every few seconds, so this saves a query.
_seen: set[tuple[str, ...]] = set()


@patches_hub("jupyterhub.apihandlers.users:SelfAPIHandler.get(self)")
def note_guests() -> None:
    """From now on, note everyone who visits a server with any token, and everyone with whom a server is shared."""
    if not getattr(SelfAPIHandler.get, "notes_guests", False):
        SelfAPIHandler.get = _noting(SelfAPIHandler.get)
    for kind, note in ((orm.APIToken, _token_given), (orm.Share, _access_given)):
        if not event.contains(kind, "after_insert", note):
            event.listen(kind, "after_insert", note)


def _noting(get: Any) -> Any:
    """Wrap the handler that tells servers who their visitor is, and note the visitor."""

    @wraps(get)
    async def answer(handler: Any) -> None:
        await get(handler)
        client, token = handler.request.headers.get(VISITED, ""), handler.get_token()
        if token is None or token.user is None or not client.startswith(SERVER_CLIENTS):
            return
        seen = (client, *_of_user(token.user))
        if (*seen, EDIT) not in _seen:
            for spawner in handler.db.query(orm.Spawner).filter_by(oauth_client_id=client):
                guest = [*_of_user(token.user), level_on(spawner, token.user)]
                # Any client can send this header, so check it.
                if (client, *guest) not in _seen and _may_come(handler.db, spawner, guest):
                    _seen.add((client, *guest))
                    _note(handler.db.connection(), client, guest)
                    handler.db.commit()

    answer.notes_guests = True  # type: ignore[attr-defined]
    return answer


def _token_given(_mapper: Any, connection: Connection, token: orm.APIToken) -> None:
    if token.user is not None and str(token.client_id).startswith(SERVER_CLIENTS):
        _note(connection, str(token.client_id), [*_of_user(token.user), VIEW])


def _access_given(_mapper: Any, connection: Connection, share: orm.Share) -> None:
    if share.spawner is not None and share.spawner.oauth_client is not None:
        _note(connection, share.spawner.oauth_client.identifier, _of_share(share))


def note_shares(spawner: Any) -> None:
    """Note everyone with whom a server is shared. A share that was created before the server had an OAuth client was not noted."""
    orm_spawner = spawner.orm_spawner
    db = object_session(orm_spawner)
    assert db is not None
    _forget_seen(spawner.oauth_client_id)
    for share in orm_spawner.shares:
        _note(db.connection(), spawner.oauth_client_id, _of_share(share))
    db.commit()


def _of_user(user: orm.User) -> list[str]:
    # Another user may later get the same name, but never the same cookie ID.
    return [USER, user.name, hashlib.sha256(str(user.cookie_id).encode()).hexdigest()[:16]]


def _of_share(share: orm.Share) -> list[str]:
    # Those who can edit are noted so when they come. Before that, they have seen no tokens.
    return [*_of_user(share.user), VIEW] if share.user else [GROUP, share.group.name if share.group else ""]


def _note(connection: Connection, client: str, guest: list[str]) -> None:
    if guest in _noted(connection, client) or not _is_client(connection, client):
        return
    code = secrets.token_hex(16)
    connection.execute(insert(CODES).values(client_id=client, code=code, redirect_uri=json.dumps(guest)))


def _is_client(connection: Connection, client: str) -> bool:
    return connection.scalar(select(CLIENTS.c.id).where(CLIENTS.c.identifier == client)) is not None


def _noted(connection: Connection, client: str) -> list[list[str]]:
    notes = select(CODES.c.redirect_uri).where(CODES.c.client_id == client, CODES.c.user_id.is_(None))
    return [note for text in connection.scalars(notes) if (note := json.loads(text))[0] in (USER, GROUP)]


def forget_if_one_left(spawner: Any) -> None:
    """Delete all tokens and codes of a server's visitors if one of them has lost access."""
    db = object_session(spawner.orm_spawner)
    assert db is not None
    guests = _noted(db.connection(), spawner.oauth_client_id)
    if not all(_may_come(db, spawner.orm_spawner, guest) for guest in guests):
        spawner.log.info(
            "Visitors of %s must open it again, because the access of one of them has ended",
            spawner._log_name,
        )
        forget(spawner)


def _forget_seen(client: str) -> None:
    _seen.difference_update({seen for seen in _seen if seen[0] == client})


def _may_come(db: Session, spawner: orm.Spawner, guest: list[str]) -> bool:
    kind, name = guest[:2]
    # The hub's session caches what it has read, and the hub deletes shares with statements that do not update that cache.
    db.expire(spawner, ["shares"])
    if kind == GROUP:
        return any(share.group is not None and share.group.name == name for share in spawner.shares)
    user = orm.User.find(db, name)
    if user is None or _of_user(user) != guest[:LEVEL_AT]:
        return False
    for holder in (user, *user.groups):
        db.expire(holder, ["shared_with_me"])
    held = scopes.parse_scopes(scopes.get_scopes_for(user)).get(ACCESS)
    if held is None or not scopes.check_scope_filter(held, spawner, "server"):
        return False
    # Notes of earlier versions, which had no viewers, have no level.
    return guest[LEVEL_AT:] == [VIEW] or level_on(spawner, user) == EDIT


def forget(spawner: Any) -> None:
    """Delete the tokens, codes and notes of all visitors of a server."""
    db = object_session(spawner.orm_spawner)
    assert db is not None
    _forget_seen(spawner.oauth_client_id)
    for client in db.query(orm.OAuthClient).filter_by(identifier=spawner.oauth_client_id):
        db.expire(client, ["access_tokens", "codes"])
        for held in (*client.access_tokens, *client.codes):
            if not (isinstance(held, orm.OAuthCode) and is_note(held)):
                db.delete(held)
    db.commit()
