# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices for everyone who has a document open, wherever they are. JupyterLab shows them (`python/labextension`)."""

from __future__ import annotations

import asyncio
import time
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from jupyter_events import EventLogger

from .own_events import OURS

SCHEMA_ID = f"{OURS}document/v1"
SCHEMA = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "A notice about a shared document",
    "personal-data": False,
    "type": "object",
    "required": ["id", "path", "level", "message"],
    "properties": {
        "id": {"type": "string", "description": "The ID of the notice, which may be sent more than once."},
        "path": {
            "type": "string",
            "description": "The path of the document in the server's API. Empty for all documents.",
        },
        "level": {"type": "string", "enum": ["info", "warning", "error"]},
        "message": {"type": "string", "description": "The text to show."},
        "form": {
            "type": "string",
            "description": "The text with the names of its `values` in braces, for translations.",
        },
        "values": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
# JupyterLab shows the first 140 characters.
MERGED = ("info", "Another program also changed {name}. Both changes were merged.")
RESTORED = (
    "info",
    "Someone moved or deleted a cell of {name} while others typed into it. Their text was kept in the notebook.",
)
COPY_KEPT = ("warning", "Another program removed text from {name}. The previous version is in {detail}.")
COPY_FAILED = (
    "error",
    "Removed text of {name} could not be kept in a copy. The server tries again when {name} is next opened. Reason: {detail}",
)
LOST = (
    "warning",
    "Text typed into a removed part of {name} was lost, because its history no longer has that part. Check what you typed last.",
)
GONE = (
    "warning",
    "{name} was deleted. What you type now is not saved. Restore the file, or save it under another name.",
)
ENCODED = ("info", "{name} is now saved as UTF-8, because its former encoding lacks some of its characters.")
NOT_READ = ("error", "{name} was not opened. Reason: {detail}")
NOT_SAVED = (
    "error",
    "{name} cannot be saved yet. Leave it open, and it will be saved as soon as possible. Reason: {detail}",
)
NOT_KEPT = ("error", "What you type into {name} is saved, but not protected from a crash: {detail}")
TOO_MANY = (
    "error",
    "{name} was not opened: you have {detail} documents open here, which is the limit. Close some, then wait a minute.",
)
RETURNED = ("info", "{detail} restored an earlier version of {name}.")
RETURNED_CELL = ("info", "{detail} restored an earlier version of a cell of {name}.")
BEGUN_ANEW = (
    "warning",
    "The history of {name} {detail}, so a new one begins. The file is saved. If asked to reload, copy unsaved text first.",
)
# They name another file or person each time.
ALWAYS_NEW = (COPY_KEPT, RETURNED, RETURNED_CELL)
# The same notice is not sent again within this many seconds.
PAUSE = 60
# Important notices are repeated after this many seconds: JupyterLab needs up to half a minute to reconnect to the server's events.
AGAIN = 35


class Notices:
    """Sends notices.

    Within `PAUSE` seconds, `tell` sends the same notice about a document once, except ALWAYS_NEW. Those that are
    not for information only are repeated after `AGAIN`.
    """

    def __init__(self, events: EventLogger) -> None:
        self._events = events
        self._told: dict[tuple[str, str], float] = {}
        self._ids: dict[str, str] = {}  # of messages to everyone
        self._standing: dict[str, tuple[tuple[str, str], dict[str, Any]]] = {}
        self._repeats: dict[str, asyncio.TimerHandle] = {}  # of notices, by their ID
        events.register_event_schema(SCHEMA)

    def tell_once(self, notice: tuple[str, str], path: str, detail: str = "") -> None:
        """Send one of the notices above, and not again before `settle`, except to people who open the document."""
        if path not in self._standing or self._standing[path][0] != notice:
            self._told.pop((path, notice[1]), None)
            if data := self.tell(notice, path, detail):
                self._standing[path] = notice, data

    def tell_newcomers(self, path: str) -> None:
        """Repeat the notice of a document that is not settled. Pages that have shown it do not show it again."""
        if path in self._standing:
            self._emit(self._standing[path][1])

    def settle(self, path: str) -> None:
        """Mark a document's notice from `tell_once` as over."""
        if path in self._standing:
            _notice, data = self._standing.pop(path)
            if repeat := self._repeats.pop(data["id"], None):
                repeat.cancel()

    def moved(self, path: str, new_path: str) -> None:
        """Record that a document has moved, with its notice. Another document may now have the old path."""
        if path != new_path and path in self._standing:
            notice, data = self._standing.pop(path)
            self._standing[new_path] = notice, {**data, "path": new_path}

    def tell(
        self, notice: tuple[str, str], path: str, detail: str = "", by: str = ""
    ) -> dict[str, Any] | None:
        """Send one of the notices above to everyone who has the document at `path` open. Return the event; None if it was sent recently.

        detail: replaces `{detail}` in the notice's text. by: the username of a person who need not be told, because they did it.
        """
        level, form = notice
        now = time.monotonic()
        if notice not in ALWAYS_NEW and now - self._told.get((path, form), -PAUSE) < PAUSE:
            return None
        self._told[path, form] = now
        values = {"name": PurePosixPath(path).name, "detail": detail, **({"by": by} if by else {})}
        data: dict[str, Any] = {
            "id": uuid4().hex,
            "path": path,
            "level": level,
            "message": form.format(**values),
            "form": form,
            "values": values,
        }
        self._emit(data)
        if level != "info":
            self._repeats[data["id"]] = asyncio.get_running_loop().call_later(AGAIN, self._repeat, data)
        return data

    def _repeat(self, data: dict[str, Any]) -> None:
        del self._repeats[data["id"]]
        standing = (each for _notice, each in self._standing.values() if each["id"] == data["id"])
        self._emit(next(standing, data))  # its document may have moved

    def tell_everyone(self, message: str) -> None:
        """Tell everyone who has a page of this server open. Each page shows a message once, however often this is called."""
        id_ = self._ids.setdefault(message, uuid4().hex)
        self._emit({"id": id_, "path": "", "level": "error", "message": message})

    def _emit(self, data: dict[str, Any]) -> None:
        self._events.emit(schema_id=SCHEMA_ID, data=data)
