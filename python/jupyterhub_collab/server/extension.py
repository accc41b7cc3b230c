# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the parts of a collaboration server to work."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.metadata
import os
import threading
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import PeriodicCallback

from .activity import Activity
from .authors import Authors
from .history import History
from .identity import Identities
from .kernels import share_kernels
from .notices import Notices
from .settings import Settings
from .state_place import place_in

# What takes the place of parts of it is made for these releases, and tested with them (jupyter-collaboration 4.4 and 5.0).
SERVER_YDOC = ("2.4.", "3.0.")
MEGABYTE = 1_000_000
# How often, in seconds, it is looked at how much there is of documents' past.
BOUND_SECONDS = 300
# How long, in seconds, all documents together may take to be saved when the server ends. What is not saved by then is in the
# history, and is saved at the next start.
LAST_SAVE_SECONDS = 3


class Collaboration(ExtensionApp):
    """People who edit together here lose nothing that they have typed."""

    name = "jupyterhub_collab"
    rooms: dict[str, Any]

    def initialize_handlers(self) -> None:
        app: Any = self.serverapp
        settings = Settings.from_environment()
        self.rooms = {}
        self.past = History(place_in(settings.state, os.environ.get("JUPYTERHUB_API_URL", "")), self.log)
        self.activity = Activity(app, settings.idle_seconds)
        Identities(self.past).wrap(app.identity_provider)
        authors = Authors(settings.email_domain, self.log)
        if manager := app.web_app.settings.get("terminal_manager"):
            authors.wrap_terminals(manager)
        authors.wrap_git_panel()
        share_kernels(app.session_manager)
        version = importlib.metadata.version("jupyter-server-ydoc")
        if version.startswith(SERVER_YDOC):
            self._use_rooms(Notices(app.event_logger))
        else:
            self.log.error(
                "jupyter-server-ydoc %s is not of %s: documents are kept by its own means, and what is typed into them may be lost when "
                "the server ends. Run the playbook jupyter_rtc again, or update its collection.",
                version,
                " or ".join(f"{release}x" for release in SERVER_YDOC),
            )
        size = settings.history_megabytes * MEGABYTE
        self.past.keep_below(size)
        self.past.forget_old(size)
        self._bound = PeriodicCallback(lambda: self.past.keep_below(size), 1000 * BOUND_SECONDS)
        self._bound.start()
        self.activity.start()

    def _use_rooms(self, notices: Notices) -> None:
        # Not before it is known that this is a release that it fits.
        replacement = importlib.import_module(".replacement", __package__)
        replacement.use_rooms(self.past, notices, self.activity.note)
        app: Any = self.serverapp
        for ydoc in app.extension_manager.extension_apps.get("jupyter_server_ydoc", []):
            self.rooms = ydoc.ywebsocket_server.rooms

    async def stop_extension(self) -> None:
        self._bound.stop()
        self.activity.stop()
        documents = [room for room in self.rooms.values() if hasattr(room, "flush_changes")]
        flushes = [asyncio.create_task(document.flush_changes()) for document in documents]
        if flushes:
            await asyncio.wait(flushes, timeout=LAST_SAVE_SECONDS)
        _let_threads_end()


def _let_threads_end() -> None:
    """Tell threads of AnyIO that wait for work that there will be none.

    One that was started by a task that goes on as long as the server, as jupyter-collaboration's do, waits for ever, and the process with
    it: systemd would kill it in the end.
    """
    for thread in threading.enumerate():
        if type(thread).__module__ == "anyio._backends._asyncio":
            with contextlib.suppress(Exception):
                thread.stop()  # type: ignore[attr-defined]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": __name__, "app": Collaboration}]
