# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell pages that their visitor's access has ended, or that the server stops. They show it in a banner (`python/labextension`)."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from jupyter_events import EventLogger
from jupyter_server.services.events.handlers import SubscribeWebsocket
from tornado.websocket import WebSocketClosedError

from .own_events import OURS

SCHEMA_ID = f"{OURS}farewell/v1"
ENDED, STOPPING = "ended", "stopping"
SCHEMA = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "Why a page is about to be disconnected",
    "personal-data": False,
    "type": "object",
    "required": ["reason"],
    "properties": {
        "reason": {
            "type": "string",
            "enum": [ENDED, STOPPING],
            "description": "The visitor's access has ended, or the server stops",
        }
    },
}


def is_of_page(socket: Any) -> bool:
    """Return whether a websocket is the one on which a page gets the server's events."""
    return isinstance(socket, SubscribeWebsocket)


def say_that_access_ended(socket: Any) -> None:
    """Tell the page of a websocket, and no other page, that its visitor's access has ended. Other websockets are told nothing."""
    if is_of_page(socket):
        with contextlib.suppress(WebSocketClosedError):
            socket.write_message(json.dumps({"schema_id": SCHEMA_ID, "reason": ENDED}))


class Farewell:
    """Tells all pages that this server stops."""

    def __init__(self, events: EventLogger) -> None:
        self._events = events
        events.register_event_schema(SCHEMA)

    def say_that_server_stops(self) -> None:
        self._events.emit(schema_id=SCHEMA_ID, data={"reason": STOPPING})
