# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell a visitor's access level on a server: the highest one of everything that opens the server to them.

A role of ours at level `view` has the scope `access:servers`, like any other role that opens a server. What makes it a role of viewers is
its name, which is kept here and not in the hub's database. So a hub without this package does not have the role at all: the hub
deletes roles that its configuration does not name. For shares, see `share_levels`.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import orm, roles, scopes
from sqlalchemy import or_
from sqlalchemy.orm import Query, object_session

from ..names import EDIT, NO_LEVEL, VIEW
from .share_levels import ACCESS, highest_of, level_of

# The roles that open servers to viewers, each with the server as scopes name it, such as `alice/`.
viewing: dict[str, str] = {}


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
    others = [role for role in held if viewing.get(role.name) != server]
    if _opens(others, visitor, spawner):
        return EDIT
    return VIEW if len(others) < len(held) else NO_LEVEL


def viewed(visitor: orm.User | orm.Service) -> list[str]:
    """Return the servers on which a visitor is a viewer."""
    db = object_session(visitor)
    assert db is not None
    servers = {viewing[role.name] for role in roles.get_roles_for(visitor) if role.name in viewing}
    if _is_user(visitor):
        shares = (share for share in shares_of(visitor) if level_of(share) == VIEW)
        servers |= {f"{share.owner.name}/{share.spawner.name}" for share in shares}
    found = []
    for server in sorted(servers):
        owner, _slash, name = server.partition("/")
        query = db.query(orm.Spawner).join(orm.User, orm.Spawner.user_id == orm.User.id)
        spawner = query.filter(orm.User.name == owner, orm.Spawner.name == name).first()
        if spawner is None or level_on(spawner, visitor) == VIEW:
            found.append(server)
    return found


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


def _opens(held: list[orm.Role], visitor: orm.User | orm.Service, spawner: orm.Spawner) -> bool:
    expanded: Any = roles.roles_to_expanded_scopes(held, owner=visitor)
    where = scopes.parse_scopes(expanded).get(ACCESS)
    return where is not None and bool(scopes.check_scope_filter(where, spawner, "server"))
