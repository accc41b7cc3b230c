# SPDX-License-Identifier: GPL-3.0-or-later
"""Count open documents, saves and conflicts, and report the numbers to the hub, which shows them to Prometheus (`hub/metrics.py`).

A report has three numbers, and no names. If nothing has changed, there is none, except for a sign now and then that documents are still open.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from logging import getLogger
from typing import Any

from ..names import REPORTS
from .hub_connection import code_of, connect, request

LOG = getLogger("tornado.application")
SECONDS = 120.0  # between two reports
# Between two reports if nothing has changed. The hub forgets a server's documents after `hub.metrics.FORGET_SECONDS`.
UNCHANGED_SECONDS = 600.0
ANSWER_SECONDS = 10.0
LAST_SECONDS = 1.0  # for the last report, while the server stops


@dataclass
class Counts:
    """What has happened on this server since the last report that the hub has received."""

    saves: int = 0
    conflicts: int = 0


# Of this process, which has one server.
counts = Counts()


class Reports:
    """hub_auth: the `HubOAuth` of this server. documents: returns how many are open."""

    def __init__(self, hub_auth: Any, documents: Callable[[], int]) -> None:
        self._hub_auth = hub_auth
        self._documents = documents
        self._task: asyncio.Task[None] | None = None
        self._told = 0
        self._at = 0.0

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._keep_reporting())

    async def stop(self) -> None:
        """Send a last report, if the hub takes it at once."""
        if self._task is None:
            return
        self._task.cancel()
        self._task = None
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._report(0)
        except Exception as error:
            LOG.debug("The hub did not take the last report of this server: %r", error)

    async def _keep_reporting(self) -> None:
        while True:
            # Not all servers at once, after the hub or its host has restarted.
            await asyncio.sleep(SECONDS * random.uniform(0.5, 1))
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._report(self._documents())
            except Exception as error:
                # An older hub takes none. Metrics must not disturb anyone.
                LOG.debug("The hub did not take a report of this server: %r", error)

    async def _report(self, documents: int) -> None:
        """Tell the hub, and forget what it knows then. Raises OSError if the hub does not take it."""
        now = time.monotonic()
        is_new = (documents, 0, 0) != (self._told, counts.saves, counts.conflicts)
        if not is_new and not (documents and now - self._at > UNCHANGED_SECONDS):
            return
        saves, conflicts = counts.saves, counts.conflicts
        body = json.dumps({"documents": documents, "saves": saves, "conflicts": conflicts}).encode()
        reader, writer = await connect(self._hub_auth)
        try:
            writer.write(request(self._hub_auth, "POST", REPORTS, body))
            code = code_of((await reader.readline()).decode("latin-1"))
        finally:
            writer.close()
        if not code.startswith("2"):
            raise OSError(f"the hub answered {code}")
        counts.saves -= saves
        counts.conflicts -= conflicts
        self._told, self._at = documents, now
