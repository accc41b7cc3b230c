# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's page on which users ask for access, and the endpoint with which owners, or administrators for them, answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from jupyterhub.apihandlers.shares import ServerShareAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import isoformat, maybe_future
from tornado import web

from ..names import ASKED, REQUEST, REQUESTS
from ..patches.hub.asked import Asked
from ..patches.hub.codes import TAB
from ..patches.hub.handlers import add_endpoint, add_page
from .access_requests import Waiting, ask, can_be_asked, decline, end, from_user, waiting
from .share_log import log_request

OK = 200
FOR_A_SCRIPT = "This page is for people, not for scripts. Open it in its own tab."


def add_requests() -> None:
    """Add the page and the endpoint to the hub."""
    add_page(f"/{REQUEST}", RequestPage)
    add_endpoint(f"/api/{REQUESTS}/([^/]+)", Answers)


class RequestPage(BaseHandler):
    """Shows and sends a request. What it answers depends on nothing that the hub knows about the server or its owner."""

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.headers.get("Sec-Fetch-Dest", TAB) != TAB:
            raise web.HTTPError(403, FOR_A_SCRIPT)

    @property
    def owner(self) -> str:
        return str(self.get_argument("owner", "", strip=False))

    @property
    def server(self) -> str:
        return str(self.get_argument("server", "", strip=False))

    @web.authenticated
    async def get(self) -> None:
        if not can_be_asked(self.owner):
            raise web.HTTPError(404)
        # As for the hub's own pages, what follows the owner may be a server's name, or a path on the default server.
        if any(self.has_scope(f"access:servers!server={self.owner}/{name}") for name in (self.server, "")):
            path = f"{quote(self.owner, safe='')}/{quote(self.server, safe='')}"
            self.redirect(f"{self.base_url}user/{path}".rstrip("/") + "/")
            return
        page = await maybe_future(
            self.render_template("request_access.html", **{ASKED: Asked(self.owner, self.server)})
        )
        self.finish(page)

    @web.authenticated
    def post(self) -> None:
        user = self.current_user.orm_user
        # A second press of the button, and a page from before the first, lead to the same page as the first.
        server = ask(user, self.owner, self.server)
        if server is not None:
            log_request("access requested", self.owner, server, user.name)
        query = {"owner": self.owner, **({"server": self.server} if self.server else {})}
        self.redirect(f"{self.hub.base_url}{REQUEST}?{urlencode(query)}", status=303)


class Answers(ServerShareAPIHandler):
    """The requests to one user, for those who may share that user's servers."""

    _accepted: Waiting | None = None  # the request that is being accepted
    _wish: dict[str, str] | None = None

    @needs_scope("shares")  # type: ignore[untyped-decorator]
    def get(self, user_name: str) -> None:
        told = [
            {
                "user": each.requester.name,
                "server": each.server,
                "made": isoformat(datetime.fromtimestamp(each.request.made, UTC)),
            }
            for each in waiting(self._owner(user_name))
        ]
        self.finish(json.dumps(told))

    @needs_scope("shares")  # type: ignore[untyped-decorator]
    async def post(self, user_name: str) -> None:
        """Accept the request of a user, at a level or at the administrator's default: share the server, as a request to do so does."""
        body = self.get_json_body()
        if not isinstance(body, dict) or body.keys() - {"user", "server", "level"}:
            raise web.HTTPError(400, "Name a user, and a server and a level if you like")
        user, server = body.get("user"), body.pop("server", None)
        if not isinstance(user, str) or not user or not isinstance(server, str | None):
            raise web.HTTPError(400, "Name a user, and a server and a level if you like")
        found = from_user(self._owner(user_name), user, server)
        self._accepted, self._wish = found, body
        await maybe_future(super().post(user_name, found.server))

    @needs_scope("shares")  # type: ignore[untyped-decorator]
    def delete(self, user_name: str) -> None:
        """Decline the request of a user."""
        found = from_user(self._owner(user_name), self.get_query_argument("user", ""))
        decline(self.db, found.request)
        log_request("request declined", user_name, found.server, found.requester.name)
        self.set_status(204)

    def patch(self, _user_name: str) -> None:
        raise web.HTTPError(405)

    def get_json_body(self) -> Any:
        return super().get_json_body() if self._wish is None else self._wish

    def has_scope(self, scope: str) -> bool:
        # Those who ask tell the owner their name. So the owner can accept, even if names are otherwise not the owner's business.
        told = self._accepted and f"read:users:name!user={self._accepted.requester.name}"
        return scope == told or bool(super().has_scope(scope))

    def finish(self, *answer: Any) -> Any:
        found, self._accepted = self._accepted, None
        # Before the owner reads that it was accepted.
        if found is not None and self.get_status() == OK:
            end(self.db, found.request)
            log_request("request accepted", self.path_args[0], found.server, found.requester.name)
        return super().finish(*answer)

    def _owner(self, name: str) -> Any:
        user = self.find_user(name)
        if user is None:
            raise web.HTTPError(404, f"No such user: {name}")
        return user.orm_user
