# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve pycrdt-websocket behind Tornado's websockets, as Jupyter Server does, but without files, history or login.

bare_server.py PORT NOTEBOOK: each path is a separate document that starts as a copy of the notebook. Runs on the hub's host.
"""

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from jupyter_ydoc import YNotebook
from pycrdt import Doc
from pycrdt.websocket import WebsocketServer, YRoom
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler


class Rooms(WebsocketServer):
    """Create each room when its first client connects."""

    def __init__(self, notebook: dict[str, Any]) -> None:
        super().__init__()
        self._notebook = notebook
        self._lock = asyncio.Lock()

    async def get_room(self, name: str) -> YRoom:
        async with self._lock:  # otherwise two simultaneous clients start the room twice, an error
            if name not in self.rooms:
                document: Doc[Any] = Doc()
                YNotebook(document).set(self._notebook)
                self.rooms[name] = YRoom(ydoc=document)
            return await super().get_room(name)


class Door(WebSocketHandler):
    """A client's connection, with the interface that pycrdt-websocket expects."""

    def initialize(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._messages: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def path(self) -> str:
        return str(self.request.path)

    def open(self) -> None:
        self._served = asyncio.create_task(self._rooms.serve(self))

    def on_message(self, message: str | bytes) -> None:
        assert isinstance(message, bytes)
        self._messages.put_nowait(message)

    def on_close(self) -> None:
        self._messages.put_nowait(b"")

    def __aiter__(self) -> "Door":
        return self

    async def __anext__(self) -> bytes:
        if message := await self.recv():
            return message
        raise StopAsyncIteration

    async def recv(self) -> bytes:
        return await self._messages.get()

    async def send(self, message: bytes) -> None:
        with contextlib.suppress(WebSocketClosedError):  # a disconnecting client must not end the room
            self.write_message(message, binary=True)


async def main(port: int, notebook: Path) -> None:
    async with Rooms(json.loads(notebook.read_text())) as rooms:
        Application([(".*", Door, {"rooms": rooms})]).listen(port, "127.0.0.1")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
