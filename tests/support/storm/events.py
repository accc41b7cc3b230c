# SPDX-License-Identifier: GPL-3.0-or-later
"""What has happened to each file, where each word was, and who is working on the file."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .files import Kind

KEPT = 400  # events of each file
BEGAN = time.monotonic()


@dataclass(frozen=True)
class Event:
    """What a person or program did to a file. `gone` and `new` are the words that this removed and added."""

    at: float
    who: str
    what: str
    gone: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()

    def __str__(self) -> str:
        words = [f"-{' -'.join(sorted(self.gone))}"] if self.gone else []
        words += [f"+{' +'.join(sorted(self.new))}"] if self.new else []
        return " ".join([f"{self.at - BEGAN:8.2f} {self.who:9} {self.what}", *words])


@dataclass
class Word:
    """A word that a person typed. `seen`: another person has seen it; `saved`: the file has contained it."""

    who: str
    at: float
    seen: bool = False
    saved: bool = False
    deleted_at: float = 0.0  # when a person deleted it on purpose, or 0
    removed_at: float = 0.0  # when the file, which had contained it, last did not

    @property
    def deleted(self) -> bool:
        return self.deleted_at > 0


@dataclass
class Item:
    """A file. `place` is its current path below the server's directory, and `home` its initial path."""

    kind: Kind
    root: Path
    home: str
    place: str
    words: dict[str, Word] = field(default_factory=dict)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=KEPT))
    revisions: list[str] = field(default_factory=list)  # Git revisions that contain the complete file
    # Writes by programs since the last quiet moment: the program's new word, and all words that it wrote.
    writes: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)  # words that people have deleted
    made_at: float = 0.0  # when a new file last replaced it
    _writers: int = 0
    _free: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def path(self) -> Path:
        return self.root / self.place

    def note(self, who: str, what: str, before: Iterable[str] = (), after: Iterable[str] = ()) -> None:
        gone, new = set(before), set(after)
        self.events.append(Event(time.monotonic(), who, what, frozenset(gone - new), frozenset(new - gone)))

    def history(self, word: str = "", number: int = 40) -> list[str]:
        """Return the last `number` events, and all events that involve a word."""
        last = len(self.events) - number
        return [
            str(event)
            for index, event in enumerate(self.events)
            if index >= last or (word and (word in event.gone | event.new or word in event.what))
        ]

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Prevent moves of the file during the block. Others can still write it."""
        async with self._free:
            await self._free.wait_for(lambda: self._writers >= 0)
            self._writers += 1
        try:
            yield
        finally:
            async with self._free:
                self._writers -= 1
                self._free.notify_all()

    @asynccontextmanager
    async def moving(self) -> AsyncIterator[None]:
        """Prevent all other programs from using the file during the block."""
        async with self._free:
            await self._free.wait_for(lambda: self._writers == 0)
            self._writers = -1
        try:
            yield
        finally:
            async with self._free:
                self._writers = 0
                self._free.notify_all()


class Words:
    """A source of unique words."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new(self, letter: str) -> str:
        return f"<{letter}{next(self._numbers):05}>"
