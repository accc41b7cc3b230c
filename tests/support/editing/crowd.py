# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten people who have the same documents open and type into them.

Users type tokens that nobody has typed before, such as `<a17>`, so that afterwards it can be said of each
whether it is there, there twice, or lost; and who had seen it on their own screen before it got lost.
"""

import asyncio
import itertools
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import WebSocketException

from people import NotGiven, Room, background
from people.room import Seat

TOKEN = re.compile(r"<[a-z]+\d+>")
PACE = 0.5  # seconds between two tokens of one person, on average
NEW_CELL = 0.05  # how often it is a new cell where the document is a notebook
POLL = 0.02  # seconds
COME = 60  # seconds within which everyone must have opened everything

# JupyterLab's side waits so long after the first loss of a connection, twice as long after each try in vain, and no longer than that.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.5


def tokens(text: str) -> list[str]:
    return TOKEN.findall(text)


@dataclass
class Typed:
    """What has been typed into one document, and what of it has come to someone else's screen."""

    number: int = 0  # of tokens since it was looked at the last time
    all: set[str] = field(default_factory=set)
    on_the_way: dict[str, float] = field(
        default_factory=dict
    )  # since when, until it is seen for the first time
    delays: list[float] = field(default_factory=list)  # how long each took to be seen by someone else
    seen: set[str] = field(default_factory=set)


class Tab:
    """A document in front of one person. It reconnects automatically after a loss, with its cookies and session."""

    def __init__(self, letter: str, seat: Seat, typed: Typed) -> None:
        self.room = Room(seat)
        self.room.watch(self._shown)
        self.is_notebook = seat.is_notebook
        self.joined_at = 0.0  # when it came (back) the last time; 0 while it is away
        self.refusals: list[str] = []  # how the last tries to come back ended
        self._letter = letter
        self._typed = typed
        self._stays = asyncio.create_task(self._stay())

    async def _stay(self) -> None:
        """What JupyterLab does (WebsocketProvider of y-websocket)."""
        failed = 0
        while True:
            try:
                await self.room.join()
            except NotGiven as no:
                # From 1000 on it is the code of a connection that was there and was closed.
                failed = failed + 1 if no.status < 1000 else 0
                self.refusals.append(f"{no.status} {no.sentence}")
            except (OSError, TimeoutError, WebSocketException) as no:
                failed += 1
                self.refusals.append(type(no).__name__)
            else:
                failed = 0
                self.refusals.clear()
                self.joined_at = time.monotonic()
                while self.room.is_joined:
                    await self.room.changed_since(self.room.changes, 3600)
                self.joined_at = 0.0
            await asyncio.sleep(min(FIRST_PAUSE * 2**failed, LONGEST_PAUSE))

    @property
    def is_back(self) -> bool:
        """Whether it is there, and has noted since when."""
        return self.room.is_joined and self.joined_at > 0

    def type(self, token: str) -> None:
        """Put a token somewhere, but not into another one."""
        room = self.room
        self._typed.all.add(token)
        self._typed.number += 1
        self._typed.on_the_way[token] = time.monotonic()
        if self.is_notebook and random.random() < NEW_CELL:
            room.append_cell(token)
            return
        cell = random.randrange(room.cell_count) if self.is_notebook else None
        places = [0, *(found.end() for found in TOKEN.finditer(room.read(cell)))]
        room.insert(random.choice(places), token, cell)

    def _shown(self, text: str) -> None:
        typed = self._typed
        for token in tokens(text):
            if not token.startswith(f"<{self._letter}"):
                typed.seen.add(token)
                if (since := typed.on_the_way.pop(token, None)) is not None:
                    typed.delays.append(time.monotonic() - since)

    @property
    def content(self) -> list[tuple[str, str]]:
        """The cells, or the one text, each with what tells it from others."""
        if self.is_notebook:
            return [(str(cell["id"]), str(cell["source"])) for cell in self.room.cells]
        return [("", self.room.text)]

    async def close(self) -> None:
        self._stays.cancel()
        await asyncio.gather(self._stays, return_exceptions=True)
        await self.room.leave()

    async def vanish(self) -> None:
        self._stays.cancel()
        await self.room.vanish()


