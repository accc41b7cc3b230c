# SPDX-License-Identifier: GPL-3.0-or-later
"""List every share, link and visitor of the hub for administrators, and end shares and links.

The sharing page shows this, and acts only with its user's token, which is valid for the user's own servers. A token with the scope `shares`
for all servers would also open them all. So the hub itself looks at what the user may do, at each request, and ends shares and
links as it does for their owners: servers are told, and the log names the administrator.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.utils import isoformat, utcnow
from sqlalchemy import func, or_
from sqlalchemy.orm import Query, Session, aliased, joinedload, selectinload
from tornado import web

from ..names import OVERVIEW
from ..patches.hub.handlers import add_endpoint
from .access_levels import level_by_role
from .administrators import is_administrator
from .page_token import token_of_page
from .share_levels import STORED, at_level, highest_of, level_in

LINK, SHARE, VISITOR = "link", "share", "visitor"
KINDS = (LINK, SHARE, VISITOR)
MOST_ROWS = 200  # in one answer
LONGEST_FILTER = 300  # characters
AT_ONCE = 50  # shares or links that are ended before the hub does anything else
KEY = re.compile(r"(link|share)\.([0-9]{1,18})\.([0-9T:.-]{10,40})")
TABLES = {LINK: orm.ShareCode, SHARE: orm.Share}
Owner, Guest = aliased(orm.User), aliased(orm.User)


def show_overview(seconds: int) -> None:
    """Add the endpoint to the hub. seconds: how long people count as being on a server (see `visitors.seconds_present`)."""
    Overview.seconds = seconds
    add_endpoint(f"/api/{OVERVIEW}", Overview)


@dataclass(frozen=True)
class Filter:
    """What is listed. Empty texts stand for everything.

    of: the owner of the server, or `OWNER/SERVER` (`OWNER/` for the default server). who: a user or group. `*` in them stands for any text.
    what: a kind. may: the level of shares and links. Links give access to nobody in particular, so `who` lists none.
    """

    of: str = ""
    who: str = ""
    what: str = ""
    may: str = ""

    @classmethod
    def asked(cls, given: Any) -> Filter:
        """Return the filter that a request describes. Raises HTTPError if there is none like that: it must not list, or end, everything."""
        if not isinstance(given, dict) or not given.keys() <= {"of", "who", "what", "may"}:
            raise web.HTTPError(400, "A filter has the fields of, who, what and may")
        if not all(isinstance(text, str) and len(text) <= LONGEST_FILTER for text in given.values()):
            raise web.HTTPError(
                400, f"Each field of a filter is a text of at most {LONGEST_FILTER} characters"
            )
        found = cls(**{name: text.strip() for name, text in given.items()})
        if found.what not in ("", *KINDS) or found.may not in ("", *STORED):
            raise web.HTTPError(400, f"what is one of {', '.join(KINDS)}, and may one of {', '.join(STORED)}")
        return found

    def lists(self, kind: str) -> bool:
        """Return whether there can be any of this kind."""
        excluded = {LINK: self.who, SHARE: "", VISITOR: self.may}
        return self.what in ("", kind) and not excluded[kind]


class Overview(APIHandler):
    """Only for the page's own tokens, and only if their user is an administrator now."""

    seconds = 0

    @property
    def rows(self) -> Rows:
        return Rows(self.db, self.seconds)

    def _check(self) -> None:
        token = token_of_page(self)
        if token.user is None or not is_administrator(token.user):
            raise web.HTTPError(403, "Only administrators can see and end what others share")

    def get(self) -> None:
        self._check()
        asked = Filter.asked(
            {name: self.get_argument(name, "", strip=False) for name in ("of", "who", "what", "may")}
        )
        offset, limit = (self._number(name, most) for name, most in (("offset", 10**9), ("limit", MOST_ROWS)))
        self.finish(json.dumps(self.rows.told(asked, offset, limit)))

    def _number(self, name: str, most: int) -> int:
        text = self.get_argument(name, "0")
        if not re.fullmatch("[0-9]{1,10}", text):
            raise web.HTTPError(400, f"{name} must be a number")
        return min(int(text), most)

    async def post(self) -> None:
        """End one share or link (`end`: its key), or all that a filter lists (`end_all`), as the list was when its reader confirmed that.

        most: how many the reader was told. newest: when the newest of them was made.
        """
        self._check()
        body = self.get_json_body()
        if not isinstance(body, dict):
            raise web.HTTPError(400, "The request must be an object")
        if "end" in body:
            doomed = self._one(body["end"])
        else:
            doomed = self._all(Filter.asked(body.get("end_all")), body.get("most"), body.get("newest"))
        ended = 0
        # Links first, so that nobody can return with one.
        for kind in (LINK, SHARE):
            rows = [(number, made) for what, number, made in doomed if what == kind]
            for start in range(0, len(rows), AT_ONCE):
                ended += self.rows.end(kind, dict(rows[start : start + AT_ONCE]))
                await asyncio.sleep(0)
        self.log.info("%s ended %d shares and links of others", self.current_user.name, ended)
        self.finish(json.dumps({"ended": ended}))

    def _one(self, key: Any) -> list[tuple[str, int, str]]:
        found = KEY.fullmatch(key) if isinstance(key, str) else None
        if found is None:
            raise web.HTTPError(400, "end must be the key of a share or a link")
        kind, number, made = found[1], int(found[2]), found[3]
        if self.rows.made(kind, [number]) != {number: made}:
            raise web.HTTPError(404, "That share or link has ended")
        return [(kind, number, made)]

    def _all(self, asked: Filter, most: Any, newest: Any) -> list[tuple[str, int, str]]:
        if not isinstance(most, int) or isinstance(most, bool) or not isinstance(newest, str):
            raise web.HTTPError(400, "most must be a number, and newest a time")
        rows = [row for row in self.rows.keys(asked) if row[2] <= newest]
        if len(rows) > most:
            raise web.HTTPError(409, f"There are {len(rows)} shares and links by now, not {most}")
        return rows


