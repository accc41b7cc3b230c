# SPDX-License-Identifier: GPL-3.0-or-later
"""List the servers of others that a user can use: those that roles open to them, and those that are shared with them or their groups.

Only servers with a name are listed, that is, those of shared accounts, projects, `jupyterhub_server_access` and shares. A right to the servers of
all users opens servers too, but it does not tell who exists.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from sqlalchemy.orm import Session, object_session

from ..names import VIEW
from .access_levels import level_on, shares_of
from .offered import permitted, state_of
from .opened import Opened
from .share_levels import level_of
from .visitors import visitors


@dataclass(frozen=True)
class Usable:
    """A server of another user.

    owner, server: names; the default server's is empty. state: running, stopped, starting or stopping. level: view, edit or manage (also start and
    stop). people: who is on it, except its owner. group: the group with which it is shared; otherwise empty. is_new: whether it is shared and the user
    has not opened it since.
    """

    owner: str
    server: str
    state: str
    level: str
    people: tuple[str, ...] = ()
    group: str = ""
    is_new: bool = False


def usable(user: orm.User, seconds: float) -> list[Usable]:
    """Return the servers of others that a user can use.

    seconds: how long people count as being on a server after it has last asked the hub about them.
    """
    db = object_session(user)
    assert db is not None
    by_role = permitted(user)
    owners = {server.partition("/")[0] for server in by_role}
    known = dict(db.query(orm.User.name, orm.User.id).filter(orm.User.name.in_(owners)).all())
    spawners = _spawners(db, owners)
    here = _People(db, seconds)
    opened = Opened(user)
    users = JupyterHub.instance().users
    found = []
    for server, role in by_role.items():
        owner, _slash, name = server.partition("/")
        if owner not in known:
            continue
        spawner = spawners.get(server)
        # A share can give more than the role.
        level = level_on(spawner, user) if role == VIEW and spawner is not None else role
        state = state_of(users, known[owner], name)
        found.append(Usable(owner, name, state, level, here.on(spawner)))
    for share in shares_with(user):
        spawner = share.spawner
        if f"{spawner.user.name}/{spawner.name}" not in by_role:
            found.append(
                Usable(
                    spawner.user.name,
                    spawner.name,
                    state_of(users, spawner.user.id, spawner.name),
                    level_on(spawner, user),
                    here.on(spawner),
                    share.group.name if share.group else "",
                    not opened.since(share),
                )
            )
    return sorted(found, key=lambda each: (each.owner, each.server, each.group))


def shares_with(user: orm.User) -> list[orm.Share]:
    """Return the shares with a user, or else with a group of theirs, that open a server. Each server has one."""
    found: dict[int, orm.Share] = {}
    for share in shares_of(user).order_by(orm.Share.group_id.is_not(None), orm.Share.id):
        if level_of(share):
            found.setdefault(share.spawner_id, share)
    return [*found.values()]


class _People:
    """Who is on running servers, asked once for each owner."""

    def __init__(self, db: Session, seconds: float) -> None:
        self._db = db
        self._since = time.time() - seconds
        self._known: dict[str, list[dict[str, Any]]] = {}

    def on(self, spawner: orm.Spawner | None) -> tuple[str, ...]:
        if spawner is None or spawner.server_id is None:
            return ()
        owner = spawner.user.name
        if owner not in self._known:
            self._known[owner] = visitors(self._db, owner)
        there = [each for each in self._known[owner] if each["server"] == spawner.name and each["allowed"]]
        return tuple(sorted(each["user"] for each in there if each["seen"] > self._since))


def _spawners(db: Session, owners: Collection[str]) -> dict[str, orm.Spawner]:
    query = db.query(orm.Spawner).join(orm.User, orm.Spawner.user_id == orm.User.id)
    return {f"{each.user.name}/{each.name}": each for each in query.filter(orm.User.name.in_(owners))}
