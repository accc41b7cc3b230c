# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from a hub's database what would outlive the right to share that we give, and changes nothing there."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm, roles, scopes
from sqlalchemy.orm import Session

# The roles that we give the right by: the one that the hub gives to every user, and one of ours for groups.
EVERYBODY = "user"
GROUPS = "collab-sharing"
RIGHT = "shares!user"


def grants(db: Session) -> list[dict[str, Any]]:
    """Return the servers with shares or links (share codes) whose owner shares them by the right that we give, and no other.

    owner, server: names, of the server empty where it is the owner's default one. groups: those that the owner is in.
    shares, links: how many. They are the same before and after the right goes, as it does not count here.
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
    """Return whether a role other than ours lets the owner of a server share it."""
    held = {
        scope
        for role in roles.get_roles_for(spawner.user)
        for scope in role.scopes
        if role.name not in (EVERYBODY, GROUPS) or scope != RIGHT
    }
    where = scopes.parse_scopes(scopes.expand_scopes(held, owner=spawner.user)).get("shares")
    return where is not None and bool(scopes.check_scope_filter(where, spawner, "server"))
