# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the shares and links that would outlive the right to share that we grant. Reads a hub's database and changes nothing."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm, roles, scopes
from sqlalchemy.orm import Session

# The roles through which we grant the right: the hub's default role of every user, and a role of ours for groups.
EVERYONE = "user"
GROUPS = "collab-sharing"
RIGHT = "shares!user"


def grants(db: Session) -> list[dict[str, Any]]:
    """Return the servers with shares or links (share codes) whose owners can share only by the right that we grant.

    owner, server: names; the default server's is empty. groups: the owner's groups. shares, links: how many the server has. The
    result is the same before and after our right is removed, because our right is ignored.
    """
    found = []
    for spawner in db.query(orm.Spawner).order_by(orm.Spawner.id):
        if (spawner.shares or spawner.share_codes) and not _has_another_right(spawner):
            found.append(
                {
                    "owner": spawner.user.name,
                    "server": spawner.name,
                    "groups": sorted(group.name for group in spawner.user.groups),
                    "shares": len(spawner.shares),
                    "links": len(spawner.share_codes),
                }
            )
    return found


def _has_another_right(spawner: orm.Spawner) -> bool:
    """Return whether the owner of a server can share it without the right that we grant."""
    held = {
        scope
        for role in roles.get_roles_for(spawner.user)
        for scope in role.scopes
        if role.name not in (EVERYONE, GROUPS) or scope != RIGHT
    }
    where = scopes.parse_scopes(scopes.expand_scopes(held, owner=spawner.user)).get("shares")
    return where is not None and bool(scopes.check_scope_filter(where, spawner, "server"))
