# SPDX-License-Identifier: GPL-3.0-or-later
"""Limit how many websockets and documents one person can have open at once on a server.

Each document uses the server's memory, and its history uses disk space, until some time after the last person has left it. A person who
reaches a limit cannot open more, and is told why. Everyone else carries on.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any
from uuid import uuid4

from tornado.web import HTTPError

from .handshakes import refuse_other_pages, refuse_other_requests

TOO_MANY = 429
WEBSOCKETS = "You have {most} connections open on this server, which is the limit per person. Close some of its tabs, then reload this one."
DOCUMENTS = "You have {most} documents open on this server, which is the limit per person. Close some, wait a minute, then open it again."


def refusal(sentence: str, most: int) -> HTTPError:
    said = sentence.format(most=most)
    return HTTPError(TOO_MANY, said, reason=said)


class Websockets:
    """Counts each person's open websockets. most: the limit per person."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def enter(self, who: str) -> None:
        """Count one more. Raises HTTPError if the person has reached the limit."""
        if self._open[who] >= self._most:
            raise refusal(WEBSOCKETS, self._most)
        self._open[who] += 1

    def leave(self, who: str) -> None:
        self._open[who] -= 1
        if not self._open[who]:
            del self._open[who]


class Documents:
    """Tracks which rooms each person has opened. A room counts until the server removes it, even while only others are in it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._opened: dict[str, set[str]] = {}
        # Rooms that are being created, each with the person who opens it.
        self._coming: Counter[tuple[str, str]] = Counter()

    @contextlib.contextmanager
    def opening(self, who: str, room: str, rooms: Collection[str]) -> Iterator[None]:
        """Count a room for a person while it is created in this context. Raises HTTPError if the person has reached the limit.

        rooms: those that the server has. A room that exists already does not count.
        """
        if room in rooms:
            yield
            return
        held = {each for each in self._opened.get(who, ()) if each in rooms or (who, each) in self._coming}
        if len(held | {room}) > self.most:
            raise refusal(DOCUMENTS, self.most)
        self._opened[who] = held | {room}
        self._coming[who, room] += 1
        try:
            yield
        finally:
            self._coming[who, room] -= 1
            if not self._coming[who, room]:
                del self._coming[who, room]

    def note(self, who: str, made: Collection[str]) -> None:
        self._opened.setdefault(who, set()).update(made)


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

    socket.prepare, fork.put = known, limited
