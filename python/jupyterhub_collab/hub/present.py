# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the sharing page who is on the servers of others that its user can open, and whether its user is an administrator."""

from __future__ import annotations

import json

from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from ..names import PEOPLE, SERVICE
from ..patches.hub.handlers import add_endpoint
from .administrators import is_administrator
from .usable import usable

# How long people count as being on a server, in seconds (see `visitors.seconds_present`).
_seconds = 0


def tell_page_who_is_present(seconds: int) -> None:
    """Add the endpoint to the hub."""
    global _seconds  # noqa: PLW0603
    _seconds = seconds
    add_endpoint(f"/api/{PEOPLE}", People)


class People(APIHandler):
    """Returns who is on each server that the calling token's user can use, except its owner, and whether the user is an administrator."""

    def get(self) -> None:
        token = self.get_token()
        if not self.current_user or token is None or token.client_id != f"service-{SERVICE}":
            raise web.HTTPError(403, "Only the sharing page can use this")
        found = usable(token.user, _seconds)
        told = [{"owner": each.owner, "server": each.server, "people": each.people} for each in found]
        self.finish(json.dumps({"people": told, "is_administrator": is_administrator(token.user)}))
