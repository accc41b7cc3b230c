# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell pages who is on this server and in which documents, as the hub names them. A page's own claims count for nothing.

People are here while they have a page or a document open. Nothing is asked or sent until someone comes, leaves, or opens or closes a document.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from jupyter_events import EventLogger
from jupyter_server.base.handlers import APIHandler
from jupyter_server.services.events.handlers import SubscribeWebsocket
from tornado.web import authenticated

from .guard import Guard
from .levels import Level
from .own_events import OURS
from .settings import Settings

SCHEMA_ID = f"{OURS}presence/v1"
TEXT = {"type": "string"}
SCHEMA = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "Who is on this server",
    "personal-data": True,
    "type": "object",
    "required": ["people"],
    "properties": {
        "people": {
            "type": "array",
            "description": "Everyone who is here, in the order of their arrival",
            "items": {
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
            },
        }
    },
}
ROOM = "/api/collaboration/room/"
# Changes within this many seconds are told at once, because a page opens several websockets.
SETTLE_SECONDS = 0.3
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
        self._told: list[dict[str, Any]] = []
        events.register_event_schema(SCHEMA)

    @contextlib.contextmanager
    def present(self, handler: Any) -> Iterator[None]:
        """Note whom a websocket is of while it is open, unless it shows nobody."""
        file_id = _shown_by(handler)
        if file_id is None or handler.current_user is None:
            yield
            return
        self._enter(handler, file_id)
        try:
            yield
        finally:
            self._leave(handler)

    def people(self) -> list[dict[str, Any]]:
        """Return everyone who is here, as in the event."""
        for person in self._here.values():
            person.level = max(map(self._level_of, person.sockets), default=person.level)
        return [
            {
                "username": person.user.username,
                "name": person.user.display_name or person.user.username,
                "initials": person.user.initials or "",
                "color": person.user.color or "",
                "avatar": person.user.avatar_url or "",
                "documents": sorted(
                    path
                    for file_id in {*person.sockets.values()}
                    if file_id and (path := self._path_of(file_id))
                ),
                "level": person.level.name.lower(),
            }
            for person in self._here.values()
        ]

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
        """Tell pages who is here, unless they know already."""
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._tell)

    def _tell(self) -> None:
        self._telling = None
        people = self.people()
        if people != self._told:
            self._told = people
            self._events.emit(schema_id=SCHEMA_ID, data={"people": people})


def _shown_by(handler: Any) -> str | None:
    """Return the file ID of the document that a websocket is for, an empty string for a page's websocket, and None for any other."""
    if isinstance(handler, SubscribeWebsocket):
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
            "people": self._presence.people(),
        }
        self.finish(json.dumps(told))
