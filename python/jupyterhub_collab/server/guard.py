# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides who can shut down this server from inside, and how long visitors stay.

The hub decides who comes in. The server itself would take any request of anyone who has, and never look again at a websocket that is
open. A visitor with a terminal still has a shell as the account: the guard protects the server's API, not its processes.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from jupyter_server.serverapp import ServerApp
from tornado.web import HTTPError

from ..names import GUARDED
from .hub_credentials import ask_once, hub_auth_of, is_own_token, model_of, name_server
from .levels import Level, Levels
from .limits import Websockets
from .settings import Settings
from .visitors import Visitors
from .workers import confine_workers

# Which level it takes to do more than look at what Jupyter's handlers call a resource. The one that ends the server is all of `server`;
# all others are files, kernels and terminals of the account, whose every file and process is open to a terminal, too.
LEVEL_FOR = {"server": Level.MANAGE}
REFUSAL = "Only the owner, managers and administrators of the hub can shut down this server."


def put_in_force() -> None:
    """Guard the server that this process is about to become.

    Its authorizer is wrapped when it is made, whichever configuration names it: an administrator's own keeps its say, and none takes
    the place of ours.
    """
    server: Any = ServerApp
    init_configurables = server.init_configurables
    if hasattr(init_configurables, "is_guarded"):  # Jupyter may read a configuration more than once
        return

    @functools.wraps(init_configurables)
    def guarded(app: Any) -> None:
        init_configurables(app)
        settings = Settings.from_environment()
        levels = Levels(os.environ.get("JUPYTERHUB_USER", ""), settings.managers)
        Guard(levels).wrap(app.authorizer)
        headers = app.tornado_settings.get("headers", {})
        app.tornado_settings = {**app.tornado_settings, "headers": {**headers, GUARDED: "yes"}}
        app.log.info(
            "In addition to its owner, this server can be shut down by: %s", settings.managers or "nobody"
        )

    guarded.is_guarded = True  # type: ignore[attr-defined]
    Visitors(Websockets(Settings.from_environment().websockets_per_person)).wrap_websockets()
    confine_workers()
    name_server()
    ask_once()
    server.init_configurables = guarded


class Guard:
    """Refuses what someone's level does not include. It lets nobody do what the server's authorizer refuses."""

    def __init__(self, levels: Levels) -> None:
        self._levels = levels

    def wrap(self, authorizer: Any) -> None:
        theirs = authorizer.is_authorized

        def is_authorized(handler: Any, user: Any, action: str, resource: str) -> Any:
            needed = LEVEL_FOR.get(resource)
            if needed is None or action == "read" or self.level_of(handler, user) >= needed:
                return theirs(handler, user, action, resource)
            if getattr(handler, "auth_resource", None) == resource:
                raise HTTPError(403, REFUSAL, reason=REFUSAL)
            return False  # to someone who only asks what they may do

        authorizer.is_authorized = is_authorized

    def level_of(self, handler: Any, user: Any) -> Level:
        """Return the access level of a request's user. If it is not known for sure, it is the lowest.

        The server's own token is its owner's as far as the hub knows, and everyone who has a terminal here can read it.
        """
        hub_auth = hub_auth_of(handler)
        if hub_auth is None or is_own_token(hub_auth, handler):
            return Level.EDIT
        return self._levels.of(model_of(handler, user))
