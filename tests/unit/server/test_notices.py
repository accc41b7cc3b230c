# SPDX-License-Identifier: GPL-3.0-or-later
"""Which notices users get, and how often."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from jupyter_events import EventLogger

from jupyterhub_collab.server import notices
from jupyterhub_collab.server.notices import COPY_KEPT, GONE, MERGED, NOT_SAVED, SCHEMA_ID, Notices
from local_server import LocalServer

PATIENCE = 10  # seconds
pytestmark = pytest.mark.anyio


async def test_what_matters_is_told_twice_as_one_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """An important notice is sent twice with the same ID, so that a page that missed the first gets the second, and shows both as one."""
    monkeypatch.setattr(notices, "AGAIN", 0.1)
    events = EventLogger()
    people = Notices(events)
    told: list[dict[str, Any]] = []

    async def listen(logger: EventLogger, schema_id: str, data: dict[str, Any]) -> None:
        told.append(data)

    events.add_listener(schema_id=SCHEMA_ID, listener=listen)
    people.tell(MERGED, "notes.txt")
    # Two copies of one file need two notices.
    people.tell(COPY_KEPT, "notes.txt", "notes.before-1.txt")
    people.tell(COPY_KEPT, "notes.txt", "notes.before-2.txt")
    people.tell(NOT_SAVED, "notes.txt", "the disk is full")

    def said() -> list[str]:
        return [each["level"] for each in told]

    # The last notice is also the last to be repeated, after all others.
    async with asyncio.timeout(PATIENCE):
        while said().count("error") < 2:
            await asyncio.sleep(0.01)
    assert said() == ["info", "warning", "warning", "error", "warning", "warning", "error"]
    assert sorted(Counter(each["id"] for each in told).values()) == [1, 2, 2, 2]
    for first in told[:4]:
        assert all(again == first for again in told if again["id"] == first["id"])


async def test_a_notice_carries_what_translations_need(server: LocalServer) -> None:
    """JupyterLab translates the text of a notice before the names of files get into it, which can contain anything."""
    async with server.events() as events:
        server.write("{detail}.txt", "one\n")
        await server.open("{detail}.txt")
        (server.files / "{detail}.txt").unlink()
        async with asyncio.timeout(PATIENCE):
            while (notice := json.loads(await events.recv()))["schema_id"] != SCHEMA_ID:
                pass
    assert (notice["level"], notice["form"]) == GONE
    assert notice["values"] == {"name": "{detail}.txt", "detail": ""}
    assert notice["message"] == GONE[1].replace("{name}", "{detail}.txt")


async def test_what_is_over_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "AGAIN", 0.1)
    events = EventLogger()
    people = Notices(events)
    told: list[str] = []

    async def listen(logger: EventLogger, schema_id: str, data: dict[str, Any]) -> None:
        told.append(data["path"])

    events.add_listener(schema_id=SCHEMA_ID, listener=listen)
    people.tell_once(NOT_SAVED, "notes.txt", "the disk is full")
    people.tell_once(NOT_SAVED, "moved.txt", "the disk is full")
    people.moved("moved.txt", "new.txt")
    people.settle("notes.txt")
    people.tell_once(NOT_SAVED, "new.txt", "the disk is full")
    await asyncio.sleep(0.5)
    people.tell_newcomers("notes.txt")
    people.tell_newcomers("moved.txt")
    people.tell_newcomers("new.txt")
    await asyncio.sleep(0.1)
    assert told == ["notes.txt", "moved.txt", "new.txt", "new.txt"]
