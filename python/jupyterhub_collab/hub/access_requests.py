# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for access to the servers of others: who asks, and who can answer.

A user without access to a server asks its owner, once for each owner. A request lasts DAYS, whether it is answered or not, and whether the owner
exists or not. So its sender learns nothing from it, and cannot ask again before. It gives no access: the owner accepts it by sharing the server.

Each request is a row in the hub's table of authorization codes, as in `opened`. It belongs to the sharing page's OAuth client and to no user, and
the hub never accepts it as a code. The hub deletes such rows when they expire, and all of them with the page.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Iterator
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyterhub import orm
from sqlalchemy import delete, event, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, object_session
from tornado import web

from ..names import PAGE_CLIENT
from ..patches.hub.asked import NAME
from ..patches.hub.guesses import TOO_MANY
from .access_levels import level_on

CODES = orm.OAuthCode.__table__
ASKED = "asked"  # the first word of a request's row
DAYS = 7
MOST = 5  # how many requests a user can have at a time
SHOWN = 50  # how many requests an owner sees at a time, the oldest first
FULL = (
    f"You have asked {MOST} people for access, which is the most at a time. You can ask again after {{until}}"
)


@dataclass
class Offer:
    """What this hub lets users ask for.

    allowed: whether they can ask at all. accounts: those of shared servers. prefix: how the names of projects' accounts begin. Nobody logs in as
    these, so nobody could answer. The offer depends on names only, because a page must not tell whether a user exists.
    """

    allowed: bool = False
    accounts: set[str] = field(default_factory=set)
    prefix: str = ""


offer = Offer()


@dataclass(frozen=True)
class Request:
    """A request as it is kept. Names are kept as digests, because a row has limited space.

    row: its ID, 0 before it is kept. requester, owner: IDs of the users; owner is None if there was no such user. requester_key,
    owner_key: see `_key`. asked: the owner's name in the request. server: the server's name; empty for the default one. made: when, in
    seconds since 1970. answered: whether it was declined.
    """

    row: int
    requester: int
    owner: int | None
    asked: str
    requester_key: str
    owner_key: str
    server: str
    made: int
    answered: bool

    @property
    def note(self) -> str:
        """The request as JSON for its row."""
        return json.dumps([ASKED, *astuple(self)[1:]])

    @property
    def day(self) -> str:
        return _day(datetime.fromtimestamp(self.made, UTC))

    @property
    def until(self) -> str:
        """The day after which its sender can ask again."""
        return _day(datetime.fromtimestamp(self.made, UTC) + timedelta(days=DAYS))


@dataclass(frozen=True)
class Waiting:
    """A request that its owner can answer. server: the name; the default server's is empty."""

    request: Request
    requester: orm.User
    server: str


def let_ask(allowed: bool, accounts: Collection[str], prefix: str) -> None:
    """From now on, let users ask for access, or no longer. The rest is as in `Offer`."""
    offer.allowed, offer.accounts, offer.prefix = allowed, {*accounts}, prefix
    if allowed and not event.contains(orm.Share, "after_insert", _access_given):
        event.listen(orm.Share, "after_insert", _access_given)


def can_be_asked(owner: str) -> bool:
    """Return whether pages offer to ask for access to the servers of a user with this name, who need not exist."""
    is_apart = owner in offer.accounts or bool(offer.prefix and owner.startswith(offer.prefix))
    return offer.allowed and NAME.fullmatch(owner) is not None and not is_apart


def asked(requester: orm.User, owner: str) -> Request | None:
    """Return a user's request to a user with this name, answered or not; None if there is none."""
    return next((each for each in _sent(requester) if each.asked == _digest(owner)), None)


def ask(requester: orm.User, owner: str, server: str) -> str | None:
    """Ask for access, and return the name of the server that the request is about; None if the user has asked before, or has access.

    server: what an address has after the owner. If the owner has no such server, the request is about the default one. Raises
    HTTPError if nobody can be asked by this name, or if the user has asked too often.
    """
    if not can_be_asked(owner) or owner == requester.name:
        raise web.HTTPError(403, "Access to this server cannot be requested")
    sent = _sent(requester)
    if any(each.asked == _digest(owner) for each in sent):
        return None
    if len(sent) >= MOST:
        raise web.HTTPError(TOO_MANY, FULL.format(until=min(each.until for each in sent)))
    db = _session(requester)
    found = orm.User.find(db, owner)
    found = found if found is not None and found.name == owner else None
    servers = found.orm_spawners if found is not None else {}
    name = server if server in servers else ""
    if name in servers and level_on(servers[name], requester):
        return None
    now = int(orm.OAuthCode.now())
    request = Request(
        0,
        requester.id,
        found and found.id,
        _digest(owner),
        _key(requester),
        _key(found) if found else "",
        _server_digest(name),
        now,
        False,
    )
    db.execute(
        insert(CODES).values(
            client_id=PAGE_CLIENT,
            code=secrets.token_hex(16),
            redirect_uri=request.note,
            expires_at=now + DAYS * 86400,
        )
    )
    db.commit()
    return name


