# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell pages who is on this server and in which documents, as the hub names them. A page's own claims count for nothing.

People are here while they have a page or a document open. Nothing is asked or sent until someone comes, leaves, or opens or closes a document.

A page asks once for the whole list, and then hears what changes in it. So someone who comes costs one short message to each page, and those
who come at the same time share it. Changes have numbers: a page that has missed one asks for the list again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from jupyter_events import EventLogger
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from ..patches.server.websockets import when_open
from .farewell import is_of_page
from .guard import Guard
from .levels import Level
from .own_events import OURS
from .settings import Settings

SCHEMA_ID = f"{OURS}presence/v2"
TEXT = {"type": "string"}
NUMBER = {"type": "integer", "minimum": 0}
PERSON = {
    "type": "object",
    "required": ["username", "name", "initials", "color", "avatar", "documents", "level"],
    "properties": {
        "username": {**TEXT, "description": "The name at the hub"},
        "name": {**TEXT, "description": "The name to show"},
        "initials": TEXT,
        "color": {**TEXT, "description": "A color in CSS notation"},
        "avatar": {**TEXT, "description": "The URL of a picture. Empty if there is none."},
        "documents": {
            "type": "array",
            "description": "The paths of the person's open documents in the server's API",
            "items": TEXT,
        },
        "level": {**TEXT, "description": "What the person can do here now: view, edit or manage"},
    },
}
SCHEMA = {
    "$id": SCHEMA_ID,
    "version": "2",
    "title": "A change in the list of people who are on this server",
    "personal-data": True,
    "type": "object",
    "required": ["list", "before", "number", "changed", "gone"],
    "properties": {
        "list": {**TEXT, "description": "Which list: another one after the server has restarted"},
        "before": {**NUMBER, "description": "The number of the list that this changes"},
        "number": {**NUMBER, "description": "The number of the list after that"},
        "changed": {
            "type": "array",
            "description": "Those who have come, at the end of the list, and those of whom something has changed",
            "items": PERSON,
        },
        "gone": {"type": "array", "description": "The names of those who have left", "items": TEXT},
    },
}
ROOM = "/api/collaboration/room/"
# Changes within this many seconds are told at once, because a page opens several websockets.
SETTLE_SECONDS = 0.3
# Telling takes at most about this share of a processor's time. With very many pages, changes of more than that time are told at once.
SHARE_OF_TELLING = 0.1
# Someone who reloads a page, or loses the network for a moment, has not left.
LEAVE_SECONDS = 10


@dataclass
class Person:
    """Someone who is here. sockets: the file ID of the document that each open websocket is for; empty for a page.

    level: the highest one of them, as last seen. A person can have tokens with different rights.
    """

    user: Any
    sockets: dict[Any, str] = field(default_factory=dict)
    level: Level = Level.EDIT
    leaving: asyncio.TimerHandle | None = None


