# SPDX-License-Identifier: GPL-3.0-or-later
"""Limit how many websockets and documents one person can have open at once on a server.

Each document uses the server's memory, and its history uses disk space, until some time after the last person has left it. A person who
reaches a limit cannot open more, and is told why. Everyone else carries on.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterator

from tornado.web import HTTPError

TOO_MANY = 429
# How many bytes wait for a page that does not read, on the websockets that pages open again without losing anything: that of the server's
# events, and that of a document or of all pages. A page that connects again gets, in one message, all of a document that it lacks.
WAITING_EVENTS, WAITING_ROOM = 1_000_000, 8_000_000
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
