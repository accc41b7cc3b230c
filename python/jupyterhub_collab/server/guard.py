# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what visitors can do on this server, and how long they stay.

The hub decides who can open the server. Without the guard, the server would accept every request from these visitors, and would never check
an open websocket again. The guard protects the server's API, not its processes: users who can edit can have a terminal, and so a shell as the
account. Viewers have none.
"""

from __future__ import annotations

import os
from typing import Any

from tornado.web import HTTPError

from ..names import GUARDED, VISITORS
from ..patches.bounded import bound_memory
from ..patches.server.bodies import limit_bodies
from ..patches.server.configured import once_configured, only_if_also
from ..patches.server.hub_auth import ask_once, name_server, wait_no_longer
from ..patches.server.kernel_ports import UNENCRYPTED, encrypt_kernels, has_kernels_in_files
from ..patches.server.requests import before_requests
from ..patches.server.websockets import while_open
from ..patches.server.workers import confine_workers
from ..quiet_logs import keep_secrets
from .hub_credentials import hub_auth_of, is_own_token, model_of, serves_hub
from .levels import Level, Levels
from .limits import Websockets
from .no_access_page import is_for_a_person, refuse_with_page
from .own_events import refuse_forged
from .settings import Settings
from .view_table import EVENTS, SESSION, name_of
from .viewing import UNKNOWN, is_public, refusal, refuse_changes
from .visitors import Visitors

# The access level that a resource of Jupyter's handlers requires for anything but reading, if it is not EDIT. Only `server` can stop the
# server. All others are files, kernels and terminals of the account, which a visitor with a terminal can reach anyway.
LEVEL_FOR = {"server": Level.MANAGE}
REFUSAL = "Only the owner, managers and administrators of the hub can shut down this server."


def put_in_force() -> None:
    """Guard the server that this process is about to become.

    Wrap its authorizer once the server has created it, whichever configuration names it. So an administrator's own authorizer keeps its
    say, and none can replace the guard.
    """

    guard = Guard.from_environment()
    visitors = Visitors(Websockets(Settings.from_environment().websockets_per_person), guard.levels.of)

    def begin(app: Any) -> None:
        only_if_also(app.authorizer, guard.allows)
        headers = app.tornado_settings.get("headers", {})
        ours = {"headers": {**headers, GUARDED: "yes"}, VISITORS: visitors}
        app.tornado_settings = {**app.tornado_settings, **ours}
        app.log.info(
            "In addition to its owner, this server can be shut down by: %s", guard.levels.managers or "nobody"
        )
        if not (encrypt_kernels() or has_kernels_in_files(app.config)):
            app.log.warning(UNENCRYPTED)

    if not once_configured(begin):  # Jupyter may read a configuration more than once
        return
    before_requests(guard.check)
    # Before all others that follow websockets, so that these see only visitors who are admitted.
    while_open(visitors.admitted)
    confine_workers()
    keep_secrets()
    if serves_hub():
        wait_no_longer()
        name_server()
        ask_once()
        bound_memory()
        limit_bodies()


class Guard:
    """Refuses what a user's access level does not include. It only adds to the refusals of the server's authorizer."""

    def __init__(self, levels: Levels) -> None:
        self.levels = levels

    @classmethod
    def from_environment(cls) -> Guard:
        settings = Settings.from_environment()
        return cls(Levels(os.environ.get("JUPYTERHUB_USER", ""), settings.managers, settings.levels))

    async def check(self, handler: Any) -> None:
        """Raise HTTPError if a request's visitor may not send it. Visitors who are not signed in are left to the handler."""
        hub_auth = hub_auth_of(handler)
        if hub_auth is None or is_public(handler):
            return
        model = await hub_auth.get_user(handler, sync=False)
        if model is None:
            return
        if not hub_auth.check_scopes(hub_auth.access_scopes, model):
            if is_for_a_person(handler):
                refuse_with_page(hub_auth, handler)
            return  # the handler itself refuses all others
        if (level := self._level(hub_auth, handler, model)) >= Level.EDIT:
            return
        try:
            if level is Level.NONE:
                raise refusal(UNKNOWN)
            await refuse_changes(handler)
        except HTTPError:
            # The page that shows the error asks for it, and the handler has not prepared.
            handler.current_user = None
            raise

    def allows(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Return whether a user's level includes an action. Raises HTTPError if the request is the action, and it does not.

        It also does for all requests that claim to be the server.
        """
        refuse_forged(handler)
        needed = Level.VIEW if action == "read" else LEVEL_FOR.get(resource, Level.EDIT)
        level = self.level_of(handler, user)
        if level >= needed:
            return True
        if level is Level.VIEW and name_of(type(handler)) in (SESSION, EVENTS):
            return True  # `check` has seen that it only opens a document, or listens
        if needed is Level.MANAGE and getattr(handler, "auth_resource", None) == resource:
            raise HTTPError(403, REFUSAL, reason=REFUSAL)
        return False  # the request only asks what the user can do

    def level_of(self, handler: Any, user: Any) -> Level:
        """Return the access level of a request's user; a low one if the level is uncertain.

        It is uncertain for the server's own token: to the hub, that token is its owner's, but everyone with a terminal here can read it.
        """
        hub_auth = hub_auth_of(handler)
        return Level.EDIT if hub_auth is None else self._level(hub_auth, handler, model_of(handler, user))

    def _level(self, hub_auth: Any, handler: Any, model: dict[str, Any]) -> Level:
        return Level.EDIT if is_own_token(hub_auth, handler) else self.levels.of(model)
