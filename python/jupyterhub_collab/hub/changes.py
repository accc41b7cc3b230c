# SPDX-License-Identifier: GPL-3.0-or-later
"""Notice whose rights may have changed, whichever page, API call or authenticator changes them.

This happens at the database, through SQLAlchemy's events, which no request bypasses. The hub itself never sees
what another program changes in the database before it forgets what it has read, so there is no need to look for that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from jupyterhub import orm
from sqlalchemy import event, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session, object_session
from traitlets.log import get_logger

PENDING = "jupyterhub_collab_changes"  # in the session's `info`, until it commits
INSERT, UPDATE, DELETE = "insert", "update", "delete"
# What an access level, or the right to open a server, can depend on.
KINDS = (orm.APIToken, orm.Group, orm.Role, orm.Service, orm.Share, orm.User)


class Change(NamedTuple):
    """Whom a change concerns: a user or service, or all members of a group; everyone if both names are empty.

    client: the OAuth client of the only server that it concerns; empty for all servers.
    """

    name: str = ""
    group: str = ""
    client: str = ""


EVERYONE = Change()
Tell = Callable[[Collection[Change]], None]
_listeners: list[Tell] = []


def on_change(tell: Tell) -> None:
    """From now on, call a function with the changes whenever a session of this process has committed or discarded any.

    Requests can have seen a change before it is discarded, because the hub has only one session. So that is a change, too.
    """
    _listeners[:] = [tell]
    if event.contains(Session, "do_orm_execute", _statement):
        return
    for kind in KINDS:
        for what in (INSERT, UPDATE, DELETE):
            event.listen(kind, f"after_{what}", _noting(what))
    event.listen(Session, "do_orm_execute", _statement)
    event.listen(Session, "after_commit", _publish)
    event.listen(Session, "after_rollback", _publish)


def _noting(what: str) -> Callable[[Any, Any, Any], None]:
    def note(_mapper: Any, _connection: Any, row: Any) -> None:
        with _never_failing(object_session(row)) as pending:
            pending.update(_of_row(row, what))

    return note


@contextmanager
def _never_failing(session: Session | None) -> Iterator[set[Change]]:
    """Yield the pending changes of a session. An exception would interrupt the change, so it becomes a change that concerns everyone."""
    pending: set[Change] = set() if session is None else session.info.setdefault(PENDING, set())
    try:
        yield pending
    except Exception:
        get_logger().exception(
            "Failed to find out whom a change concerns, so all servers ask about all visitors"
        )
        pending.add(EVERYONE)


def _publish(session: Session) -> None:
    if changes := session.info.pop(PENDING, None):
        for tell in _listeners:
            tell(changes)


def _statement(statement: ORMExecuteState) -> None:
    """Note the rows that one statement deletes or changes. The hub uses one when it revokes all shares of a server."""
    if not (statement.is_delete or statement.is_update) or statement.bind_mapper is None:
        return
    kind = statement.bind_mapper.class_
    if not issubclass(kind, KINDS):
        return
    with _never_failing(statement.session) as pending:
        if kind is not orm.Share:
            pending.add(EVERYONE)
            return
        where = getattr(statement.statement, "whereclause", None)
        for share in statement.session.scalars(select(kind) if where is None else select(kind).where(where)):
            pending.update(_of_row(share, DELETE))


def _of_row(row: Any, what: str) -> Iterator[Change]:
    """Yield whom a row concerns that is inserted, updated or deleted. While the session writes, the row's former values are still known."""
    if isinstance(row, orm.APIToken):
        # Nobody can have shown a new token to a server.
        if what == DELETE or (what == UPDATE and _has_changed(row, "scopes", "expires_at")):
            yield from map(Change, _names(row, "user", "service"))
    elif isinstance(row, orm.Share):
        client = (row.spawner and row.spawner.oauth_client_id) or ""
        yield from (Change(name, client=client) for name in _names(row, "user"))
        yield from (Change(group=name, client=client) for name in _names(row, "group"))
    elif isinstance(row, orm.User):
        if what == DELETE or _has_changed(row, "name", "admin", "roles", "groups"):
            yield from map(Change, _own_names(row))
    elif isinstance(row, orm.Service):
        if what == DELETE or _has_changed(row, "name", "admin", "roles"):
            yield from map(Change, _own_names(row))
    elif isinstance(row, orm.Group):
        yield from map(Change, _names_of(_changed(row, "users")))
        if what == DELETE or _has_changed(row, "name", "roles"):
            yield from (Change(group=name) for name in _own_names(row))
    elif isinstance(row, orm.Role):
        if what == DELETE or (what == UPDATE and _has_changed(row, "name", "scopes")):
            yield EVERYONE
        yield from map(Change, _names_of([*_changed(row, "users"), *_changed(row, "services")]))
        yield from (Change(group=name) for name in _names_of(_changed(row, "groups")))


def _own_names(row: Any) -> set[str]:
    """Return a row's name, and the one that it had before. The former is empty, and so everyone's, if it is unknown."""
    changed = _changed(row, "name")
    is_unknown = changed == [row.name] and not inspect(row).pending
    return {row.name, *changed} | ({""} if is_unknown else set())


def _changed(row: Any, attribute: str) -> list[Any]:
    """Return what an attribute of a row has lost and gained, without asking the database."""
    history = inspect(row).attrs[attribute].history
    return [each for each in (*history.added, *history.deleted) if each is not None]


def _has_changed(row: Any, *attributes: str) -> bool:
    return any(inspect(row).attrs[each].history.has_changes() for each in attributes)


def _names(row: Any, *attributes: str) -> set[str]:
    """Return the names of those that these attributes of a row refer to, or referred to before."""
    return {name for each in attributes for name in _names_of([getattr(row, each), *_changed(row, each)])}


def _names_of(rows: Collection[Any]) -> set[str]:
    return {row.name for row in rows if row is not None}
