# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten people who have the same documents open and type into them.

People type unique tokens, such as `<a17>`. So each token can be checked afterwards: whether it exists, exists twice, or was
lost, and whether others had seen it on their screens before it was lost.
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
PACE = 0.5  # average seconds between two tokens of one person
NEW_CELL = 0.05  # the share of tokens that are typed into a new cell of a notebook
POLL = 0.02  # seconds
COME = 60  # seconds until everyone must have opened all documents

# The pause in seconds before JupyterLab's first attempt to reconnect. It doubles after each failure, up to the longest pause.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.5


def tokens(text: str) -> list[str]:
    return TOKEN.findall(text)


@dataclass
class Typed:
    """The tokens typed into one document, and which of them others have seen."""

    number: int = 0  # tokens typed since the last check
    all: set[str] = field(default_factory=set)
    on_the_way: dict[str, float] = field(
        default_factory=dict
    )  # when each token that nobody else has seen yet was typed
    delays: list[float] = field(default_factory=list)  # seconds until another person saw each token
    seen: set[str] = field(default_factory=set)


class Tab:
    """A document open in one person's browser. It reconnects automatically, with its cookies and session."""

    def __init__(self, letter: str, seat: Seat, typed: Typed) -> None:
        self.room = Room(seat)
        self.room.watch(self._shown)
        self.is_notebook = seat.is_notebook
        self.joined_at = 0.0  # when it last connected; 0 while it is disconnected
        self.refusals: list[str] = []  # why the last attempts to reconnect failed
        self._letter = letter
        self._typed = typed
        self._stays = asyncio.create_task(self._stay())

    async def _stay(self) -> None:
        """Stay connected as JupyterLab does (WebsocketProvider of y-websocket)."""
        failed = 0
        while True:
            try:
                await self.room.join()
            except NotGiven as no:
                # Values from 1000 are close codes of connections that had been open.
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
        """Whether the tab is connected and `joined_at` is set."""
        return self.room.is_joined and self.joined_at > 0

    def type(self, token: str) -> None:
        """Insert a token at a random place outside other tokens."""
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
        """The cells with their IDs, or the text with an empty ID."""
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
    """Many people who have the same documents open. Call all methods from the test's own thread."""

    def __init__(
        self, seats: dict[str, list[Seat]], numbers: Iterator[int], before: "Crowd | None" = None
    ) -> None:
        """Open documents. `seats` are by the person's letter. `before` is an earlier crowd, whose work these people continue."""
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
            raise TimeoutError(f"some people could not open their documents within {COME} s: {self.away}")
        for tab in self._all():
            # The initial content counts as typed and seen.
            there = {token for _, source in tab.content for token in tokens(source)}
            self.typed[tab.room.seat.path].all |= there
            self.typed[tab.room.seat.path].seen |= there

    def _all(self, path: str = "") -> list[Tab]:
        every = itertools.chain.from_iterable(self.tabs.values())
        return [tab for tab in every if path in ("", tab.room.seat.path)]

    # Typing

    @contextmanager
    def typing(self, pace: float = PACE) -> Iterator[None]:
        """Have everyone type at random places during the block, even without a connection."""
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
        """Wait until everyone has reconnected, and return whether they have within `timeout` seconds."""
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
        """When the last tab connected."""
        return max(tab.joined_at for tab in self._all())

    @property
    def away(self) -> list[str]:
        """For each tab that is not back, why its last attempt to reconnect failed."""
        return [tab.refusals[-1] if tab.refusals else "?" for tab in self._all() if not tab.is_back]

    # Looking

    def delays(self) -> list[float]:
        """Return the seconds that each token took to reach another person's screen, for tokens that arrived since the last call."""
        new = [delay for typed in self.typed.values() for delay in typed.delays]
        for typed in self.typed.values():
            typed.delays.clear()
        return new

    def copies(self, path: str) -> list[list[tuple[str, str]]]:
        """Return the content of a document in each connected tab."""
        return background.call(
            lambda: [tab.content for tab in self._all(path) if tab.room.is_joined],
        )

    # Leaving

    def close(self) -> None:
        """Close all tabs."""
        background.run(_gather(tab.close() for tab in self._all()))
        self.tabs = {}

    def vanish(self) -> None:
        """Make all tabs disappear at once, as in a crash of the browsers."""

        async def gone() -> None:
            typing, self._typing = self._typing, []
            for task in typing:
                task.cancel()
            await _gather(tab.vanish() for tab in self._all())

        background.run(gone())
        self.tabs = {}
        for typed in self.typed.values():
            typed.all = typed.seen  # what nobody else had seen is gone with its tab


async def _gather(work: Iterable[Any]) -> None:
    await asyncio.gather(*work)


def twice(copies: Iterable[list[tuple[str, str]]]) -> set[str]:
    """Return tokens and cells that are in one copy more than once."""
    found: set[str] = set()
    for copy in copies:
        counted = Counter(token for _, source in copy for token in tokens(source))
        counted.update(f"cell {name}" for name, _ in copy)
        found |= {what for what, number in counted.items() if number > 1}
    return found
