# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever has a server open is let in again after it was stopped and started, without a page to be reloaded.

By itself the hub forgets with a server that stops the client of OAuth that the server was, and with it all tokens that its
visitors' browsers hold: an open page gets nothing but 403 from the next start on, and what was typed meanwhile is lost. A
spawner that resumes (`Spawner.will_resume`) keeps client and tokens. Nobody has more rights by that: whenever such a token is
shown, the hub looks at what its owner may do then.

But the server's own token would stay with them, which anybody with a terminal there has read. That one ends as it does by
default, and also where the hub has been started anew meanwhile and does not know it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.user import User
from jupyterhub.utils import url_escape_path, url_path_join
from sqlalchemy.orm import object_session
from traitlets import TraitType


def keep_visitors(is_chosen: Callable[[Any], bool]) -> None:
    """Have the hub keep the visitors' tokens of chosen servers when these stop, and when the hub itself starts.

    No hook is early enough. Every end of a server comes by `User.stop`, also one that the hub learns of at its start.
    """
    User.stop = _keeping_at_stop(User.stop, is_chosen)
    JupyterHub.cleanup_oauth_clients = _keeping_at_start(JupyterHub.cleanup_oauth_clients, is_chosen)


def _keeping_at_stop(stop: Any, is_chosen: Callable[[Any], bool]) -> Any:
    @wraps(stop)
    async def stop_and_keep(user: Any, server_name: str = "") -> Any:
        spawner = user.spawners[server_name]
        if resumes_by_itself(spawner) or not is_chosen(spawner):
            return await stop(user, server_name)
        spawner.will_resume = True
        try:
            return await stop(user, server_name)
        finally:
            spawner.will_resume = False
            end_own_tokens(spawner)

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
    return not isinstance(type(spawner).will_resume, TraitType) or spawner.will_resume


def end_own_tokens(spawner: Any) -> None:
    """Delete the tokens that a server was given to talk to the hub with; the hub gives it a new one at each start.

    They are known by the note that the hub puts on them, as it keeps no token that could be looked for.
    """
    user = spawner.user.orm_user
    db = object_session(user)
    assert db is not None
    base_url = url_path_join(spawner.user.base_url, url_escape_path(spawner.name), "/")
    for token in db.query(orm.APIToken).filter_by(
        user_id=user.id, client_id="jupyterhub", note=f"Server at {base_url}"
    ):
        db.delete(token)
    db.commit()


def forget_visitors(spawner: Any) -> None:
    """Delete the visitors' tokens of a server that starts and is not chosen any more, as its last stop would have done."""
    if resumes_by_itself(spawner):
        return
    db = object_session(spawner.orm_spawner)
    assert db is not None
    for client in db.query(orm.OAuthClient).filter_by(identifier=spawner.oauth_client_id):
        for held in (*client.access_tokens, *client.codes):
            db.delete(held)
    db.commit()
