# SPDX-License-Identifier: GPL-3.0-or-later
"""Users who have a server open keep their access when it restarts, without reloading a page.

By default, when a server stops, the hub deletes the server's OAuth client, and with it all tokens that its
visitors' browsers hold: an open page gets nothing but 403 from the next start on, and what was typed meanwhile is lost. A
spawner that resumes (`Spawner.will_resume`) keeps client and tokens. Nobody has more rights by that: whenever such a token is
shown, the hub looks at what its owner may do then.

But the server's own token would stay with them, which anyone with a terminal there has read. That one ends as it does by
default, and also where the hub has been started anew meanwhile and does not know it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.user import User
from sqlalchemy.orm import object_session

from .guests import forget, forget_if_one_left, note_guests
from .own_token import own_tokens


def keep_visitors(is_chosen: Callable[[Any], bool]) -> None:
    """Have the hub keep the visitors' tokens of chosen servers when these stop, and when the hub itself starts.

    No hook is early enough. Every end of a server comes by `User.stop`, also one that the hub learns of at its start.
    """
    note_guests()
    User.stop = _keeping_at_stop(User.stop, is_chosen)
    JupyterHub.cleanup_oauth_clients = _keeping_at_start(JupyterHub.cleanup_oauth_clients, is_chosen)


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


def _keeping_at_start(cleanup: Any, is_chosen: Callable[[Any], bool]) -> Any:
    """The hub forgets at its start whatever client is no service's and of no server that it has looked at. So it looks."""

    @wraps(cleanup)
    def cleanup_oauth_clients(hub: Any) -> None:
        for client in hub.db.query(orm.OAuthClient).filter(orm.OAuthClient.spawner.has()):
            user = hub.users[client.spawner.user]
            name = client.spawner.name
            if name not in user.spawners and not is_chosen(user.spawners[name]):
                user.spawners.pop(name)
        cleanup(hub)

    return cleanup_oauth_clients


def resumes_by_itself(spawner: Any) -> bool:
    """Return whether it is the spawner's own matter what outlives a stop: containers that are kept, say."""
    return bool(spawner.will_resume)


@contextmanager
def _as_if_it_resumed(spawner: Any) -> Iterator[None]:
    """Have a spawner say meanwhile that it resumes, whether its class has a setting for that or, like DockerSpawner's, decides it."""
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
    """Delete the tokens that a server was given to talk to the hub with; the hub gives it a new one at each start."""
    db = object_session(spawner.user.orm_user)
    assert db is not None
    for token in own_tokens(spawner):
        db.delete(token)
    db.commit()


def forget_visitors(spawner: Any) -> None:
    """Delete the visitors' tokens of a server that starts and is not chosen any more, as its last stop would have done."""
    if not resumes_by_itself(spawner):
        forget(spawner)
