# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow every websocket while it is open, those of other extensions included, and close one for good."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Callable
from logging import getLogger
from typing import Any

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ..releases import patches_tornado

LOG = getLogger("tornado.application")
# What tornado keeps for each message that waits to be sent, besides the message.
MESSAGE_BYTES = 2_000
# Returns the context of a websocket while it is open.
Around = Callable[[Any], contextlib.AbstractContextManager[None]]
_around: list[Around] = []
_handling: set[asyncio.Future[Any]] = set()


@patches_tornado(
    "tornado.websocket:WebSocketHandler.get(self)",
    "tornado.websocket:WebSocketHandler.on_connection_close(self)",
    "tornado.websocket:WebSocketHandler.get_websocket_protocol(self)",
    "tornado.websocket:WebSocketHandler.open(self)",
    "tornado.websocket:WebSocketHandler.write_message(self, message)",
    "tornado.websocket:WebSocketProtocol._abort(self)",
    "tornado.iostream:_StreamBuffer.__len__(self)",
    "tornado.websocket:_WebSocketParams(ping_interval, ping_timeout, max_message_size)",
)
def while_open(around: Around) -> None:
    """From now on, enter a context with each websocket of this process that opens, and leave it when the websocket has closed.

    The contexts are entered in the order of these calls. One that raises HTTPError refuses the websocket, so later ones do not see it.
    Websockets of all classes use tornado's handshake, which returns when the connection has ended.
    """
    _around.append(around)
    websocket: Any = WebSocketHandler
    get = websocket.get
    if hasattr(get, "is_followed"):
        return

    @functools.wraps(get)
    async def followed(handler: Any, *arguments: Any, **options: Any) -> None:
        with contextlib.ExitStack() as stack:
            for each in _around:
                stack.enter_context(each(handler))
            await get(handler, *arguments, **options)

    followed.is_followed = True  # type: ignore[attr-defined]
    websocket.get = followed


def close(socket: Any, code: int, reason: str, *, after: float = 0) -> None:
    """Close a websocket for good. From now on, nothing is received from the other side or sent to it, whatever it does.

    after: how long the other side does not notice, in seconds.
    """
    socket.on_message = _ignore  # the other side may send more before it confirms the close
    if after:
        connection, socket.ws_connection = socket.ws_connection, None
        asyncio.get_running_loop().call_later(after, connection.close, code, reason)
    else:
        socket.close(code, reason)
    try:
        # Clean up after the visitor now, not when the other side confirms the close.
        socket.on_connection_close()
    except Exception:
        LOG.exception("%s was closed, but the cleanup failed", socket.request.path)


def when_open(socket: Any, then: Callable[[], None]) -> None:
    """Call `then` once a websocket that is about to open can be written to."""
    theirs = socket.open

    def open_and_tell(*arguments: Any, **options: Any) -> Any:
        opened = theirs(*arguments, **options)
        then()
        return opened

    socket.open = open_and_tell


def limit_waiting(socket: Any, most: int) -> None:
    """From now on, disconnect a websocket whose other side reads too slowly or not at all.

    most: how many bytes can wait for the other side before more of them count, and how many can then be added until it is disconnected. So
    one message can have any size. What waits is lost, so this is only for websockets whose pages connect again and ask for what they lack.
    """
    theirs = socket.write_message
    added = 0

    def write_message(message: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal added
        connection = socket.ws_connection
        if connection is not None and connection.stream is not None:
            added = added + len(message) + MESSAGE_BYTES if _waiting(connection.stream) > most else 0
            if added > most:
                LOG.warning("Disconnecting %s: its page does not read what it is sent", socket.request.path)
                connection._abort()
                raise WebSocketClosedError
        return theirs(message, *arguments, **options)

    socket.write_message = write_message


def _waiting(stream: Any) -> int:
    """Return how many bytes of memory the messages use that wait to be sent."""
    return len(stream._write_buffer or ()) + MESSAGE_BYTES * len(stream._write_futures)


def judge_messages(socket: Any, judge: Callable[[Any], bool]) -> Callable[[Any], None]:
    """From now on, have a websocket's handler receive only messages for which `judge` returns True.

    Return a function that brings a message to the handler without being judged.
    """
    theirs = socket.on_message

    def on_message(message: Any) -> Any:
        return theirs(message) if judge(message) else None

    def deliver(message: Any) -> None:
        if socket.on_message is on_message and inspect.isawaitable(handled := theirs(message)):
            _handling.add(task := asyncio.ensure_future(handled))
            task.add_done_callback(_handling.discard)

    socket.on_message = on_message
    return deliver


def limit_messages(socket: Any, longest: int | None) -> None:
    """Limit the size of messages that a websocket receives, in bytes. None stands for the limit of its handler."""
    if socket.ws_connection is not None:
        socket.ws_connection.params.max_message_size = longest or socket.max_message_size
        return
    theirs = type(socket).get_websocket_protocol

    def get_websocket_protocol() -> Any:
        protocol = theirs(socket)
        if protocol is not None and longest is not None:
            protocol.params.max_message_size = longest
        return protocol

    socket.get_websocket_protocol = get_websocket_protocol


def _ignore(message: Any) -> None:
    """Discard a message of a disconnected visitor."""
