# SPDX-License-Identifier: GPL-3.0-or-later
"""Close a document once nobody has it open and the server has nothing to do with it."""

from __future__ import annotations

import asyncio
import functools
from typing import Any
from weakref import WeakSet

from ..releases import patches_collaboration


@patches_collaboration("jupyter_server_ydoc.handlers:YDocWebSocketHandler._clean_room(self)")
def keep_open_while_held(handlers: Any) -> None:
    """Make jupyter-collaboration close a document only when its room is quiet. handlers: the module of its handlers."""
    socket = handlers.YDocWebSocketHandler
    close = socket._clean_room

    @functools.wraps(close)
    async def close_when_quiet(handler: Any) -> None:
        # When someone opens the document meanwhile, this is canceled.
        await handler.room.until_quiet()
        await close(handler)

    socket._clean_room = close_when_quiet


@patches_collaboration(
    "jupyter_server_ydoc.handlers:YDocWebSocketHandler.on_close(self)",
    "jupyter_server_ydoc.handlers:YDocWebSocketHandler._clean_room(self)",
)
def close_when_all_leave_at_once(handlers: Any) -> None:
    """Make jupyter-collaboration close a document also if the last people leave it at the same time.

    A websocket that has closed is a client of its room for a moment longer. So each of two that close at once would count the other one, and
    the document would stay open for as long as the server runs. handlers: the module of its handlers.
    """
    socket = handlers.YDocWebSocketHandler
    theirs = socket.on_close
    left: WeakSet[Any] = WeakSet()

    @functools.wraps(theirs)
    def on_close(handler: Any) -> None:
        left.add(handler)
        theirs(handler)
        room = getattr(handler, "room", None)
        clients: set[Any] = getattr(room, "clients", set())
        is_last = len(clients) > 1 and handler in clients and all(each in left for each in clients)
        if is_last and isinstance(room, handlers.DocumentRoom):
            room.cleaner = asyncio.create_task(handler._clean_room())

    socket.on_close = on_close
