# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell a visitor's access level on a server: the highest one of everything that opens the server to them.

A role of ours at level `view` has the scope `access:servers`, like any other role that opens a server. What makes it a role of viewers is
its name, which is kept here and not in the hub's database. So a hub without this package does not have the role at all: the hub
deletes roles that its configuration does not name. For shares, see `share_levels`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jupyterhub import orm, roles, scopes
from sqlalchemy import or_
from sqlalchemy.orm import Query, object_session

from ..names import ACCESS, EDIT, NO_LEVEL, SERVERS, VIEW
from .share_levels import highest_of, level_of

# The roles that open servers to viewers, each with the server as scopes name it, such as `alice/`, or EVERY_SERVER.
viewing: dict[str, str] = {}
EVERY_SERVER = "*"  # no server's name, as those have a slash


def level_on(spawner: orm.Spawner, visitor: orm.User | orm.Service) -> str:
    """Return what a visitor may do on a server: `view` or `edit`, or empty if nothing opens it to them."""
    by_role = level_by_role(spawner, visitor)
    if by_role == EDIT:
        return EDIT
    shares = shares_of(visitor).filter(orm.Share.spawner_id == spawner.id) if _is_user(visitor) else ()
    return highest_of(by_role, *(level_of(share) for share in shares))


def level_by_role(spawner: orm.Spawner, visitor: orm.User | orm.Service) -> str:
    """Return what a visitor may do on a server without any share: as its owner, or by their roles."""
    if visitor is spawner.user:
        return EDIT
    server = f"{spawner.user.name}/{spawner.name}"
    held = roles.get_roles_for(visitor)
    if _may(ACCESS, [role for role in held if role.name not in viewing], visitor, spawner):
        return EDIT
    return VIEW if any(viewing.get(role.name) in (server, EVERY_SERVER) for role in held) else NO_LEVEL


def manages(spawner: orm.Spawner, visitor: orm.User | orm.Service) -> bool:
    """Return whether a visitor can stop a server, by any role."""
    return _may(SERVERS, roles.get_roles_for(visitor), visitor, spawner)


def without_viewing(scopes_: Iterable[str], visitor: orm.User | orm.Service) -> list[str]:
    """Return scopes of a visitor without access to servers on which they are a viewer."""
    names = list(scopes_)
    held = roles.get_roles_for(visitor)
    shares = list(shares_of(visitor)) if _is_user(visitor) else []
    if not any(role.name in viewing for role in held) and not any(level_of(each) == VIEW for each in shares):
        return names
    editing: Any = roles.roles_to_expanded_scopes(
        [role for role in held if role.name not in viewing], owner=visitor
    )
    for share in shares:
        if level_of(share) == EDIT:
            editing |= scopes.expand_share_scopes(share)
    given = {scope for scope in names if _opens_servers(scope)}
    kept = scopes._intersect_expanded_scopes(
        given, {scope for scope in editing if _opens_servers(scope)}, db=object_session(visitor)
    )
    return [scope for scope in names if scope not in given] + sorted(kept)


def _opens_servers(scope: str) -> bool:
    return scope.partition("!")[0] == ACCESS


def _is_user(visitor: orm.User | orm.Service) -> bool:
    return isinstance(visitor, orm.User)


def shares_of(user: orm.User) -> Query[orm.Share]:
    """Return the shares of a user and of the user's groups."""
    db = object_session(user)
    assert db is not None
    # Ask the database, because the hub deletes shares with statements that do not update its session.
    groups = [group.id for group in user.groups]
    query: Query[orm.Share] = db.query(orm.Share)
    return query.filter(or_(orm.Share.user_id == user.id, orm.Share.group_id.in_(groups)))


def _may(scope: str, held: list[orm.Role], visitor: orm.User | orm.Service, spawner: orm.Spawner) -> bool:
    expanded: Any = roles.roles_to_expanded_scopes(held, owner=visitor)
    where = scopes.parse_scopes(expanded).get(scope)
    return where is not None and bool(scopes.check_scope_filter(where, spawner, "server"))
