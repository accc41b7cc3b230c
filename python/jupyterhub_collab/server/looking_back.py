# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell a page the history of a document: who changed it when, what it was, and how it becomes the same again.

Nothing is changed here. A page that restores something gets an update, and applies it to its own copy of the document, as its person's own
change: it reaches the others, the history and the file like any other, and that person can undo it. Viewers are refused all of this
(`view_table.py`), because earlier versions have what was removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.auth.identity import User
from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from . import apart
from .following import LARGE
from .history import History
from .identity import Identities
from .notices import RETURNED, RETURNED_CELL, Notices
from .sittings import Past, read_past, size_of
from .versions import ROOMS, Restored, Shown

# How many requests of all people are worked on at once: each may need as much memory as the document does.
AT_ONCE = 2
# How many requests of one person may be worked on or wait.
PER_PERSON = 4
LONGEST_NAME = 1000  # characters of a cell's ID
LARGEST_NUMBER = 2**62
BUSY = "You have asked for too many earlier versions at once. Wait a moment, then try again."
GONE = "This version is no longer kept. Reload the history."
NOT_KEPT = "The server cannot keep the history of documents at the moment. Ask an administrator to look at the server's log."
NOT_READ = "The history of this document could not be read. Try again in a moment."
NO_HISTORY = "Only notebooks and text files have a history"
NOT_A_VERSION = "This is not a version of a document"


def _error(status: int, sentence: str) -> HTTPError:
    return HTTPError(status, sentence, reason=sentence)


class Turns:
    """Lets only so many people look back at once, so that it never takes the server's memory."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def of(self, who: str) -> AsyncIterator[None]:
        """Wait for a turn. Raises HTTPError if a person has too many requests already."""
        if self._waiting[who] >= PER_PERSON:
            raise _error(429, BUSY)
        self._waiting[who] += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting[who] -= 1
            if not self._waiting[who]:
                del self._waiting[who]


class HistoryHandler(APIHandler):
    """The history of the document at a path.

    GET with its `type` returns who changed it when. GET with `type`, `before` and `last` returns what it was after update `last`, and what
    changed since update `before`. POST with `type`, `last` and perhaps `cell` returns the update that restores that version.
    """

    auth_resource = "contents"

    def initialize(self, past: History, turns: Turns, identities: Identities, notices: Notices) -> None:
        self._past, self._turns, self._identities, self._notices = past, turns, identities, notices

    @authenticated
    @authorized
    async def get(self, path: str = "") -> None:
        kind = _kind(self.get_query_argument("type", ""))
        last = self.get_query_argument("last", "")
        name = await self._name_of(path, kind)
        if not last:
            past = await self._read(partial(read_past, document=name)) if name else Past()
            self.finish(json.dumps(self._told(past)))
            return
        numbers = _number(self.get_query_argument("before", "")), _number(last)
        shown = await self._do(lambda history: Shown(history, name, kind, *numbers, os.getpid()), name)
        self.finish(shown)

    @authenticated
    @authorized
    async def post(self, path: str = "") -> None:
        asked = self.get_json_body()
        if not isinstance(asked, dict):
            raise _error(400, NOT_A_VERSION)
        kind, last, cell = _kind(asked.get("type")), _number(asked.get("last")), asked.get("cell", "")
        if not isinstance(cell, str) or len(cell) > LONGEST_NAME:
            raise _error(400, NOT_A_VERSION)
        name = await self._name_of(path, kind)
        update = await self._do(lambda history: Restored(history, name, kind, last, cell, os.getpid()), name)
        who = self.current_user
        notice = RETURNED_CELL if cell else RETURNED
        self._notices.tell(notice, path.strip("/"), who.display_name or who.username, who.username)
        self.finish(update, set_content_type="application/octet-stream")

    async def _name_of(self, path: str, kind: str) -> str:
        """Return the name of a document in the history; empty if it never had one. Raises HTTPError if its visitor could not open it."""
        manager: Any = self.contents_manager
        model = await ensure_async(manager.get(path, content=False))
        if model["type"] == "directory":
            raise _error(400, NO_HISTORY)
        file_id = self.settings["file_id_manager"].get_id(path.strip("/"))
        return ROOMS[kind] + file_id if file_id else ""

    def _told(self, past: Past) -> dict[str, Any]:
        names = dict.fromkeys(name for sitting in past.sittings for name in sitting.people)
        return {**asdict(past), "people": {name: self._person(name) for name in names}}

    def _person(self, username: str) -> dict[str, str]:
        user = User(username=username)
        self._identities.complete(user)
        return {
            "username": username,
            "name": user.display_name or username,
            "initials": user.initials or "",
            "color": user.color or "",
        }

    async def _do(self, work_of: Any, name: str) -> bytes:
        """Do work with the history at its path. Raises HTTPError if the history cannot be read, or no longer has the version."""
        if not name:
            raise _error(410, GONE)

        async def do(history: Path) -> bytes | None:
            work: Shown | Restored = work_of(history)
            is_large = await asyncio.to_thread(size_of, history, name) >= LARGE
            found: bytes | None = await (
                apart.run_apart(work) if is_large else asyncio.to_thread(_done, work)
            )
            return found

        found = await self._in_turn(do)
        if found is None:
            raise _error(410, GONE)
        return bytes(found)

    async def _read(self, read: Any) -> Any:
        return await self._in_turn(partial(asyncio.to_thread, read))

    async def _in_turn(self, work: Any) -> Any:
        history = self._past.path
        if history is None:
            raise _error(503, NOT_KEPT)
        async with self._turns.of(self.current_user.username):
            try:
                return await work(history)
            except HTTPError:
                raise
            except Exception as error:  # what the database, a library or the other process may raise
                self.log.warning("The history of a document could not be read: %r", error)
                raise _error(503, NOT_READ) from error


def _done(work: Shown | Restored) -> bytes | None:
    try:
        return work.do()
    except Exception:
        raise
    except (
        BaseException
    ) as error:  # pycrdt panics on what it cannot decode, which would end the request without an answer
        raise ValueError(repr(error)) from error


def _kind(kind: Any) -> str:
    if not isinstance(kind, str) or kind not in ROOMS:
        raise _error(400, NO_HISTORY)
    return kind


def _number(told: Any) -> int:
    try:
        number = int(told)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number < LARGEST_NUMBER:
        raise _error(400, NOT_A_VERSION)
    return number
