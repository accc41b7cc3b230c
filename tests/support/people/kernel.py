# SPDX-License-Identifier: GPL-3.0-or-later
"""Run cells as JupyterLab does.

In jupyter-collaboration, the browser of the person who runs a cell talks to the kernel and writes the outputs into the
shared notebook. On our servers, the browser gets no outputs, because the server writes them. This module writes what JupyterLab writes.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from jupyter_ydoc.utils import cast_all
from pycrdt import Array, Doc, Map, Text
from websockets.exceptions import ConnectionClosed

from .sockets import Door, dial

WRITTEN_SECONDS = 5
GONE = ("restarting", "autorestarting", "dead")

Message = dict[str, Any]


async def run_cell(doc: "Doc[Any]", ycell: "Map[Any]", door: Door) -> None:
    """Run a cell of `doc` through the kernel channels at `door`, and wait until the kernel is done.

    Raise `Refused` if the person has no access to the kernel, ConnectionError if the kernel dies, or RuntimeError if it
    skips the cell because an earlier cell failed.
    """
    outputs = Outputs(ycell)
    reply: dict[str, Any] = {}
    with doc.transaction():
        outputs.clear()
        ycell["execution_count"] = None
    ycell["execution_state"] = "running"
    try:
        async for message in execute(door, str(ycell["source"]), str(ycell["id"])):
            with doc.transaction():
                outputs.take(message)
            if message["header"]["msg_type"] == "execute_reply":
                reply = message["content"]
        if reply["status"] == "aborted":
            raise RuntimeError("the kernel skipped the cell because an earlier cell had just failed")
        if not outputs.has_taken:
            await _until_written(ycell)
        ycell["execution_count"] = float(reply["execution_count"])
    finally:
        ycell["execution_state"] = "idle"


async def _until_written(ycell: "Map[Any]") -> None:
    """Wait until the server has written all outputs, unless it does not do so."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WRITTEN_SECONDS):
            while ycell["execution_state"] != "idle":
                await asyncio.sleep(0.05)


async def execute(door: Door, code: str, cell_id: str = "") -> AsyncIterator[Message]:
    """Send code to a kernel, and yield every answer until the kernel has replied and is idle again."""
    asked = request(code, cell_id)
    awaited = {"execute_reply", "idle"}
    async with await dial(door) as socket:
        await socket.send(json.dumps(asked))
        while awaited:
            try:
                message = await socket.recv()
            except ConnectionClosed as closed:
                raise ConnectionError(f"the kernel is gone: {closed}") from None
            if isinstance(message, bytes):
                continue  # a message with binary buffers, as widgets send
            answer = json.loads(message)
            if answer["content"].get("execution_state") in GONE:
                raise ConnectionError(f"the kernel is gone: {answer['content']['execution_state']}")
            if answer["parent_header"].get("msg_id") != asked["header"]["msg_id"]:
                continue
            yield answer
            awaited -= {answer["header"]["msg_type"], answer["content"].get("execution_state")}


class Outputs:
    """The outputs of one cell in a shared notebook, filled by a kernel's messages."""

    def __init__(self, ycell: "Map[Any]") -> None:
        self._youtputs: Array[Any] = ycell["outputs"]
        self._displays: dict[str, list[int]] = {}
        self._clear_next = False
        self.has_taken = False  # whether any output has come from the kernel

    def clear(self) -> None:
        self._youtputs.clear()
        self._displays.clear()
        self._clear_next = False

    def take(self, message: Message) -> None:
        content = dict(message["content"])
        kind = message["header"]["msg_type"]
        display = content.pop("transient", {}).get("display_id")
        if kind == "clear_output":
            if content.get("wait"):
                self._clear_next = True
            else:
                self.clear()
        elif kind == "update_display_data":
            for index in self._displays.get(display, []):
                self._youtputs[index] = _youtput("display_data", content)
        elif kind in ("stream", "display_data", "execute_result", "error"):
            self.has_taken = True
            if self._clear_next:
                self.clear()
            if kind != "stream" or not self._continue(content):
                self._youtputs.append(_youtput(kind, content))
            if display is not None:
                self._displays.setdefault(display, []).append(len(self._youtputs) - 1)

    def _continue(self, content: dict[str, Any]) -> bool:
        """Append to the last output and return True, if that is the same stream."""
        if len(self._youtputs) == 0:
            return False
        last = self._youtputs[len(self._youtputs) - 1]
        if last["output_type"] != "stream" or last["name"] != content["name"]:
            return False
        text = last["text"]
        text += content["text"]
        return True


def _youtput(kind: str, content: dict[str, Any]) -> "Map[Any]":
    """Convert an output to the shared notebook's form. Numbers are floats, because Yjs has no integers."""
    output: dict[str, Any] = {**content, "output_type": kind}
    cast_all(output, int, float)
    if kind == "stream":
        output["text"] = Text(content["text"])
    return Map(output)


def request(code: str, cell_id: str) -> Message:
    """Return a request to run a cell, as JupyterLab sends it."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": uuid.uuid4().hex,
        "username": "",
        "date": datetime.now(UTC).isoformat(),
        "version": "5.2",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }
    metadata = {"cellId": cell_id, "deletedCells": [], "recordTiming": False}
    return {
        "channel": "shell",
        "header": header,
        "parent_header": {},
        "metadata": metadata,
        "content": content,
    }
