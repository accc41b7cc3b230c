# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell a visitor's access level on a server: the highest one of everything that opens the server to them.

A role of ours at level `view` has the scope `access:servers`, like any other role that opens a server. What makes it a role of viewers is
its name, which is kept here and not in the hub's database. So a hub without this package does not have the role at all: the hub
deletes roles that its configuration does not name.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import orm, roles, scopes
from sqlalchemy.orm import object_session

ACCESS = "access:servers"
VIEW, EDIT = "view", "edit"

# The roles that open servers to viewers, each with the server as scopes name it, such as `alice/`.
viewing: dict[str, str] = {}


def level_on(spawner: orm.Spawner, visitor: orm.User | orm.Service) -> str:
    """Return what a visitor may do on a server if anything opens it to them: `view` or `edit`."""
    server = f"{spawner.user.name}/{spawner.name}"
    held = roles.get_roles_for(visitor)
    others = [role for role in held if viewing.get(role.name) != server]
    is_viewer = len(others) < len(held)
    if not is_viewer or visitor is spawner.user or _opens(others, visitor, spawner):
        return EDIT
    return EDIT if _is_shared(spawner, visitor) else VIEW


def viewed(visitor: orm.User | orm.Service) -> list[str]:
    """Return the servers on which a visitor is a viewer."""
    db = object_session(visitor)
    assert db is not None
    servers = {viewing[role.name] for role in roles.get_roles_for(visitor) if role.name in viewing}
    found = []
    for server in sorted(servers):
        owner, _slash, name = server.partition("/")
        query = db.query(orm.Spawner).join(orm.User, orm.Spawner.user_id == orm.User.id)
        spawner = query.filter(orm.User.name == owner, orm.Spawner.name == name).first()
        if spawner is None or level_on(spawner, visitor) == VIEW:
            found.append(server)
    return found


def _opens(held: list[orm.Role], visitor: orm.User | orm.Service, spawner: orm.Spawner) -> bool:
    expanded = roles.roles_to_expanded_scopes(held, owner=visitor)
    return _includes(expanded, spawner)


def _is_shared(spawner: orm.Spawner, visitor: orm.User | orm.Service) -> bool:
    if not isinstance(visitor, orm.User):
        return False
    db = object_session(spawner)
    assert db is not None
    # Ask the database, because the hub deletes shares with statements that do not update its session.
    groups = [group.id for group in visitor.groups]
    found = db.query(orm.Share).filter(
        orm.Share.spawner_id == spawner.id,
        (orm.Share.user_id == visitor.id) | orm.Share.group_id.in_(groups),
    )
    return any(_includes(scopes.expand_share_scopes(share), spawner) for share in found)


def _includes(expanded: Any, spawner: orm.Spawner) -> bool:
    where = scopes.parse_scopes(expanded).get(ACCESS)
    return where is not None and bool(scopes.check_scope_filter(where, spawner, "server"))
