# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the sharing page list, start and stop the servers of others that roles open to its user.

The page acts only with its user's token. The hub fixes the scopes of such a token when it issues it: those that the service may ask for
and that the user holds at that time. With a thousand servers among these scopes, each issue would block the hub for a quarter of
a second and write a line of 100 kB to its log. Also, users who get access later would not see the server before their next
login. So the hub has an additional endpoint for the page's tokens only. It returns the servers that the token's user can open now,
and makes the token valid for those that the user can start and stop now, and for no others.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from jupyterhub import orm, roles, scopes
from jupyterhub.apihandlers.base import APIHandler
from sqlalchemy.orm import object_session

from ..names import ACCESS, EDIT, OFFERED, SERVERS, VIEW
from ..patches.hub.handlers import add_endpoint
from .access_levels import viewing
from .page_token import token_of_page

# Servers as scopes name them: OWNER/ for the default server, OWNER/NAME for a named one.
offered: set[str] = set()
MANAGE = "manage"
PREFIX = f"{SERVERS}!server="
PENDING = {"spawn": "starting", "stop": "stopping"}


def show_offered() -> None:
    """Add the endpoint to the hub, without servers."""
    offered.clear()
    add_endpoint(f"/api/{OFFERED}", OfferedServers)


class OfferedServers(APIHandler):
    """Updates the calling token, and returns what its user may do with each server."""

    async def post(self) -> None:
        token = token_of_page(self)
        may = permitted(token.user)
        renew(token, [server for server, level in may.items() if level == MANAGE])
        owners = {server.partition("/")[0] for server in may}
        known = dict(self.db.query(orm.User.name, orm.User.id).filter(orm.User.name.in_(owners)).all())
        told = []
        for server, level in may.items():
            owner, name = server.split("/")
            if owner in known:
                state = state_of(self.users, known[owner], name)
                told.append({"owner": owner, "server": name, "state": state, "level": level})
        self.finish(json.dumps(told))


def state_of(users: Any, owner: int, name: str) -> str:
    """Return the state of a server. users: the hub's, by ID. One whom the hub has not loaded into memory has no running server."""
    spawner = users[owner].spawners.get(name) if owner in users else None
    if spawner is None or not spawner.active:
        return "stopped"
    return PENDING.get(spawner.pending, "running")


def permitted(user: orm.User) -> dict[str, str]:
    """Return the servers of others that roles open to a user now, each with the level: `view`, `edit`, or `manage` (also start and stop it)."""
    held = roles.get_roles_for(user)
    everything = _parsed(held, user)
    editing = _parsed([role for role in held if role.name not in viewing], user)

    def may(scope: str, server: str, held: Any = everything) -> bool:
        # Pass a single scope, because the hub would go through all of them for each server.
        where = {scope: held[scope]} if scope in held else {}
        return bool(scopes.has_scope(f"{scope}!server={server}", where, db=object_session(user)))

    def level(server: str) -> str:
        return MANAGE if may(SERVERS, server) else EDIT if may(ACCESS, server, editing) else VIEW

    others = [server for server in sorted(offered) if server.partition("/")[0] != user.name]
    return {server: level(server) for server in others if may(ACCESS, server)}


def _parsed(held: Collection[orm.Role], user: orm.User) -> Any:
    return scopes.parse_scopes(roles.roles_to_expanded_scopes(held, owner=user))


def renew(token: orm.APIToken, managed: Collection[str]) -> None:
    """Make a token of the page valid for starting and stopping these servers, and no others."""
    kept = [scope for scope in token.scopes if not scope.startswith(PREFIX)]
    now = [*kept, *(f"{PREFIX}{server}" for server in managed)]
    if now != token.scopes:
        token.scopes = now
        object_session(token).commit()  # type: ignore[union-attr]
