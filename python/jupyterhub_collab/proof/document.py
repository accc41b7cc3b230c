# SPDX-License-Identifier: GPL-3.0-or-later
"""A text that someone has open, over the websocket of its room, with the few bytes of Yjs that it takes to type.

Yjs has libraries, but not in the environment of every hub. What is typed here stands at the beginning of the text, beside what
others type there: Yjs settles the order, and each piece of text stays in one piece.
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

SYNC, STEP_1, STEP_2, UPDATE = 0, 0, 1, 2  # of the protocol y-sync
ROOT = "source"  # the name under which jupyter_ydoc keeps a text
# Of the encoding of updates of Yjs: a piece of text without neighbors, whose parent is named.
STRING, PARENT_IS_NAMED = 4, 1
NOTHING = b"\x00\x00"  # an update without changes
SYNC_SECONDS = 15.0
CLIENTS = 2**31


class NoCollaboration(Exception):
    """The server does not have documents that several people edit."""


def number(value: int) -> bytes:
    """Return a number as Yjs writes it: seven bits a byte, the lowest first, and the eighth where more follow."""
    encoded = bytearray()
    while value > 127:
        encoded.append(128 | value & 127)
        value >>= 7
    return bytes([*encoded, value])


def text(value: str) -> bytes:
    encoded = value.encode()
    return number(len(encoded)) + encoded


def typed(client: int, clock: int, what: str) -> bytes:
    """Return the update by which a client, who has typed `clock` characters before, puts a text at the beginning."""
    piece = bytes([STRING, PARENT_IS_NAMED]) + text(ROOT) + text(what)
    nothing_deleted = number(0)
    return number(1) + number(1) + number(client) + number(clock) + piece + nothing_deleted


def message(kind: int, content: bytes) -> bytes:
    return bytes([SYNC, kind]) + number(len(content)) + content


class Document:
    """A text file, open in front of one person."""

    def __init__(self, browser: Browser, base: str, path: str) -> None:
        """base: the path of the server, such as `/user/alice`; path: of the file, below the directory that the server shows."""
        self._browser = browser
        self._base = base
        self._path = path
        self._client = secrets.randbelow(CLIENTS)
        self._clock = 0
        self._seen: dict[bytes, float] = {}  # what to look for -> when it came, or 0
        self._news = asyncio.Event()
        self._socket: Any = None
        self._reading: asyncio.Task[None] | None = None
        self._synced = asyncio.Event()
        self.ended = asyncio.Event()  # whether the connection is over

    async def open(self) -> None:
        """Join the room of the document. Raises NoCollaboration, Unreachable, HTTPClientError and TimeoutError."""
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
        """Type an ASCII text at the beginning. Raises WebSocketClosedError where the connection is over."""
        update = typed(self._client, self._clock, what)
        self._clock += len(what)
        await self._socket.write_message(message(UPDATE, update), binary=True)

    @contextlib.contextmanager
    def looking_for(self, what: str) -> Iterator[None]:
        self._seen[what.encode()] = 0
        try:
            yield
        finally:
            del self._seen[what.encode()]

    async def came(self, what: str, seconds: float) -> float | None:
        """Return when, by `time.monotonic`, others' text came that is looked for; None where it does not come in time."""
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