class Presence:
    """Knows who is here, and emits an event when that changes.

    path_of: returns the path of a file by its ID, or None. level_of: returns the access level of an open websocket's person.
    """

    def __init__(
        self,
        events: EventLogger,
        path_of: Callable[[str], str | None],
        level_of: Callable[[Any], Level],
    ) -> None:
        self._events = events
        self._path_of = path_of
        self._level_of = level_of
        self._here: dict[str, Person] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._rests_until = 0.0
        # What pages know: everyone by username, in the order of their arrival.
        self._told: dict[str, dict[str, Any]] = {}
        self._list, self._number = uuid4().hex, 0
        events.register_event_schema(SCHEMA)

    @contextlib.contextmanager
    def present(self, handler: Any) -> Iterator[None]:
        """Note whom a websocket is of while it is open, unless it shows nobody."""
        file_id = _shown_by(handler)
        if file_id is None or handler.current_user is None:
            yield
            return
        if is_of_page(handler):
            when_open(handler, lambda: self._greet(handler))
        self._enter(handler, file_id)
        try:
            yield
        finally:
            self._leave(handler)

    def told(self) -> dict[str, Any]:
        """Return the list as pages know it: which one, its number, and everyone in it."""
        if self._telling is not None and asyncio.get_running_loop().time() >= self._rests_until:
            self._telling.cancel()
            self._tell()  # what has changed by now, so that those who ask know it, too
        return {"list": self._list, "number": self._number, "people": [*self._told.values()]}

    def _greet(self, page: Any) -> None:
        """Tell one page which list is the latest. If it has another one, it asks for this one."""
        page.write_message(json.dumps({"schema_id": SCHEMA_ID, **self._change(self._number, [], [])}))

    def _change(self, before: int, changed: list[dict[str, Any]], gone: list[str]) -> dict[str, Any]:
        return {
            "list": self._list,
            "before": before,
            "number": self._number,
            "changed": changed,
            "gone": gone,
        }

    def _people(self) -> dict[str, dict[str, Any]]:
        """Return everyone who is here now."""
        open_ids = {file_id for person in self._here.values() for file_id in person.sockets.values()}
        paths = {file_id: self._path_of(file_id) for file_id in open_ids if file_id}
        for person in self._here.values():
            person.level = max(map(self._level_of, person.sockets), default=person.level)
        return {
            name: {
                "username": name,
                "name": person.user.display_name or name,
                "initials": person.user.initials or "",
                "color": person.user.color or "",
                "avatar": person.user.avatar_url or "",
                "documents": sorted(
                    path for file_id in {*person.sockets.values()} if (path := paths.get(file_id))
                ),
                "level": person.level.name.lower(),
            }
            for name, person in self._here.items()
        }

    def _enter(self, handler: Any, file_id: str) -> None:
        user = handler.current_user
        person = self._here.setdefault(user.username, Person(user))
        person.user = user
        person.sockets[handler] = file_id
        if person.leaving is not None:
            person.leaving.cancel()
            person.leaving = None
        self.tell_soon()

    def _leave(self, handler: Any) -> None:
        name = handler.current_user.username
        person = self._here[name]
        del person.sockets[handler]
        if not person.sockets:
            person.leaving = asyncio.get_running_loop().call_later(LEAVE_SECONDS, self._forget, name)
        self.tell_soon()

    def _forget(self, name: str) -> None:
        del self._here[name]
        self.tell_soon()

    def tell_soon(self) -> None:
        """Tell pages what has changed, unless they know already."""
        if self._telling is None:
            loop = asyncio.get_running_loop()
            wait = max(SETTLE_SECONDS, self._rests_until - loop.time())
            self._telling = loop.call_later(wait, self._tell)

    def _tell(self) -> None:
        self._telling = None
        began = time.thread_time()
        people = self._people()
        changed = [person for name, person in people.items() if self._told.get(name) != person]
        gone = [name for name in self._told if name not in people]
        if not changed and not gone:
            return
        for name in gone:
            del self._told[name]
        self._told |= {person["username"]: person for person in changed}
        self._number += 1
        self._events.emit(schema_id=SCHEMA_ID, data=self._change(self._number - 1, changed, gone))
        # This comes after the pages' listeners, which the emitter has put into the same queue.
        asyncio.get_running_loop().call_soon(self._rest, began)

    def _rest(self, began: float) -> None:
        took = time.thread_time() - began
        self._rests_until = asyncio.get_running_loop().time() + took / SHARE_OF_TELLING


def _shown_by(handler: Any) -> str | None:
    """Return the file ID of the document that a websocket is for, an empty string for a page's websocket, and None for any other."""
    if is_of_page(handler):
        return ""
    _before, found, room = handler.request.path.partition(ROOM)
    # Rooms that are not documents, such as the one for awareness, have other names.
    parts = unquote(room).split(":") if found else []
    return parts[2] if len(parts) == 3 else None


class PresenceHandler(APIHandler):
    """Tells a page where it is: whose server this is, what its visitor can do here, and who is here."""

    def initialize(self, presence: Presence) -> None:
        self._presence = presence

    @authenticated
    def get(self) -> None:
        guard = Guard.from_environment()
        told = {
            "owner": guard.levels.owner,
            "server": os.environ.get("JUPYTERHUB_SERVER_NAME", ""),
            "shared": Settings.from_environment().shared,
            "username": self.current_user.username,
            "level": guard.level_of(self, self.current_user).name.lower(),
            **self._presence.told(),
        }
        self.finish(json.dumps(told))
