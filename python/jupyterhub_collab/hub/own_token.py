# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's own token is good for, on servers that other people can open.

Everyone with a terminal on a server can read its `JUPYTERHUB_API_TOKEN`. By default that token opens the server, as its owner
and for as long as the server runs, so a guest who has read it comes back after they were revoked. A server needs its token to report
activity, and never to open itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import wraps
from inspect import isawaitable
from typing import Any

from jupyterhub import orm, scopes
from jupyterhub.app import JupyterHub
from jupyterhub.utils import url_escape_path, url_path_join
from sqlalchemy.orm import object_session

from .hooks import sections_with
from .roles import value_of

TRAIT = "server_token_scopes"
ACCESS = "access:servers"
# What opens servers, and what gives someone else, or another token, that right: also by making someone an administrator, or a member.
OPENING = {ACCESS, "tokens", "shares", "admin:users", "groups", "admin:groups"}
# JupyterHub adds it wherever it is missing; an empty list would mean the default.
LEAST = "users:activity!user"
# They stand for rights of the owner, of which access to servers is one.
METASCOPES = {"inherit", "self", "all"}
Concerns = Callable[[Any], bool]


def limit_own_tokens(c: Any, is_concerned: Concerns) -> None:
    """Remove access to servers from the token that each collaboration server has, including those that run when the hub starts.

    What else an administrator gives to such tokens stays.
    """
    for section in sorted(sections_with(c, TRAIT) | {"Spawner"}):
        c[section][TRAIT] = _without_access(value_of(c[section], TRAIT, []), is_concerned)
    JupyterHub.cleanup_oauth_clients = _at_start(JupyterHub.cleanup_oauth_clients, is_concerned)


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
        """Not a coroutine where theirs is none.

        The hub has not yet committed where the server will listen. Were it to wait here, the next request to the hub would roll that back,
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
    """Yield scopes without those that open servers, which some scopes only stand for."""
    for scope in wanted:
        parts = scopes.get_scopes_for(owner) if scope in METASCOPES else [scope]
        yield from sorted(part for part in parts if not opens(part))


def opens(scope: str) -> bool:
    """Return whether a scope opens servers, at once or by a detour, whichever they are."""
    return scope.partition("!")[0] in OPENING


def _at_start(cleanup: Any, is_concerned: Concerns) -> Any:
    """Limit the tokens of servers that were started before, once the hub knows which of its servers run."""

    @wraps(cleanup)
    def cleanup_oauth_clients(hub: Any) -> None:
        for user in hub.users.values():
            for spawner in user.spawners.values():
                if spawner.active and is_concerned(spawner):
                    for token in own_tokens(spawner):
                        token.scopes = [*_spelt_out(token.scopes, user.orm_user)]
        hub.db.commit()
        cleanup(hub)

    return cleanup_oauth_clients


def own_tokens(spawner: Any) -> list[orm.APIToken]:
    """Return the tokens that a server was given to talk to the hub with.

    They are known by the note that the hub puts on them, as it keeps no token that could be looked for.
    """
    user = spawner.user.orm_user
    db = object_session(user)
    assert db is not None
    base_url = url_path_join(spawner.user.base_url, url_escape_path(spawner.name), "/")
    query = db.query(orm.APIToken).filter_by(user_id=user.id, client_id="jupyterhub")
    return list(query.filter_by(note=f"Server at {base_url}"))