class Crowd:
    """The same documents in front of many people. All methods are for the tests' own thread."""

    def __init__(
        self, seats: dict[str, list[Seat]], numbers: Iterator[int], before: "Crowd | None" = None
    ) -> None:
        """seats: those of every person, by the person's letter. before: whose work these people go on with."""
        self.typed: dict[str, Typed] = (
            before.typed if before else {seat.path: Typed() for seat in next(iter(seats.values()))}
        )
        self.tabs: dict[str, list[Tab]] = {}
        self._numbers = numbers
        self._typing: list[asyncio.Task[None]] = []
        background.run(self._open(seats))

    async def _open(self, seats: dict[str, list[Seat]]) -> None:
        self.tabs = {
            letter: [Tab(letter, seat, self.typed[seat.path]) for seat in theirs]
            for letter, theirs in seats.items()
        }
        if not await self._all_back(COME):
            raise TimeoutError(f"they could not open their documents within {COME} s: {self.away}")
        for tab in self._all():
            # What is there from the beginning is theirs as well.
            there = {token for _, source in tab.content for token in tokens(source)}
            self.typed[tab.room.seat.path].all |= there
            self.typed[tab.room.seat.path].seen |= there

    def _all(self, path: str = "") -> list[Tab]:
        every = itertools.chain.from_iterable(self.tabs.values())
        return [tab for tab in every if path in ("", tab.room.seat.path)]

    # Typing

    @contextmanager
    def typing(self, pace: float = PACE) -> Iterator[None]:
        """As long as this lasts, everyone types, now here and now there, also without a connection."""
        background.call(self._begin, pace)
        try:
            yield
        finally:
            background.run(self.rest())

    def _begin(self, pace: float) -> None:
        self._typing = [
            asyncio.create_task(self._type(letter, tabs, pace)) for letter, tabs in self.tabs.items()
        ]

    async def _type(self, letter: str, tabs: list[Tab], pace: float) -> None:
        while True:
            await asyncio.sleep(random.uniform(0.2, 1.8) * pace)
            random.choice(tabs).type(f"<{letter}{next(self._numbers)}>")

    async def rest(self) -> None:
        for task in self._typing:
            task.cancel()
        ended = await asyncio.gather(*self._typing, return_exceptions=True)
        self._typing = []
        for error in ended:
            if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
                raise error

    # Coming back

    def wait_until_back(self, timeout: float) -> bool:
        """Wait until everyone is back; whether they are, as nobody waits for ever."""
        return background.run(self._all_back(timeout))

    async def _all_back(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not all(tab.is_back for tab in self._all()):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL)
        return True

    @property
    def last_joined(self) -> float:
        """When the last of them came (back)."""
        return max(tab.joined_at for tab in self._all())

    @property
    def away(self) -> list[str]:
        """Why those who are not back are not back."""
        return [tab.refusals[-1] if tab.refusals else "?" for tab in self._all() if not tab.is_back]

    # Looking

    def delays(self) -> list[float]:
        """How many seconds each token took to be on someone else's screen, of those that came there since this was asked."""
        new = [delay for typed in self.typed.values() for delay in typed.delays]
        for typed in self.typed.values():
            typed.delays.clear()
        return new

    def copies(self, path: str) -> list[list[tuple[str, str]]]:
        """What those who are there have in front of them."""
        return background.call(
            lambda: [tab.content for tab in self._all(path) if tab.room.is_joined],
        )

    # Leaving

    def close(self) -> None:
        """Close all tabs."""
        background.run(_gather(tab.close() for tab in self._all()))
        self.tabs = {}

    def vanish(self) -> None:
        """All tabs are gone from one moment to the next."""

        async def gone() -> None:
            typing, self._typing = self._typing, []
            for task in typing:
                task.cancel()
            await _gather(tab.vanish() for tab in self._all())

        background.run(gone())
        self.tabs = {}
        for typed in self.typed.values():
            typed.all = typed.seen  # what nobody else had seen went with its tab


async def _gather(work: Iterable[Any]) -> None:
    await asyncio.gather(*work)


def twice(copies: Iterable[list[tuple[str, str]]]) -> set[str]:
    """Tokens and cells that are in one copy more than once."""
    found: set[str] = set()
    for copy in copies:
        counted = Counter(token for _, source in copy for token in tokens(source))
        counted.update(f"cell {name}" for name, _ in copy)
        found |= {what for what, number in counted.items() if number > 1}
    return found
