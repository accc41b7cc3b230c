# SPDX-License-Identifier: GPL-3.0-or-later
"""Websockets the way a browser opens them. Everything here belongs to one asyncio loop."""

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


@dataclass(frozen=True)
class Door:
    """Where a websocket is, and what the person shows there: cookies and origin."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


class Closed(NamedTuple):
    """How the other side ended a websocket. `code` is 1006 when it went away without a word."""

    code: int
    reason: str


class _AsBrowsersDo(connect):
    """A browser does not follow redirects of a websocket."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _GivesUp(ClientConnection):
    """A browser gives up as soon as the answer is an error, such as that of a proxy without routes.

    websockets would wait until the other side hangs up, which that proxy does not do.
    """

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.protocol.handshake_exc is not None:
            self.transport.abort()


async def dial(door: Door) -> ClientConnection:
    """Open the websocket at `door`. Raises `Refused` or `Failed` with the HTTP status if the server declines.

    No proxy, no compression, no pings: a test talks to the hub directly, Jupyter does not compress, and
    browsers do not ping (a server that is merely slow would be hung up on).
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
    """One websocket that may drop and be opened again; it sends in order and knows who hung up.

    `on_message` gets every message, `on_end` is called once when the websocket is gone.
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
        """Raises `Refused` or `Failed` if the server declines."""
        socket = await dial(door)
        self.closed_by_server, self._hanging_up = None, False
        self._socket, self._outgoing = socket, asyncio.Queue()
        self._reader = asyncio.create_task(self._read(socket))
        self._writer = asyncio.create_task(self._write(socket, self._outgoing))

    def send(self, message: str | bytes) -> None:
        """Queue a message; without a connection it is lost, as it is in a browser."""
        if self._socket is not None:
            self._outgoing.put_nowait(message)

    async def close(self) -> None:
        """Send what is queued, then hang up. Raises whatever `on_message` had raised."""
        self._hanging_up = True
        self._outgoing.put_nowait(None)
        if self._writer is not None:
            await self._writer
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def abort(self) -> None:
        """Be gone without a word, and with what is queued."""
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
            pass  # the reader tells
