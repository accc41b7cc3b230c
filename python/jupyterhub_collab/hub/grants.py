# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from a hub's database what would outlive the right to share that everybody has, and changes nothing there."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm, roles, scopes
from sqlalchemy.orm import Session

EVERYBODY = "user"  # the hub's name of the role that every user holds
RIGHT = "shares!user"


def grants(db: Session) -> list[dict[str, Any]]:
    """Return the servers with shares or links (share codes) whose owner shares them as everybody may, by no other right.

    owner, server: names, of the server empty where it is the owner's default one. shares, links: how many. They are the
    same before and after everybody's right goes, as it does not count here.
    """
    found = []
    for spawner in db.query(orm.Spawner).order_by(orm.Spawner.id):
        if (spawner.shares or spawner.share_codes) and not _has_another_right(spawner):
            found.append(
                {
                    "owner": spawner.user.name,
                    "server": spawner.name,
                    "shares": len(spawner.shares),
                    "links": len(spawner.share_codes),
                }
            )
    return found


def _has_another_right(spawner: orm.Spawner) -> bool:
    """Return whether a role other than everybody's lets the owner of a server share it."""
    held = {
        scope
        for role in roles.get_roles_for(spawner.user)
        for scope in role.scopes
        if (role.name, scope) != (EVERYBODY, RIGHT)
    }
    where = scopes.parse_scopes(scopes.expand_scopes(held, owner=spawner.user)).get("shares")
    return where is not None and bool(scopes.check_scope_filter(where, spawner, "server"))
