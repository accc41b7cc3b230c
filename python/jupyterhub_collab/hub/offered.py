# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of others that roles of the hub open to people, as the sharing page lists, starts and stops them.

The page acts with its user's token alone, and what such a token is good for is settled when the hub issues it: scopes that the
service may ask for, as far as the user has them at that time. A thousand servers there would cost each issue a quarter of a
second, during which the hub does nothing else, and a line of 100 kB in its log. And users who get access afterwards would
not see the server before their next login. So the hub has one more address. There, only a token of the page learns which
servers its user can open now, and becomes valid for those that its user can start and stop now, and no others.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from jupyterhub import apihandlers, orm, roles, scopes
from jupyterhub.apihandlers.base import APIHandler
from sqlalchemy.orm import object_session
from tornado import web

from ..names import OFFERED, SERVICE

# As in scopes: the owner's name, a slash, and the name of the server, empty for the default one.
offered: set[str] = set()
OPEN, MANAGE = "access:servers", "servers"
PREFIX = f"{MANAGE}!server="
PENDING = {"spawn": "starting", "stop": "stopping"}


def show_offered() -> None:
    """Give the hub the address, with no servers yet."""
    offered.clear()
    # The list that the hub makes its addresses of. `extra_handlers`, deprecated, has it warn at each start, and may be set anew.
    address = (f"/api/{OFFERED}", OfferedServers)
    if address not in apihandlers.default_handlers:
        apihandlers.default_handlers.append(address)


class OfferedServers(APIHandler):
    """Brings the calling token up to date, and tells what its user may do with which of the servers."""

    async def post(self) -> None:
        token = self.get_token()
        if not self.current_user or token is None or token.client_id != f"service-{SERVICE}":
            raise web.HTTPError(403, "Only the sharing page can use this")
        may = permitted(token.user)
        renew(token, [server for server, manage in may.items() if manage])
        owners = {server.partition("/")[0] for server in may}
        known = dict(self.db.query(orm.User.name, orm.User.id).filter(orm.User.name.in_(owners)).all())
        told = []
        for server, manage in may.items():
            owner, name = server.split("/")
            if owner in known:
                state = self.state(known[owner], name)
                told.append({"owner": owner, "server": name, "state": state, "manage": manage})
        self.finish(json.dumps(told))

    def state(self, owner: int, name: str) -> str:
        """Return the state of a server. A user who is not in the hub's memory has no running server."""
        spawner = self.users[owner].spawners.get(name) if owner in self.users else None
        if spawner is None or not spawner.active:
            return "stopped"
        return PENDING.get(spawner.pending, "running")


def permitted(user: orm.User) -> dict[str, bool]:
    """Return the servers of others that roles open to someone now, and with each whether they may start and stop it, too."""
    held = scopes.parse_scopes(roles.roles_to_expanded_scopes(roles.get_roles_for(user), owner=user))

    def may(scope: str, server: str) -> bool:
        # One scope at a time: the hub would look at all others once for each server.
        where = {scope: held[scope]} if scope in held else {}
        return bool(scopes.has_scope(f"{scope}!server={server}", where, db=object_session(user)))

    others = [server for server in sorted(offered) if server.partition("/")[0] != user.name]
    return {server: may(MANAGE, server) for server in others if may(OPEN, server)}


def renew(token: orm.APIToken, managed: Collection[str]) -> None:
    """Make a token of the page good for starting and stopping these servers, and no others any more."""
    kept = [scope for scope in token.scopes if not scope.startswith(PREFIX)]
    now = [*kept, *(f"{PREFIX}{server}" for server in managed)]
    if now != token.scopes:
        token.scopes = now
        object_session(token).commit()  # type: ignore[union-attr]