class Rows:
    """What the database has. Names and numbers are read as columns, so that no query is needed for each row.

    seconds: how long people count as being on a server after it has last asked the hub about them.
    """

    def __init__(self, db: Session, seconds: float) -> None:
        self._db = db
        self._seconds = seconds

    def told(self, asked: Filter, offset: int, limit: int) -> dict[str, Any]:
        """Return a part of the list, the number of all that it has, and what is needed to end all."""
        counts = {kind: self._query(kind, asked).count() if asked.lists(kind) else 0 for kind in KINDS}
        found: list[dict[str, Any]] = []
        tell = {LINK: self._links, SHARE: self._shares, VISITOR: self._visitors}
        start = offset
        for kind, count in counts.items():
            if start < count and len(found) < limit:
                found += tell[kind](self._query(kind, asked).offset(start).limit(limit - len(found)))
            start = max(0, start - count)
        newest = max((self._newest(kind, asked) for kind in TABLES if counts[kind]), default="")
        return {"rows": found, "counts": counts, "newest": newest}

    def keys(self, asked: Filter) -> list[tuple[str, int, str]]:
        """Return kind, number and time of all shares and links that a filter lists."""
        return [
            (kind, number, _text(made))
            for kind, table in TABLES.items()
            if asked.lists(kind)
            for number, made in self._query(kind, asked).with_entities(table.id, table.created_at)
        ]

    def made(self, kind: str, numbers: Collection[int]) -> dict[int, str]:
        """Return when the shares or links with these numbers were made. There may be fewer."""
        table = TABLES[kind]
        found = self._db.query(table.id, table.created_at).filter(table.id.in_(numbers))
        return {number: _text(made) for number, made in found}

    def end(self, kind: str, doomed: Mapping[int, str]) -> int:
        """Delete the shares or links with these numbers and times, one at a time, so that each is logged and told. Return how many there were.

        Databases give the number of a deleted row to another one. The time says which is meant.
        """
        table = TABLES[kind]
        same = [number for number, made in self.made(kind, doomed).items() if made == doomed[number]]
        rows = self._db.query(table).filter(table.id.in_(same)).all()
        for row in rows:
            self._db.delete(row)
        self._db.commit()
        return len(rows)

    def _newest(self, kind: str, asked: Filter) -> str:
        newest = (
            self._query(kind, asked).order_by(None).with_entities(func.max(TABLES[kind].created_at)).scalar()
        )
        return _text(newest) if newest else ""

    def _query(self, kind: str, asked: Filter) -> Query[Any]:
        """Return what a filter lists of a kind, sorted."""
        if kind == VISITOR:
            return self._visits(asked)
        table: Any = TABLES[kind]
        query: Query[Any] = self._db.query(table.id).join(Owner, table.owner_id == Owner.id)
        query = query.join(orm.Spawner, table.spawner_id == orm.Spawner.id)
        query = query.filter(*_of(asked)).order_by(Owner.name, orm.Spawner.name, table.id)
        if asked.may:
            query = query.filter(at_level(table, asked.may))
        if kind == LINK:
            return query.filter(or_(table.expires_at.is_(None), table.expires_at > utcnow(with_tz=False)))
        query = query.outerjoin(Guest, table.user_id == Guest.id)
        query = query.outerjoin(orm.Group, table.group_id == orm.Group.id)
        if asked.who:
            query = query.filter(or_(_is(Guest.name, asked.who), _is(orm.Group.name, asked.who)))
        return query

    def _visits(self, asked: Filter) -> Query[Any]:
        """Return the visitors of running servers of others, sorted: users with a token about which the server has asked lately."""
        since = utcnow(with_tz=False) - timedelta(seconds=self._seconds)
        token = orm.APIToken
        query: Query[Any] = (
            self._db.query(Guest.id, orm.Spawner.id, func.max(token.last_activity))
            .select_from(token)
            .join(orm.Spawner, token.client_id == orm.Spawner.oauth_client_id)
            .join(Owner, orm.Spawner.user_id == Owner.id)
            .join(Guest, token.user_id == Guest.id)
            .filter(
                orm.Spawner.server_id.is_not(None),
                token.user_id != orm.Spawner.user_id,
                token.last_activity > since,
            )
            .filter(*_of(asked), *([_is(Guest.name, asked.who)] if asked.who else []))
            .group_by(Guest.id, orm.Spawner.id, Guest.name, Owner.name, orm.Spawner.name)
            .order_by(Owner.name, orm.Spawner.name, Guest.name)
        )
        return query

    def _links(self, query: Query[Any]) -> Iterator[dict[str, Any]]:
        code = orm.ShareCode
        columns = code.expires_at, code.exchange_count, code.last_exchanged_at
        for row, (ends, uses, last_use) in _common(query, code, *columns):
            yield {
                **row,
                "what": LINK,
                "key": f"{LINK}.{row['key']}",
                "ends": ends and isoformat(ends),
                "uses": uses,
                "last_use": last_use and isoformat(last_use),
            }

    def _shares(self, query: Query[Any]) -> Iterator[dict[str, Any]]:
        for row, (user, group) in _common(query, orm.Share, Guest.name, orm.Group.name):
            yield {**row, "what": SHARE, "key": f"{SHARE}.{row['key']}", "user": user, "group": group}

    def _visitors(self, query: Query[Any]) -> Iterator[dict[str, Any]]:
        visits = query.all()
        users = self._loaded(
            orm.User,
            [user for user, _spawner, _seen in visits],
            selectinload(orm.User.roles),
            selectinload(orm.User.groups).selectinload(orm.Group.roles),
        )
        spawners = self._loaded(
            orm.Spawner,
            [spawner for _user, spawner, _seen in visits],
            joinedload(orm.Spawner.user).selectinload(orm.User.groups),
        )
        shares = self._shares_of(users, spawners)
        for user_id, spawner_id, seen in visits:
            user, spawner = users[user_id], spawners[spawner_id]
            groups = {group.id for group in user.groups}
            ways = [
                way
                for way in shares
                if way.spawner == spawner_id and (way.user == user_id or way.group in groups)
            ]
            by_role = level_by_role(spawner, user)
            yield {
                "what": VISITOR,
                "owner": spawner.user.name,
                "server": spawner.name,
                "user": user.name,
                "seen": isoformat(seen),
                "level": highest_of(by_role, *(way.level for way in ways)),
                "key": next((way.key for way in ways if way.user == user_id), ""),
                "groups": sorted(way.name for way in ways if way.group in groups),
                "by_role": bool(by_role),
            }

    def _loaded(self, kind: Any, ids: Collection[int], *options: Any) -> dict[int, Any]:
        return {row.id: row for row in self._db.query(kind).filter(kind.id.in_({*ids})).options(*options)}

    def _shares_of(self, users: Collection[int], spawners: Collection[int]) -> list[_Way]:
        share = orm.Share
        query = self._db.query(
            share.id,
            share.created_at,
            share.spawner_id,
            share.user_id,
            share.group_id,
            orm.Group.name,
            share._scopes,
        ).outerjoin(orm.Group, share.group_id == orm.Group.id)
        found = query.filter(
            share.spawner_id.in_(spawners), or_(share.user_id.in_(users), share.group_id.is_not(None))
        )
        return [
            _Way(f"{SHARE}.{_key(number, made)}", spawner, user, group, name or "", level)
            for number, made, spawner, user, group, name, stored in found
            if (level := level_in(stored))
        ]


