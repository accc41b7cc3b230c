# SPDX-License-Identifier: GPL-3.0-or-later
"""Let open pages reconnect after their server restarts, without a reload.

By default, when a server stops, the hub deletes the server's OAuth client, and with it the tokens in its visitors' browsers. After the next
start, an open page gets only 403, and what was typed in the meantime is lost. Spawners that resume (`Spawner.will_resume`) keep client and
tokens. This grants no additional rights: each time a token is used, the hub checks what its owner may do at that time.

The server's own token must not be kept, because anyone with a terminal there may have read it. It is deleted as by default, and also
if the hub has restarted in the meantime and no longer knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.user import User
from sqlalchemy.orm import object_session

from ...hub.own_token import own_tokens
from ..releases import patches_hub
from .guests import forget, forget_if_one_left, note_guests
from .start import before_cleanup


@patches_hub("jupyterhub.user:User.stop(self, server_name)", "jupyterhub.spawner:Spawner.will_resume")
def keep_visitors(is_chosen: Callable[[Any], bool]) -> None:
    """Keep the visitors' tokens of chosen servers when the servers stop, and when the hub starts.

    No hook runs early enough. Every stop of a server passes through `User.stop`, also one that the hub notices only when it starts.
    """
    note_guests()
    User.stop = _keeping_at_stop(User.stop, is_chosen)
    before_cleanup(lambda hub: _load_chosen(hub, is_chosen))


def _keeping_at_stop(stop: Any, is_chosen: Callable[[Any], bool]) -> Any:
    @wraps(stop)
    async def stop_and_keep(user: Any, server_name: str = "") -> Any:
        spawner = user.spawners[server_name]
        if not is_chosen(spawner):
            return await stop(user, server_name)
        resumes = resumes_by_itself(spawner)
        try:
            with nullcontext() if resumes else _as_if_it_resumed(spawner):
                return await stop(user, server_name)
        finally:
            if not resumes:
                end_own_tokens(spawner)
            forget_if_one_left(spawner)

    return stop_and_keep


def _load_chosen(hub: Any, is_chosen: Callable[[Any], bool]) -> None:
    """Load the chosen servers into memory. The hub deletes all OAuth clients except those of services and of servers in memory."""
    for client in hub.db.query(orm.OAuthClient).filter(orm.OAuthClient.spawner.has()):
        user = hub.users[client.spawner.user]
        name = client.spawner.name
        if name not in user.spawners and not is_chosen(user.spawners[name]):
            user.spawners.pop(name)


def resumes_by_itself(spawner: Any) -> bool:
    """Return whether the spawner itself decides what outlives a stop, for example because it keeps its container."""
    return bool(spawner.will_resume)


@contextmanager
def _as_if_it_resumed(spawner: Any) -> Iterator[None]:
    """Make a spawner's `will_resume` true inside the context, also if its class computes it, as DockerSpawner does."""
    kind: Any = type(spawner)
    spawner.__class__ = _resuming(kind)
    try:
        yield
    finally:
        spawner.__class__ = kind


@cache
def _resuming(kind: type) -> type:
    return type(kind.__name__, (kind,), {"__module__": kind.__module__, "will_resume": True})


def end_own_tokens(spawner: Any) -> None:
    """Delete the tokens with which a server talks to the hub. The hub issues a new one at each start."""
    db = object_session(spawner.user.orm_user)
    assert db is not None
    for token in own_tokens(spawner):
        db.delete(token)
    db.commit()


def forget_visitors(spawner: Any) -> None:
    """Delete the visitors' tokens of a starting server that is no longer chosen, as the hub does by default when a server stops."""
    if not resumes_by_itself(spawner):
        forget(spawner)
