# SPDX-License-Identifier: GPL-3.0-or-later
"""Try to change a server as a viewer of it, in the ways that have requests and websockets of their own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from tornado.websocket import WebSocketClosedError

from .attempts import FORBIDDEN, NO_TERMINAL
from .document import Document
from .person import Person, server

SETTLE_SECONDS = 1.0  # after which what a viewer typed would have reached the others
ROUNDS = 3  # how often the viewer types


@dataclass(frozen=True)
class Try:
    """viewer: who tries. editor: who can edit, and removes what should not exist. Both have the file at `path` open."""

    viewer: Person
    editor: Person
    owner: str
    path: str
    shown: Document
    typing: Document

    @property
    def base(self) -> str:
        return server(self.owner)

    async def refuses(self, method: str, path: str, body: object = None, key: str = "") -> bool:
        """Return whether the viewer's browser and program are refused. key: names what a request makes, to remove it."""
        refused = True
        for browser in (self.viewer.browser, self.viewer.program):
            answer = await browser.ask(method, f"{self.base}/{path}", body)
            refused = refused and answer.status in FORBIDDEN
            if key and answer.good and isinstance(answer.json, dict):
                made = quote(str(answer.json.get(key)))
                await self.editor.browser.ask("DELETE", f"{self.base}/{path}/{made}")
        return refused

    async def refuses_socket(self, path: str) -> bool:
        browsers = (self.viewer.browser, self.viewer.program)
        answers = [await self.viewer.knock(each, f"{self.base}/{path}") for each in browsers]
        return all(answer in FORBIDDEN for answer in answers)

    async def content(self) -> str:
        told = await self.editor.browser.ask(
            "GET", f"{self.base}/api/contents/{quote(self.path)}?content=1&format=text&type=file"
        )
        return str(told.json.get("content")) if told.good and isinstance(told.json, dict) else ""


async def type_into_a_document(do: Try) -> bool:
    """Return whether nothing that the viewer types reaches the editor or the file."""
    marks = [f"<viewer{number}>" for number in range(ROUNDS)]
    for mark in marks:
        with do.shown.looking_for(mark):
            try:
                await do.typing.type(mark)
            except WebSocketClosedError:
                return True  # the server has closed the connection instead
            if await do.shown.came(mark, SETTLE_SECONDS) is not None:
                return False
    content = await do.content()
    return not any(mark in content for mark in marks)


async def save_a_file(do: Try) -> bool:
    body = {"type": "file", "format": "text", "content": "by a viewer"}
    return await do.refuses("PUT", f"api/contents/{quote(do.path)}", body)


async def delete_a_file(do: Try) -> bool:
    return await do.refuses("DELETE", f"api/contents/{quote(do.path)}")


async def start_a_kernel(do: Try) -> bool:
    refused = await do.refuses("POST", "api/kernels", {}, "id")
    return refused and await do.refuses_socket(f"api/kernels/{uuid.uuid4()}/channels")


async def open_a_terminal(do: Try) -> bool:
    refused = await do.refuses("POST", "api/terminals", {}, "name")
    return refused and await do.refuses_socket(f"terminals/websocket/{NO_TERMINAL}")


# What a viewer tries -> attempt, which returns whether it changed nothing.
CHANGES: dict[str, Callable[[Try], Awaitable[bool]]] = {
    "type into a document": type_into_a_document,
    "save a file": save_a_file,
    "delete a file": delete_a_file,
    "start a kernel": start_a_kernel,
    "open a terminal": open_a_terminal,
}


async def seen(editor: Document, viewer: Document, seconds: float) -> float | None:
    """Let an editor type. Return after how many seconds the viewer sees it; None if not in time."""
    mark = f"<{uuid.uuid4().hex[:8]}>"
    with viewer.looking_for(mark):
        begun = time.monotonic()
        await editor.type(mark)
        came = await viewer.came(mark, seconds)
    return None if came is None else came - begun


async def got_through(do: Try) -> list[str]:
    """Return what of `CHANGES` was not refused."""
    return [what for what, attempt in CHANGES.items() if not await attempt(do)]
