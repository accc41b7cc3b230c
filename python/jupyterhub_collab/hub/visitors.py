# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from a live hub's database who has visited, and who is visiting, other users' running servers. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from jupyterhub import orm, scopes
from sqlalchemy.orm import Session, object_session

from ..names import ACCESS, LONGEST_TRUST

# The hub notes activity of tokens to half a minute.
RESOLUTION_SECONDS = 60


def visitors(db: Session, owner: str = "") -> list[dict[str, Any]]:
    """Return everyone whose browser holds a token for another user's running server, or for one of this owner's.

    user, owner, server: names; the default server's is empty. started, seen: when the server started, and when it last asked the hub about
    the user, in seconds since the epoch. allowed: whether the current roles and shares give the user access.
    """
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    running = db.query(orm.Spawner).filter(orm.Spawner.server_id.is_not(None))
    for spawner in running.filter(orm.Spawner.user.has(name=owner)) if owner else running:
        # A live hub's session may have the list of tokens from before the server was started again, so ask the database.
        for token in db.query(orm.APIToken).filter_by(client_id=spawner.oauth_client_id):
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


def for_home(revocation_seconds: int) -> Callable[[Any], Any]:
    """Return a template variable for the hub's pages: a function that returns `visiting` of the page's user.

    revocation_seconds: how often servers ask the hub about visitors. They ask less often while the hub tells them of changes.
    """
    return lambda user: partial(visiting, user, seconds_present(revocation_seconds))


def seconds_present(revocation_seconds: int) -> int:
    """Return for how many seconds a visitor counts as being on a server after it has last asked the hub about them."""
    return 2 * revocation_seconds + LONGEST_TRUST + RESOLUTION_SECONDS


def visiting(user: Any, seconds: float) -> dict[str, list[str]]:
    """Return who is on each of a user's servers, as far as these have asked the hub about them in the last seconds.

    user: the hub's; None for nobody. The keys are names of servers; the default server's is empty.
    """
    found: dict[str, list[str]] = {}
    db = object_session(user.orm_user) if user is not None else None
    if db is not None:
        for each in visitors(db, user.name):
            if each["allowed"] and each["seen"] > time.time() - seconds:
                found.setdefault(each["server"], []).append(each["user"])
    return {server: sorted(names) for server, names in found.items()}


def moment(stored: datetime | None) -> float:
    """Return a time from the hub's database in seconds since the epoch; 0 for none."""
    return stored.replace(tzinfo=UTC).timestamp() if stored else 0
