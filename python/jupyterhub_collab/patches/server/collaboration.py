# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace parts of jupyter-collaboration. Made for the releases that `releases.FITS` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_server_ydoc import app, handlers, loaders
from tornado.web import HTTPError

from ...server.awareness import Pages
from ...server.file_on_disk import File
from ...server.history import History
from ...server.limits import Documents
from ...server.notices import TOO_MANY, Notices
from ...server.room import Room
from ...server.sessions import Sessions
from ..releases import patches_collaboration
from .closing import close_when_all_leave_at_once, keep_open_while_held
from .documents import limit_documents

NO_TIMELINE = "The document timeline is disabled here, because it disconnects a page from its document and loses what you type there."


@patches_collaboration(
    "jupyter_server_ydoc.handlers:DocumentRoom",
    "jupyter_server_ydoc.handlers:TransientRoom",
    "jupyter_server_ydoc.app:DocumentRoom",
    "jupyter_server_ydoc.loaders:FileLoader",
    "jupyter_server_ydoc.handlers:check_session_compatibility",
    "jupyter_server_ydoc.handlers:save_current_session",
    "jupyter_server_ydoc.handlers:TimelineHandler.get(self)",
    "jupyter_server_ydoc.handlers:UndoRedoHandler.put(self)",
)
def use_rooms(past: History, notices: Notices, active: Callable[[], None], documents: Documents) -> None:
    """Make jupyter-collaboration use our rooms, files and sessions. Its modules look these names up whenever a client connects.

    active: called whenever someone is active.
    """
    Room.use(past, notices, active)
    sessions = Sessions(past)
    ours: dict[str, Any] = {
        "DocumentRoom": Room,
        "TransientRoom": Pages,
        "FileLoader": File,
        "check_session_compatibility": sessions.check,
        "save_current_session": sessions.save,
    }
    for name, value in ours.items():
        for module in (app, handlers, loaders):
            if hasattr(module, name):
                setattr(module, name, value)
    # The handlers' classes are already in use, so replace their methods.
    for handler, method in ((handlers.TimelineHandler, "get"), (handlers.UndoRedoHandler, "put")):
        setattr(handler, method, _refuse_timeline)

    def tell(handler: Any, file_id: str) -> None:
        if path := handler._file_id_manager.get_path(file_id):
            notices.tell(TOO_MANY, path, str(documents.most))

    limit_documents(handlers, documents, tell)
    keep_open_while_held(handlers)
    close_when_all_leave_at_once(handlers)


async def _refuse_timeline(handler: Any, *_arguments: Any) -> None:
    raise HTTPError(403, NO_TIMELINE, reason=NO_TIMELINE)
