# SPDX-License-Identifier: GPL-3.0-or-later
"""Websockets as browsers open them. Use everything here on a single asyncio loop."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .errors import Failed

OPEN_TIMEOUT = 30  # seconds
CLOSE_TIMEOUT = 2  # seconds
PATIENCE = 60  # seconds for the end of a websocket, because the machine may be busy


@dataclass(frozen=True)
class Door:
    """A websocket's URL, and what the browser sends to open it: cookies and origin."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


class Closed(NamedTuple):
    """How the other side closed a websocket. `code` is 1006 if there was no close frame."""

    code: int
    reason: str


class _AsBrowsersDo(connect):
    """Browsers do not follow redirects of websockets."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _GivesUp(ClientConnection):
    """Browsers give up as soon as they get an error, for example from a proxy without a route.

    The websockets library would wait until the other side disconnects, which that proxy does not do.
    """

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.protocol.handshake_exc is not None:
            self.transport.abort()


async def end_of(socket: ClientConnection, seconds: float = PATIENCE) -> int | None:
    """Read until the server closes a websocket, and return the close code, or None if it stays open."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                await socket.recv()
    except TimeoutError:
        return None
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else 1006


async def dial(door: Door) -> ClientConnection:
    """Open the websocket at `door`. Raise `Refused` or `Failed` with the HTTP status if the server refuses.

    Proxy, compression and pings are off: tests connect to the hub directly, Jupyter does not compress, and browsers do not
    ping (with pings, a slow server would be disconnected).
    """
    try:
        return await _AsBrowsersDo(
            door.url,
            create_connection=_GivesUp,
            additional_headers=door.headers,
            user_agent_header=None,
            ssl=door.tls,
            proxy=None,
            compression=None,
            ping_interval=None,
            max_size=None,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
        )
    except InvalidStatus as answer:
        response = answer.response
        raise Failed.or_refused(response.status_code, door.url, response.reason_phrase) from None


class Line:
    """A websocket that can be reopened after it was closed. It sends messages in order, and knows which side closed it.

    `on_message` is called with every message, and `on_end` once when the websocket is closed.
    """

    def __init__(self, on_message: Callable[[str | bytes], None], on_end: Callable[[], None]) -> None:
        self.closed_by_server: Closed | None = None
        self._on_message = on_message
        self._on_end = on_end
        self._socket: ClientConnection | None = None
        self._outgoing: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._hanging_up = False
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    async def open(self, door: Door) -> None:
        """Connect. Raise `Refused` or `Failed` if the server refuses."""
        socket = await dial(door)
        self.closed_by_server, self._hanging_up = None, False
        self._socket, self._outgoing = socket, asyncio.Queue()
        self._reader = asyncio.create_task(self._read(socket))
        self._writer = asyncio.create_task(self._write(socket, self._outgoing))

    def send(self, message: str | bytes) -> None:
        """Queue a message. Without a connection it is lost, as in a browser."""
        if self._socket is not None:
            self._outgoing.put_nowait(message)

    async def close(self) -> None:
        """Send queued messages, then disconnect. Raise any exception that `on_message` raised."""
        self._hanging_up = True
        self._outgoing.put_nowait(None)
        if self._writer is not None:
            await self._writer
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def abort(self) -> None:
        """Disconnect without a close frame, and drop queued messages."""
        if self._socket is not None:
            self._socket.transport.abort()
        await self.close()

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                self._on_message(message)
        except ConnectionClosed:
            pass
        finally:
            if not self._hanging_up:
                self.closed_by_server = Closed(int(socket.close_code or 1006), socket.close_reason or "")
            self._socket = None
            self._outgoing.put_nowait(None)
            self._on_end()

    async def _write(self, socket: ClientConnection, outgoing: asyncio.Queue[str | bytes | None]) -> None:
        try:
            while (message := await outgoing.get()) is not None:
                await socket.send(message)
        except ConnectionClosed:
            pass  # the reader handles it
