# SPDX-License-Identifier: GPL-3.0-or-later
"""Check who opens a document of jupyter-collaboration before it creates a room for them."""

from __future__ import annotations

import contextlib
import functools
from typing import Any
from uuid import uuid4

from tornado.web import HTTPError

from ...server.handshakes import refuse_other_pages, refuse_other_requests
from ...server.limits import Documents
from ..releases import patches_collaboration


@patches_collaboration(
    "jupyter_server_ydoc.handlers:YDocWebSocketHandler.prepare(self)",
    "jupyter_server_ydoc.handlers:DocForkHandler.put(self)",
    "jupyter_server_ydoc.handlers:room_id_from_encoded_path(encoded_path)",
)
def limit_documents(handlers: Any, documents: Documents, tell: Any) -> None:
    """Make jupyter-collaboration open documents only for authenticated users, and only up to their limit.

    It creates a room before it checks who asks, from where, and whether the request becomes a websocket. A room that nobody enters is never
    removed.

    handlers: the module of its handlers. tell: called with a handler and a file's ID when a person is refused.
    """
    socket, fork = handlers.YDocWebSocketHandler, handlers.DocForkHandler
    prepare, put = socket.prepare, fork.put

    @functools.wraps(prepare)
    async def known(handler: Any) -> None:
        await super(socket, handler).prepare()
        if handler.current_user is None:
            raise HTTPError(403)
        refuse_other_pages(handler)
        refuse_other_requests(handler)
        room = handlers.room_id_from_encoded_path(handler.request.path)
        with contextlib.ExitStack() as stack:
            try:
                held = handler._websocket_server.rooms
                stack.enter_context(documents.opening(handler.current_user.username, room, held))
            except HTTPError:
                tell(handler, room.rpartition(":")[2])
                raise
            await prepare(handler)

    @functools.wraps(put)
    async def limited(handler: Any, *arguments: Any) -> Any:
        who, rooms = handler.current_user and handler.current_user.username, handler._websocket_server.rooms
        before = set(rooms)
        with documents.opening(who, f"fork {uuid4()}", rooms):
            answer = await put(handler, *arguments)
            documents.note(who, set(rooms) - before)
        return answer

    socket.prepare = known
    fork.put = limited
