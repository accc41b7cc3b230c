# SPDX-License-Identifier: GPL-3.0-or-later
"""Limit what users can share and for how long, at the hub's database, which no page and no API call bypasses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from jupyterhub import orm
from jupyterhub.utils import maybe_future
from sqlalchemy import event
from sqlalchemy.orm import object_session

from .hooks import Hook, chain
from .share_levels import MARK, only_access
from .share_log import ENDED_WITH_THE_SERVER, because


def limit_shares(longest_link: int) -> None:
    """Limit the lifetime of links to `longest_link` seconds, and remove all scopes except access from shares and links."""
    event.listen(orm.ShareCode, "before_insert", _limit_life(timedelta(seconds=longest_link)))
    for kind in (orm.Share, orm.ShareCode):
        # Check when the scopes are set, not when they are written: an exception during a write would break the hub's only session.
        event.listen(kind._scopes, "set", _limit_scopes, retval=True)


def _limit_life(longest: timedelta) -> Any:
    def limit(_mapper: Any, _connection: Any, code: orm.ShareCode) -> None:
        latest = code.now() + longest
        if code.expires_at is None or code.expires_at > latest:
            code.expires_at = latest

    return limit


def _limit_scopes(_share: Any, scopes: list[str], _before: Any, _initiator: Any) -> list[str]:
    """Return the scopes that may be in the database."""
    return only_access(scopes, MARK)


def end_shares_with_server(c: Any) -> None:
    """End all shares and links of a server when it stops for any reason, and before it starts.

    The hub calls `post_stop_hook` after every stop that it notices. `pre_spawn_hook` covers the others, such as a server that ended while
    the hub was down. A restart of the hub runs neither hook, so servers that keep running keep their guests.
    """
    chain(c, "Spawner", "pre_spawn_hook", _end_then)
    chain(c, "Spawner", "post_stop_hook", _end_then)


def _end_then(theirs: Hook) -> Hook:
    """Return a hook that ends all shares and links of the server, and then runs the configured hook."""

    async def hook(spawner: Any, *arguments: Any) -> Any:
        end_shares(spawner.orm_spawner)
        return await maybe_future(theirs(spawner, *arguments))

    return hook


def end_shares(spawner: orm.Spawner) -> None:
    """Delete all shares and links of a server, one at a time, so that each is logged."""
    db = object_session(spawner)
    assert db is not None
    with because(ENDED_WITH_THE_SERVER):
        for kind in (orm.ShareCode, orm.Share):
            for each in db.query(kind).filter_by(spawner_id=spawner.id):
                db.delete(each)
        db.commit()
