# SPDX-License-Identifier: GPL-3.0-or-later
"""What people may share and for how long, kept where no page and no call of the API gets around it: at the hub's database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from jupyterhub import orm
from jupyterhub.utils import maybe_future
from sqlalchemy import event
from sqlalchemy.orm import object_session
from tornado import web

from .hooks import Hook, chain
from .share_log import ENDED_WITH_THE_SERVER, because

# All that a share lets someone do: come in. The API would take any right of the owner's, such as to stop the server.
ENTRANCE = "access:servers"


def limit_shares(longest_link: int) -> None:
    """Limit the lifetime of links, and have shares and links grant access only."""
    event.listen(orm.ShareCode, "before_insert", _limit_life(timedelta(seconds=longest_link)))
    for kind in (orm.Share, orm.ShareCode):
        # When they are set, and not when they are written: a refusal then would leave the hub's one session broken.
        event.listen(kind._scopes, "set", _limit_scopes, retval=True)


def _limit_life(longest: timedelta) -> Any:
    def limit(_mapper: Any, _connection: Any, code: orm.ShareCode) -> None:
        latest = code.now() + longest
        if code.expires_at is None or code.expires_at > latest:
            code.expires_at = latest

    return limit


def _limit_scopes(_share: Any, scopes: list[str], _before: Any, _initiator: Any) -> list[str]:
    """Return those of the scopes that may be shared. Raises 403 where none is left, as an empty share would only look like one."""
    allowed = [scope for scope in scopes if scope.partition("!")[0] == ENTRANCE]
    if not allowed:
        raise web.HTTPError(403, f"Only {ENTRANCE} can be shared on this hub")
    return allowed


def end_shares_with_server(c: Any) -> None:
    """End all shares and links of a server when it stops, however that comes about, and before it starts.

    The hub calls the one hook after every end that it learns of. What it has not learnt of, such as an end while it was
    down, the other one makes up for. A restart of the hub itself runs neither, and servers that go on keep their guests.
    """
    chain(c, "Spawner", "pre_spawn_hook", _end_then)
    chain(c, "Spawner", "post_stop_hook", _end_then)


def _end_then(theirs: Hook) -> Hook:
    """Return a hook that ends what is shared of the server and then runs theirs."""

    async def hook(spawner: Any, *arguments: Any) -> Any:
        end_shares(spawner.orm_spawner)
        return await maybe_future(theirs(spawner, *arguments))

    return hook


def end_shares(spawner: orm.Spawner) -> None:
    """Delete all shares and links of a server, one by one, so that each is logged."""
    db = object_session(spawner)
    assert db is not None
    with because(ENDED_WITH_THE_SERVER):
        for kind in (orm.ShareCode, orm.Share):
            for each in db.query(kind).filter_by(spawner_id=spawner.id):
                db.delete(each)
        db.commit()
