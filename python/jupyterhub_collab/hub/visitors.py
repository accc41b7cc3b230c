# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from a live hub's database who has been let into someone else's running server, and changes nothing there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jupyterhub import orm, scopes
from sqlalchemy.orm import Session

ENTRANCE = "access:servers"


def visitors(db: Session) -> list[dict[str, Any]]:
    """Return everyone whose browser holds a token for a server of someone else that runs.

    user, owner, server: names, of the server empty where it is the owner's default one. started, seen: when the server was started,
    and when it last asked the hub about them, in seconds of the epoch. allowed: whether the user may come in, by the roles and
    shares of this moment.
    """
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for spawner in db.query(orm.Spawner).filter(orm.Spawner.server_id.is_not(None)):
        for token in spawner.oauth_client.access_tokens if spawner.oauth_client else []:
            if token.user is None or token.user is spawner.user:
                continue
            held = scopes.parse_scopes(scopes.get_scopes_for(token)).get(ENTRANCE)
            key = token.user.name, spawner.user.name, spawner.name
            found[key] = {
                "user": token.user.name,
                "owner": spawner.user.name,
                "server": spawner.name,
                "started": moment(spawner.started),
                "seen": max(moment(token.last_activity), found.get(key, {}).get("seen", 0)),
                "allowed": held is not None and bool(scopes.check_scope_filter(held, spawner, "server")),
            }
    return list(found.values())


def moment(stored: datetime | None) -> float:
    """Return a time of the hub's database in seconds of the epoch; 0 where there is none."""
    return stored.replace(tzinfo=UTC).timestamp() if stored else 0