def waiting(owner: orm.User) -> list[Waiting]:
    """Return the requests that a user can answer, the oldest first, and at most SHOWN. Those of users who have access meanwhile end."""
    db = _session(owner)
    servers = {_server_digest(name): name for name in {"", *owner.orm_spawners}}
    found = []
    for request in _received(db, owner):
        requester = db.get(orm.User, request.requester)
        if requester is None or _key(requester) != request.requester_key or request.server not in servers:
            continue
        spawner = owner.orm_spawners.get(servers[request.server])
        if spawner is not None and level_on(spawner, requester):
            end(db, request)
            continue
        found.append(Waiting(request, requester, servers[request.server]))
        if len(found) >= SHOWN:
            break
    return found


def from_user(owner: orm.User, name: str, server: str | None = None) -> Waiting:
    """Return the request of a user of this name, for this server if one is named.

    Raises HTTPError if there is none, or if it cannot be answered any more.
    """
    found = next((each for each in waiting(owner) if each.requester.name == name), None)
    # The sender may have asked for another server since their answerer looked.
    if found is not None and server is not None and found.server != server:
        found = None
    if found is None:
        raise web.HTTPError(404, "There is no such request. It was answered, or has ended")
    return found


def decline(db: Session, request: Request) -> None:
    """Keep a request from its owner, and let it last as long as any other. Its sender is not told."""
    note = replace(request, answered=True).note
    db.execute(update(CODES).where(CODES.c.id == request.row).values(redirect_uri=note))
    db.commit()


def end(db: Session, request: Request) -> None:
    """Delete a request, because its sender has access."""
    db.execute(delete(CODES).where(CODES.c.id == request.row))
    db.commit()


def _access_given(_mapper: Any, connection: Connection, share: orm.Share) -> None:
    """End a request when its sender gets access to the server in any way: by its owner's answer, by name, or by a link."""
    user = share.user_id or (share.user and share.user.id)
    owner = share.owner_id or (share.owner and share.owner.id)
    if user and owner:
        server = _server_digest(share.spawner.name)
        found = _requests(connection, f'["{ASKED}", {user}, {owner}, "%')
        rows = [each.row for each in found if each.server == server]
        connection.execute(delete(CODES).where(CODES.c.id.in_(rows)))


def _sent(requester: orm.User) -> list[Request]:
    found = _requests(_session(requester), f'["{ASKED}", {requester.id}, %')
    return [each for each in found if each.requester_key == _key(requester)]


def _received(db: Session, owner: orm.User) -> list[Request]:
    found = _requests(db, f'["{ASKED}", %, {owner.id}, "%')
    return [
        each
        for each in found
        if each.owner == owner.id and each.owner_key == _key(owner) and not each.answered
    ]


def _requests(db: Session | Connection, pattern: str) -> Iterator[Request]:
    rows = select(CODES.c.id, CODES.c.redirect_uri).where(
        *_is_request(pattern), CODES.c.expires_at > int(orm.OAuthCode.now())
    )
    for row, note in db.execute(rows.order_by(CODES.c.id)).all():
        yield Request(row, *json.loads(note)[1:])


def _is_request(pattern: str) -> tuple[Any, ...]:
    return CODES.c.client_id == PAGE_CLIENT, CODES.c.user_id.is_(None), CODES.c.redirect_uri.like(pattern)


def _session(user: orm.User) -> Session:
    db = object_session(user)
    assert db is not None
    return db


def _key(user: orm.User) -> str:
    """Return what another user does not have, even with the same name or ID, nor this one under another name."""
    return _digest(f"{user.cookie_id}/{user.name}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _server_digest(name: str) -> str:
    return _digest(name) if name else ""


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"
