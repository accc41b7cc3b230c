# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers for tests of open files: what people see, which notices they get, and which copies exist."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import plain_http
from local_server import PATIENCE, LocalServer
from people.room import Room

CELL: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}


def notebook(*sources: str, minor: int = 5, **more: Any) -> dict[str, Any]:
    named = minor == 5
    cells = [
        {**CELL, **({"id": f"cell{number}"} if named else {}), "source": source, **more}
        for number, source in enumerate(sources)
    ]
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": cells}


def words(room: Room) -> str:
    return "\n".join(str(cell["source"]) for cell in room.cells) if room.seat.is_notebook else room.text


async def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def until_text(room: Room, text: str) -> None:
    await room.wait_until(lambda room: words(room) == text, PATIENCE)


async def both_see(one: Room, other: Room, *texts: str) -> None:
    for room in (one, other):
        await room.wait_until(lambda room: all(text in words(room) for text in texts), PATIENCE)
    assert words(one) == words(other)


def copies(server: LocalServer) -> list[str]:
    return [path.name for path in server.files.rglob("[!.]*.before-*")]


@asynccontextmanager
async def told(server: LocalServer) -> AsyncIterator[list[dict[str, Any]]]:
    """Collect the notices about this test's files during the block, each once."""
    notices: list[dict[str, Any]] = []
    ours = server.path("")

    async def listen(events: Any) -> None:
        async for event in events:
            notice = json.loads(event)
            is_new = notice.get("id") not in [each["id"] for each in notices]
            if is_new and "level" in notice and "message" in notice and notice["path"].startswith(ours):
                notices.append(notice)

    async with server.events() as events:
        listener = asyncio.create_task(listen(events))
        try:
            yield notices
        finally:
            listener.cancel()


def of_document(room: Room) -> str:
    return room.seat.door.url.partition("/room/")[2].partition("?")[0]


def change(server: LocalServer, method: str, name: str, body: Any = None) -> None:
    """Change a file through the contents API, as JupyterLab's file browser or another editor does."""
    answer = plain_http.request(
        method,
        f"http://{server._address}/api/contents/{quote(server.path(name))}",
        headers={"Authorization": "token secret"},
        json=body,
        timeout=PATIENCE,
    )
    answer.raise_for_status()
