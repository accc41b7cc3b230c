# SPDX-License-Identifier: GPL-3.0-or-later
"""Edit a text file over the websocket of its room, with the few bytes of Yjs that typing takes.

A hub's environment need not have a Yjs library. All text is inserted at the beginning of the document. If others insert there too, Yjs
decides the order, and keeps each inserted text in one piece.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tornado.websocket import WebSocketClosedError

from .browser import Browser

SYNC, STEP_1, STEP_2, UPDATE = 0, 0, 1, 2  # message types of the y-sync protocol
ROOT = "source"  # the key under which jupyter_ydoc stores a text
# Constants of Yjs's update encoding: a string item without neighbors, with its parent given by name.
STRING, PARENT_IS_NAMED = 4, 1
NOTHING = b"\x00\x00"  # an update without changes
SYNC_SECONDS = 15.0
CLIENTS = 2**31


class NoCollaboration(Exception):
    """The server has no live collaboration."""


def number(value: int) -> bytes:
    """Return a number in Yjs's encoding: seven bits per byte, lowest first, with the eighth bit set if more bytes follow."""
    encoded = bytearray()
    while value > 127:
        encoded.append(128 | value & 127)
        value >>= 7
    return bytes([*encoded, value])


def text(value: str) -> bytes:
    """Return a string in Yjs's encoding: its length in bytes, then UTF-8."""
    encoded = value.encode()
    return number(len(encoded)) + encoded


def typed(client: int, clock: int, what: str) -> bytes:
    """Return the update with which a client inserts a text at the beginning. clock: how many characters the client has typed before."""
    piece = bytes([STRING, PARENT_IS_NAMED]) + text(ROOT) + text(what)
    nothing_deleted = number(0)
    return number(1) + number(1) + number(client) + number(clock) + piece + nothing_deleted


def message(kind: int, content: bytes) -> bytes:
    """Return a message of the y-sync protocol. kind: STEP_1, STEP_2 or UPDATE."""
    return bytes([SYNC, kind]) + number(len(content)) + content


class Document:
    """A text file that one person has open."""

    def __init__(self, browser: Browser, base: str, path: str) -> None:
        """base: the server's path, such as `/user/alice`. path: the file's path below the server's root directory."""
        self._browser = browser
        self._base = base
        self._path = path
        self._client = secrets.randbelow(CLIENTS)
        self._clock = 0
        self._seen: dict[bytes, float] = {}  # expected text -> when it arrived, or 0
        self._news = asyncio.Event()
        self._socket: Any = None
        self._reading: asyncio.Task[None] | None = None
        self._synced = asyncio.Event()
        self.ended = asyncio.Event()  # set when the connection has closed

    async def open(self) -> None:
        """Join the document's room. Raises NoCollaboration, Unreachable, HTTPClientError or TimeoutError."""
        session = f"{self._base}/api/collaboration/session/{quote(self._path)}"
        answer = await self._browser.ask("PUT", session, {"format": "text", "type": "file"})
        if not answer.good or not isinstance(answer.json, dict):
            raise NoCollaboration(f"it answered {answer.status} to the request to edit a file together")
        room = f"text:file:{answer.json['fileId']}?sessionId={answer.json['sessionId']}"
        self._socket = await self._browser.socket(f"{self._base}/api/collaboration/room/{room}")
        self._reading = asyncio.create_task(self._read())
        await self._socket.write_message(message(STEP_1, number(0)), binary=True)
        await asyncio.wait_for(self._synced.wait(), SYNC_SECONDS)

    async def type(self, what: str) -> None:
        """Type an ASCII text at the beginning. Raises WebSocketClosedError if the connection has closed."""
        update = typed(self._client, self._clock, what)
        self._clock += len(what)
        await self._socket.write_message(message(UPDATE, update), binary=True)

    @contextlib.contextmanager
    def looking_for(self, what: str) -> Iterator[None]:
        """Expect a text from another user inside the context, so that `came` can wait for it."""
        self._seen[what.encode()] = 0
        try:
            yield
        finally:
            del self._seen[what.encode()]

    async def came(self, what: str, seconds: float) -> float | None:
        """Wait for a text that `looking_for` expects. Return its arrival as `time.monotonic()`; None if it does not arrive in time."""
        deadline = time.monotonic() + seconds
        while not self._seen[what.encode()]:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                return None
        return self._seen[what.encode()]

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        try:
            while (received := await self._socket.read_message()) is not None:
                if isinstance(received, bytes) and received[:1] == bytes([SYNC]):
                    await self._take(received)
        except WebSocketClosedError:
            pass
        finally:
            self.ended.set()
            self._news.set()

    async def _take(self, received: bytes) -> None:
        now = time.monotonic()
        if received[1] == STEP_1:
            await self._socket.write_message(message(STEP_2, NOTHING), binary=True)
        elif received[1] == STEP_2:
            self._synced.set()
        for what, came in self._seen.items():
            if not came and what in received:
                self._seen[what] = now
        self._news.set()
