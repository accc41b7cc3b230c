# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from a live hub's database who has visited other users' running servers. Changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jupyterhub import orm, scopes
from sqlalchemy.orm import Session

ACCESS = "access:servers"


def visitors(db: Session) -> list[dict[str, Any]]:
    """Return everyone whose browser holds a token for another user's running server.

    user, owner, server: names; the default server's is empty. started, seen: when the server started, and when it last asked the hub about
    the user, in seconds since the epoch. allowed: whether the current roles and shares give the user access.
    """
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for spawner in db.query(orm.Spawner).filter(orm.Spawner.server_id.is_not(None)):
        for token in spawner.oauth_client.access_tokens if spawner.oauth_client else []:
            if token.user is None or token.user is spawner.user:
                continue
            held = scopes.parse_scopes(scopes.get_scopes_for(token)).get(ACCESS)
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
    """Return a time from the hub's database in seconds since the epoch; 0 for none."""
    return stored.replace(tzinfo=UTC).timestamp() if stored else 0
