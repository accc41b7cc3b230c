# SPDX-License-Identifier: GPL-3.0-or-later
"""A page's connection to the kernel of a notebook on a local server. Like JupyterLab, it names the cell that it runs."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from jupyter_server.services.kernels.connection import base
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from local_server import PATIENCE, TOKEN, LocalServer
from people.kernel import Message, request

# How JupyterLab's messages are written on the websocket. Jupyter Server's functions for it have no types.
V1 = "v1.kernel.websocket.jupyter.org"
serialize_msg_to_ws_v1: Any = base.serialize_msg_to_ws_v1
deserialize_msg_from_ws_v1: Any = base.deserialize_msg_from_ws_v1
OUTPUTS = {"stream", "display_data", "execute_result", "error", "clear_output", "update_display_data"}


class KernelPage:
    """url: of the kernel's websocket. messages: what the kernel told, the latest last."""

    def __init__(self, server: LocalServer, kernel: str) -> None:
        self.kernel, self.session = kernel, uuid4().hex
        self.messages: list[Message] = []
        self.url = f"{server.address.replace('http', 'ws')}/api/kernels/{kernel}/channels"
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect or reconnect, as the same page."""
        url = f"{self.url}?session_id={self.session}"
        if self._socket is not None:
            await self.close()
        self._socket = await connect(
            url,
            additional_headers=TOKEN,
            subprotocols=[Subprotocol(V1)],
            proxy=None,
            max_size=None,
            ping_interval=None,
        )
        self._reader = asyncio.create_task(self._read(self._socket))

    async def close(self) -> None:
        """Close the connection without a word, as the network or a killed browser does."""
        if self._socket is not None and self._reader is not None:
            self._socket.transport.abort()
            await self._reader

    async def run(self, code: str, cell: str, **metadata: Any) -> str:
        """Ask the kernel to run a cell, and return the ID of the request."""
        asked = request(code, cell)
        asked["header"]["session"] = self.session
        asked["metadata"] |= metadata
        asked["content"]["allow_stdin"] = True
        await self.send(asked)
        return str(asked["header"]["msg_id"])

    async def send(self, message: Message) -> None:
        assert self._socket is not None
        channel = message.get("channel", "shell")
        await self._socket.send(
            serialize_msg_to_ws_v1(message, channel, lambda part: json.dumps(part).encode())
        )

    async def until(self, condition: Callable[[Message], bool]) -> Message:
        """Wait for a message, and return it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for each in self.messages:
                    if condition(each):
                        return each
                await asyncio.sleep(0.02)

    async def until_done(self, asked: str) -> None:
        """Wait until the kernel has replied to a request, and has said that it is idle. Output comes before that, on another channel."""

        def has(kind: str) -> Callable[[Message], bool]:
            return lambda each: (
                each["header"]["msg_type"] == kind
                and each["parent_header"].get("msg_id") == asked
                and each["content"].get("execution_state", "idle") == "idle"
            )

        await self.until(has("execute_reply"))
        await self.until(has("status"))

    def outputs(self, asked: str) -> list[str]:
        """Return the types of the messages with output of a request."""
        mine = (each for each in self.messages if each["parent_header"].get("msg_id") == asked)
        return [each["header"]["msg_type"] for each in mine if each["header"]["msg_type"] in OUTPUTS]

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                assert isinstance(message, bytes)
                _channel, parts = deserialize_msg_from_ws_v1(message)
                names = ("header", "parent_header", "metadata", "content")
                self.messages.append(dict(zip(names, map(json.loads, map(bytes, parts[:4])), strict=True)))
        except ConnectionClosed:
            pass


@asynccontextmanager
async def kernel_page(server: LocalServer, notebook: str, kernel: str = "") -> AsyncIterator[KernelPage]:
    """Yield a page that is connected to the kernel of a notebook."""
    page = KernelPage(server, kernel or start_kernel(server, notebook))
    await page.open()
    try:
        yield page
    finally:
        await page.close()


def start_kernel(server: LocalServer, notebook: str) -> str:
    """Return the ID of a notebook's kernel. The first call for a notebook starts it."""
    wish = {
        "path": server.path(notebook),
        "name": notebook,
        "type": "notebook",
        "kernel": {"name": "python3"},
    }
    return str(server.ask("POST", "api/sessions", wish)["kernel"]["id"])