@dataclass(frozen=True)
class _Way:
    """A share that gives a visitor access. name: of the group, if it is one's."""

    key: str
    spawner: int
    user: int | None
    group: int | None
    name: str
    level: str


def _common(query: Query[Any], table: Any, *more: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield what shares and links have in common, and further columns."""
    columns = table.id, table.created_at, Owner.name, orm.Spawner.name, table._scopes
    for number, made, owner, server, stored, *rest in query.with_entities(*columns, *more):
        row = {"owner": owner, "server": server, "level": level_in(stored), "since": isoformat(made)}
        yield {**row, "key": _key(number, made)}, rest


def _key(number: int, made: datetime) -> str:
    return f"{number}.{_text(made)}"


def _text(made: datetime) -> str:
    """Return a time from the database. Such texts sort as the times do."""
    return made.isoformat(timespec="microseconds")


def _of(asked: Filter) -> list[Any]:
    owner, slash, server = asked.of.partition("/")
    return [_is(Owner.name, owner)] * bool(owner) + [_is(orm.Spawner.name, server)] * bool(slash)


def _is(column: Any, text: str) -> Any:
    """Return the condition that a name is this text, in which `*` stands for any text."""
    if "*" not in text:
        return column == text
    # Databases differ in what a backslash means there.
    escaped = re.sub("([=%_])", r"=\1", re.sub(r"\*+", "*", text))
    return column.like(escaped.replace("*", "%"), escape="=")
