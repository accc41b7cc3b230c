# SPDX-License-Identifier: GPL-3.0-or-later
"""Limit the API token of servers that other users can open.

Everyone with a terminal on a server can read its `JUPYTERHUB_API_TOKEN`. By default, that token opens the server as its owner until
the server stops, so a guest who has read it could return after their access was revoked. A server needs its token to report activity, and
never to open itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from inspect import isawaitable
from typing import Any

from jupyterhub import orm, scopes
from jupyterhub.utils import url_escape_path, url_path_join
from sqlalchemy.orm import object_session

from ..names import ACCESS
from ..patches.hub.start import before_cleanup
from .hooks import sections_with
from .roles import value_of

TRAIT = "server_token_scopes"
# Scopes that open servers, or can pass that right on to a token or another user, for example by making them an administrator or a member.
OPENING = {ACCESS, "tokens", "shares", "admin:users", "groups", "admin:groups"}
# The scope that JupyterHub adds to every server's token. An empty list would mean the default scopes.
LEAST = "users:activity!user"
# Metascopes stand for the owner's scopes, which include access to servers.
METASCOPES = {"inherit", "self", "all"}
Concerns = Callable[[Any], bool]


def limit_own_tokens(c: Any, is_concerned: Concerns) -> None:
    """Remove access to servers from the token of each server that `is_concerned` selects, including those running when the hub starts.

    Other scopes that the administrator gives to these tokens stay.
    """
    for section in sorted(sections_with(c, TRAIT) | {"Spawner"}):
        c[section][TRAIT] = _without_access(value_of(c[section], TRAIT, []), is_concerned)
    before_cleanup(lambda hub: _limit_running(hub, is_concerned))


def _without_access(theirs: Any, is_concerned: Concerns) -> Callable[[Any], Any]:
    def limited(wanted: Iterable[str] | None, spawner: Any) -> list[str]:
        if not is_concerned(spawner):
            return list(wanted or [])
        owner = spawner.user.orm_user
        wanted = wanted or orm.Role.find(object_session(owner), "server").scopes
        return list(_spelt_out(wanted, owner)) or [LEAST]

    async def later(wanted: Awaitable[Any], spawner: Any) -> list[str]:
        return limited(await wanted, spawner)

    def server_token_scopes(spawner: Any) -> list[str] | Awaitable[list[str]]:
        """Return the scopes, as an awaitable only if the configured callable returns one.

        At this point, the hub has not committed the server's address. If it awaited here, the next request to the hub would roll that back,
        and the server would start without its address.
        """
        wanted = theirs or spawner.trait_defaults(TRAIT)
        if callable(wanted):
            wanted = wanted(spawner)
        return later(wanted, spawner) if isawaitable(wanted) else limited(wanted, spawner)

    server_token_scopes.is_chained = True  # type: ignore[attr-defined]
    server_token_scopes.theirs = theirs  # type: ignore[attr-defined]
    return server_token_scopes


def _spelt_out(wanted: Iterable[str], owner: orm.User) -> Iterator[str]:
    """Yield scopes without those that open servers. Metascopes are expanded first."""
    for scope in wanted:
        parts = scopes.get_scopes_for(owner) if scope in METASCOPES else [scope]
        yield from sorted(part for part in parts if not opens(part))


def opens(scope: str) -> bool:
    """Return whether a scope opens any servers, directly or by passing on the right to."""
    return scope.partition("!")[0] in OPENING


def _limit_running(hub: Any, is_concerned: Concerns) -> None:
    """Limit the tokens of the servers that are running when the hub starts."""
    for user in hub.users.values():
        for spawner in user.spawners.values():
            if spawner.active and is_concerned(spawner):
                for token in own_tokens(spawner):
                    token.scopes = [*_spelt_out(token.scopes, user.orm_user)]
    hub.db.commit()


def own_tokens(spawner: Any) -> list[orm.APIToken]:
    """Return the tokens with which a server talks to the hub.

    They are found by the hub's note, because the hub stores only hashes of tokens.
    """
    user = spawner.user.orm_user
    db = object_session(user)
    assert db is not None
    query = db.query(orm.APIToken).filter_by(user_id=user.id, client_id="jupyterhub")
    return list(query.filter_by(note=note_of(spawner.user, spawner.name)))


def note_of(user: Any, server: str) -> str:
    """Return the hub's note at the token with which a user's server talks to the hub."""
    return f"Server at {url_path_join(user.base_url, url_escape_path(server), '/')}"
