# SPDX-License-Identifier: GPL-3.0-or-later
"""Hear from the hub when the rights of visitors may have changed (`hub/push.py` says what the hub sends).

The server opens the connection, with its own token, so nobody can send it anything by reaching its port. What it hears only makes it ask
the hub again. While it hears that nothing has changed, it trusts the hub's answers; otherwise for as long as without the hub's messages.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from logging import getLogger
from typing import Any

from ..names import CHANGES, LONGEST_TRUST, STREAM, WATCH
from ..patches.server.answers import trust_confirmed
from ..patches.server.hub_auth import name_stream
from .hub_connection import code_of, connect, request

LOG = getLogger("tornado.application")
CONNECT_SECONDS = 10.0
SILENT_SECONDS = 10.0  # without a line, the connection is lost; the hub sends one at least every two seconds
# How long to wait before another attempt, in seconds: doubled each time. A hub that refuses may be updated.
FIRST_WAIT, LONGEST_WAIT, REFUSED_WAIT = 1.0, 15.0, 300.0
# Called with the names of the users or services whose rights may have changed; None stands for everyone.
News = Callable[[Collection[str] | None], None]


class NoStreamError(Exception):
    """The answer is no stream."""


class RefusedError(NoStreamError):
    """The hub has no stream for this server, for example because it is too old."""


@dataclass
class Stream:
    """What the hub has said on one connection.

    told: how many changes. about: the number of the last change that concerns a name; None stands for everyone. until: up to when
    nothing else has changed. lag: the least time that a line took, plus the difference between the clocks.
    """

    name: str
    told: int = 0
    about: dict[str | None, int] = field(default_factory=dict)
    until: float = 0.0
    lag: float = float("inf")

    def hear(self, line: bytes) -> Collection[str] | None:
        """Take in a line, and return whom it concerns. Raises ValueError if it is not one of a hub."""
        heard = json.loads(line)
        if not isinstance(heard, list) or not 2 <= len(heard) <= 3:
            raise ValueError("not a line of the hub")
        at, told, names = heard[0], heard[1], heard[2] if len(heard) == 3 else []
        is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
        are_numbers = isinstance(at, int | float) and isinstance(told, int)
        if not are_numbers or not (names is None or is_list):
            raise ValueError("not a line of the hub")
        if told != self.told + (len(heard) == 3):
            names = None  # a line is missing
        self.told = told
        for name in [None] if names is None else names:
            self.about[name] = told
        # A line that was held up on its way says nothing about now.
        arrived = time.monotonic()
        self.lag = min(self.lag, arrived - at)
        self.until = max(self.until, at + self.lag)
        return names


class Push:
    """The connection to the hub, and what it says about the answers that the server has. tell: called when some may no longer be right."""

    def __init__(self, hub_auth: Any, tell: News) -> None:
        self._hub_auth = hub_auth
        self._tell = tell
        # The last one, also after it has ended, because what it has confirmed stays so for a moment.
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None
        trust_confirmed(hub_auth, self.confirmed)

    @property
    def is_running(self) -> bool:
        return self._task is not None

    def start(self) -> None:
        """Stay connected from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._stay_connected())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def confirmed(self, answer: dict[str, Any]) -> tuple[float, float] | None:
        """Return until when an answer of the hub was right, and for how many seconds it can be trusted; None if there is a newer one."""
        watch = answer.get(WATCH)
        stream = self._stream
        if not isinstance(watch, dict) or stream is None or watch.get("stream") != stream.name:
            return 0.0, 0.0
        told, seconds = watch.get("told"), watch.get("seconds")
        if not isinstance(told, int) or not isinstance(seconds, int | float):
            return 0.0, 0.0
        if told < max(stream.about.get(answer.get("name"), 0), stream.about.get(None, 0)):
            return None
        return stream.until, min(seconds, LONGEST_TRUST)

    def is_overtaken(self, answer: dict[str, Any] | None) -> bool:
        """Return whether the hub has said, after this answer, that there may be another one."""
        return answer is not None and self.confirmed(answer) is None

    async def _stay_connected(self) -> None:
        wait = FIRST_WAIT
        while True:
            begin = time.monotonic()
            try:
                await self._listen()
            except RefusedError as error:
                LOG.debug("The hub does not say when rights change (%s), so this server asks it", error)
                wait = REFUSED_WAIT
            except (OSError, ValueError, EOFError, asyncio.LimitOverrunError, NoStreamError) as error:
                LOG.debug("The connection on which the hub says when rights change has ended: %r", error)
            except Exception:
                LOG.exception("Failed to hear from the hub when rights change, so this server asks it")
            if time.monotonic() - begin > LONGEST_WAIT:
                wait = FIRST_WAIT
            # Not all servers at once, after the hub has restarted.
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))
            wait = min(2 * wait, LONGEST_WAIT)

    async def _listen(self) -> None:
        """Open a stream, and take in what the hub sends until it ends."""
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await connect(self._hub_auth)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                stream = self._stream = Stream(await self._ask(reader, writer))
            name_stream(self._hub_auth, stream.name)
            # What has changed before is unknown: the hub may have been restarted with other rights.
            self._hub_auth.cache.clear()
            self._tell(None)
            while True:
                async with asyncio.timeout(SILENT_SECONDS):
                    line = await reader.readline()
                if not line.endswith(b"\n"):
                    raise EOFError
                names = stream.hear(line)
                if names is None or names:
                    self._hub_auth.cache.purge_expired()
                    self._tell(names)
        finally:
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """Send the request, and return the name of the stream. With HTTP/1.0, the answer has no chunks."""
        path = f"{CHANGES}?seconds={self._hub_auth.cache_max_age or LONGEST_TRUST}"
        writer.write(request(self._hub_auth, "GET", path))
        status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        named = {
            name.strip().lower(): value.strip()
            for name, _colon, value in (each.partition(":") for each in headers)
        }
        code = code_of(status)
        stream = named.get(STREAM.lower(), "")
        if code in (str(HTTPStatus.FORBIDDEN.value), str(HTTPStatus.NOT_FOUND.value)):
            raise RefusedError(status)
        if code != str(HTTPStatus.OK.value) or not stream or "transfer-encoding" in named:
            raise NoStreamError(status)
        return stream
