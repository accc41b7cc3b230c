# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the sharing page who is on the servers of others that its user can open, and whether its user is an administrator."""

from __future__ import annotations

import json

from jupyterhub.apihandlers.base import APIHandler

from ..names import PEOPLE
from ..patches.hub.handlers import add_endpoint
from .administrators import is_administrator
from .page_token import token_of_page
from .usable import usable


def tell_page_who_is_present(seconds: int) -> None:
    """Add the endpoint to the hub. seconds: how long people count as being on a server (see `visitors.seconds_present`)."""
    People.seconds = seconds
    add_endpoint(f"/api/{PEOPLE}", People)


class People(APIHandler):
    """Returns who is on each server that the calling token's user can use, except its owner, and whether the user is an administrator."""

    seconds = 0

    def get(self) -> None:
        token = token_of_page(self)
        found = usable(token.user, self.seconds)
        told = [{"owner": each.owner, "server": each.server, "people": each.people} for each in found]
        self.finish(json.dumps({"people": told, "is_administrator": is_administrator(token.user)}))
