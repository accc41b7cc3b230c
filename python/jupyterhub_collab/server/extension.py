# SPDX-License-Identifier: GPL-3.0-or-later
"""The server extension that starts and stops the parts of a collaboration server."""

from __future__ import annotations

import os
import sys
from typing import Any

from jupyter_server.base.handlers import path_regex
from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import IOLoop, PeriodicCallback

from ..names import VISITORS
from ..patches.server.authors import Authors
from ..patches.server.identities import complete_users
from ..patches.server.kernels import share_kernels
from ..patches.server.stopping import STOP_SECONDS, exit_after, save_all, stop_on_signals
from ..patches.server.websockets import while_open
from ..patches.server.workers import PROBE, Probe
from .activity import Activity
from .farewell import Farewell
from .file_identity import FileIdentity
from .garbage import look_as_usual
from .history import History
from .hub_credentials import hub_auth_in, serves_hub
from .identity import Identities
from .limits import Documents
from .looking_back import HistoryHandler, Turns
from .notices import Notices
from .presence import Presence, PresenceHandler
from .protection import Protection, ProtectionHandler
from .reports import Reports
from .settings import Settings
from .state_place import place_in

SWITCH_SECONDS = 0.001
MEGABYTE = 1_000_000
# How often the size of the history is checked, in seconds.
BOUND_SECONDS = 300


class Collaboration(ExtensionApp):
    """Server extension that protects what people type into shared documents."""

    name = "jupyterhub_collab"
    rooms: dict[str, Any]

    def initialize_handlers(self) -> None:
        app: Any = self.serverapp
        settings = Settings.from_environment()
        stop_on_signals(app)
        # Threads write files. People who type wait while a thread holds the GIL, so make it release the GIL sooner.
        sys.setswitchinterval(SWITCH_SECONDS)
        self.rooms = {}
        self.past = History(place_in(settings.state, os.environ.get("JUPYTERHUB_API_URL", "")), self.log)
        self.activity = Activity(app, settings.idle_seconds)
        identities = Identities(self.past)
        complete_users(app.identity_provider, identities.complete)
        authors = Authors(settings.email_domain, self.log)
        if manager := app.web_app.settings.get("terminal_manager"):
            authors.wrap_terminals(manager)
        authors.wrap_git_panel()
        share_kernels(app.session_manager)
        identity = app.web_app.settings.get("file_id_manager")
        path_of = identity.get_path if identity else lambda _id: None
        visitors = app.web_app.settings[VISITORS]
        presence = Presence(app.event_logger, path_of, visitors.level)
        visitors.when_changed = presence.tell_soon
        while_open(presence.present)
        self.farewell = Farewell(app.event_logger)
        self.handlers.append(("/api/collaboration-presence", PresenceHandler, {"presence": presence}))
        self.handlers.append((f"/{PROBE}", Probe))
        notices = Notices(app.event_logger)
        given = {"past": self.past, "turns": Turns(), "identities": identities, "notices": notices}
        self.handlers.append((f"/api/collaboration-history{path_regex}", HistoryHandler, given))
        self._use_rooms(settings, notices, identity)
        size = settings.history_megabytes * MEGABYTE
        self.past.keep_below(size)
        self.past.forget_old(size)
        if isinstance(identity, FileIdentity):
            identity.look_again(self.past.has_unsaved)
        self._bound = PeriodicCallback(lambda: self.past.keep_below(size), 1000 * BOUND_SECONDS)
        self._bound.start()
        self.activity.start()
        IOLoop.current().add_callback(look_as_usual)  # once the server runs
        hub_auth = hub_auth_in(app.web_app.settings)
        self.reports = Reports(hub_auth, lambda: len(documents_in(self.rooms)))
        if hub_auth is not None and serves_hub():
            IOLoop.current().add_callback(self.reports.start)

    def _use_rooms(self, settings: Settings, notices: Notices, identity: Any) -> None:
        app: Any = self.serverapp
        self._outputs: Any = None
        protection = Protection(app, notices)
        documents = Documents(settings.documents_per_person)
        protection.use(self.past, notices, self.activity.note, documents)
        protection.tell(self.log)
        given = {"protection": protection, "chat": settings.chat}
        self.handlers.append(("/api/collaboration-protection", ProtectionHandler, given))
        for ydoc in [] if protection.problem else app.extension_manager.extension_apps["jupyter_server_ydoc"]:
            self.rooms = ydoc.ywebsocket_server.rooms
        if not protection.problem and settings.output:
            self._outputs = protection.write_outputs(app, self.rooms, identity)

    async def stop_extension(self) -> None:
        exit_after(STOP_SECONDS, self.log)
        self.farewell.say_that_server_stops()
        self._bound.stop()
        self.activity.stop()
        if self._outputs is not None:
            await self._outputs.finish()
        app: Any = self.serverapp
        identity = app.web_app.settings.get("file_id_manager")
        if isinstance(identity, FileIdentity):
            await identity.follow_all()
        await save_all(documents_in(self.rooms))
        await self.reports.stop()


def documents_in(rooms: dict[str, Any]) -> list[Any]:
    """Return the rooms of documents. There is one of the page, too."""
    return [room for room in rooms.values() if hasattr(room, "flush_changes")]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": __name__, "app": Collaboration}]
