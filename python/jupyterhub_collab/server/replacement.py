# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes the place of parts of jupyter-collaboration. Made for the releases that `extension.SERVER_YDOC` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_server_ydoc import app, handlers, loaders

from .file_on_disk import File
from .history import History
from .notices import Notices
from .room import Room
from .sessions import Sessions


def use_rooms(past: History, notices: Notices, active: Callable[[], None]) -> None:
    """Have jupyter-collaboration use our rooms, files and sessions: its modules look these names up whenever somebody comes."""
    Room.use(past, notices, active)
    sessions = Sessions(past)
    ours: dict[str, Any] = {
        "DocumentRoom": Room,
        "FileLoader": File,
        "check_session_compatibility": sessions.check,
        "save_current_session": sessions.save,
    }
    for name, value in ours.items():
        for module in (app, handlers, loaders):
            if hasattr(module, name):
                setattr(module, name, value)
