# SPDX-License-Identifier: GPL-3.0-or-later
"""A storm: rounds in which people type, programs write, and the server is stopped, with a quiet moment after each round."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_server import LocalServer

from .events import Item, Words
from .files import ten_files
from .judge import Judge, Violation
from .people import Person, Tab
from .programs import Programs

ROUND = (4.0, 9.0)  # seconds
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL, signal.SIGQUIT)
ASKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # the others end the server immediately
AWAY = (0.0, 0.5, 2.5)  # seconds until the server is started again
STOP_SECONDS = 10  # after this, JupyterHub kills the server
CALM = 3.0  # seconds without a change that make a moment quiet
PATIENCE = 40  # seconds until it must be quiet


class PlainServer(LocalServer):
    """A server with plain jupyter-collaboration."""

    @property
    def environment(self) -> dict[str, str]:
        return {}


@dataclass
class Outcome:
    """The results of a storm."""

    seed: int
    seconds: float = 0
    rounds: int = 0
    typed: int = 0
    counted: int = 0  # words that others had seen or that were in a file
    own_lost: int = 0  # lost words that only their author had seen
    copies: int = 0
    overwritten: int = 0
    longest_stop: float = 0
    stops: dict[str, int] = field(default_factory=dict)
    programs: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)  # number of violations by rule
    unopened: list[str] = field(default_factory=list)  # files that nobody could open


class Storm:
    """A server, its files, people and programs.

    Args:
        stops: the share of rounds in which the server is stopped.
        plain: whether to run without the collection.
        tell: called with each violation.
    """

    def __init__(
        self,
        directory: Path,
        seed: int,
        *,
        stops: float = 0.6,
        plain: bool = False,
        tell: Callable[[str], Any] = print,
    ) -> None:
        directory.mkdir(parents=True)
        kind = PlainServer if plain else LocalServer
        self.server = (
            kind(directory, f"--SQLiteYStore.db_path={directory}/ystore.db") if plain else kind(directory)
        )
        self.outcome = Outcome(seed)
        self._stops, self._plain, self._tell = stops, plain, tell
        self._dice = random.Random(seed)
        self._up = asyncio.Event()
        root = self.server._root
        folders = ("a", "b")
        self.items = []
        for number, each in enumerate(ten_files()):
            home = f"{folders[number % 2]}/{each.name}"
            self.items.append(Item(each, root, home, home))
            self.items[-1].path.parent.mkdir(exist_ok=True)
            self.items[-1].path.write_bytes(each.made())
        self._words = Words()

    async def run(self, seconds: float) -> Outcome:
        """Run rounds for this many seconds, and return the results."""
        began = time.monotonic()
        self.programs = Programs(self.server, self.items, self._words, self._fork(), self._up)
        self.programs.begin()
        await self._start()
        people = [Person(self.server, self.items, who, self._words, self._fork()) for who in ("alice", "bob")]
        self._tabs = [tab for person in people for tab in person.tabs]
        self._judge = Judge(self.items, self._tabs)
        looking = asyncio.create_task(self._judge.look())
        try:
            while time.monotonic() - began < seconds:
                await self._round(people)
                await self._quiet()
                self.outcome.rounds += 1
        finally:
            looking.cancel()
            for person in people:
                await person.close()
            if self.server.runs:
                self.server.kill()
        self.outcome.seconds = round(time.monotonic() - began, 1)
        self._count()
        return self.outcome

    def _fork(self) -> random.Random:
        return random.Random(self._dice.random())

    async def _round(self, people: list[Person]) -> None:
        ends = time.monotonic() + self._dice.uniform(*ROUND)

        def is_over() -> bool:
            return time.monotonic() > ends

        typing = [asyncio.create_task(person.work()) for person in people]
        working = [
            asyncio.create_task(self.programs.work(program, is_over)) for program in self.programs.works()
        ]
        if self._dice.random() < self._stops:
            working.append(asyncio.create_task(self._stop_and_start(self._dice.uniform(0.3, ROUND[0]))))
        try:
            await asyncio.sleep(ends - time.monotonic())
        finally:
            for task in typing:
                task.cancel()
        await asyncio.gather(*typing, return_exceptions=True)
        await asyncio.gather(*working)

    # The server

    async def _stop_and_start(self, seconds: float) -> None:
        how, away = self._dice.choice(SIGNALS), self._dice.choice(AWAY)
        await asyncio.sleep(seconds)
        self._note(f"receives {how.name}")
        self._up.clear()
        self.programs.down_since = time.monotonic()
        began = time.monotonic()
        self.server.send(how)
        while self.server.runs and time.monotonic() - began < STOP_SECONDS:
            await asyncio.sleep(0.02)
        took = time.monotonic() - began
        if self.server.runs:
            self._broken(
                self._judge.tell("stop", None, f"the server is still running {took:.1f} s after {how.name}")
            )
            self.server.kill()
        if how in ASKED:
            self.outcome.longest_stop = max(self.outcome.longest_stop, round(took, 1))
        self.outcome.stops[how.name] = self.outcome.stops.get(how.name, 0) + 1
        self._note(f"has exited after {took:.2f} s")
        await asyncio.sleep(away)
        await self._start()
        self._note("runs again")

    async def _start(self) -> None:
        await asyncio.to_thread(self.server.start)
        self._up.set()

    def _note(self, what: str) -> None:
        for item in self.items:
            item.note("server", what)

    # Quiet moments

    async def _quiet(self) -> None:
        for tab in self._tabs:
            tab.hurry()
        differing = await self._until_calm()
        for item in differing:
            self._broken(self._judge.tell("differ", item, self._difference(item)))
        for violation in self._judge.judge():
            self._broken(violation)
        for tab in self._tabs:
            if tab.reloads:
                self._broken(self._judge.tell("reload", tab.item, f"{tab.who} had to reopen it"))
                tab.reloads = 0
        for item in differing:
            for tab in self._of(item):
                await tab.reopen()

    async def _until_calm(self) -> list[Item]:
        """Wait until everyone has the same content as the files, and nothing changes any more. Return the files that differ."""
        deadline = time.monotonic() + PATIENCE
        last: list[str] = []
        since = time.monotonic()
        while time.monotonic() < deadline:
            now = [repr(self._state(item)) for item in self.items]
            if now != last or not all(self._is_same(item) for item in self.items):
                last, since = now, time.monotonic()
            elif time.monotonic() - since > CALM:
                return []
            await asyncio.sleep(0.1)
        return [item for item in self.items if not self._is_same(item)]

    def _of(self, item: Item) -> list[Tab]:
        return [tab for tab in self._tabs if tab.item is item]

    def _state(self, item: Item) -> tuple[str, ...]:
        """Return the content of the file, and of each tab."""
        try:
            text = item.kind.text_of(item.path.read_bytes())
        except (OSError, ValueError) as error:
            text = f"{error!r}"
        # Without the collection, byte-order marks and Windows line endings may be part of the text that people see.
        shown = [tab.text.replace("\r\n", "\n").removeprefix("\ufeff") for tab in self._of(item)]
        return text, *shown

    def _is_same(self, item: Item) -> bool:
        if not any(tab.has_had_it for tab in self._of(item)):
            return self._plain  # files that cannot be opened at all are reported once
        return len(set(self._state(item))) == 1 and all(tab.is_there for tab in self._of(item))

    def _difference(self, item: Item) -> str:
        tabs = [
            f"{tab.who} {'is connected' if tab.is_there else f'is disconnected: {tab.refusals[-3:]}'}"
            for tab in self._of(item)
        ]
        texts = [_shortened(text) for text in self._state(item)]
        return "; ".join([*tabs, f"contents of the file at {item.place} and of the tabs: {texts}"])

    def _broken(self, violation: Violation) -> None:
        self._tell(str(violation))

    def _count(self) -> None:
        outcome = self.outcome
        for item in self.items:
            there = set(item.path.read_bytes().decode("latin-1").split("<"))
            for name, word in item.words.items():
                outcome.typed += 1
                outcome.counted += word.seen or word.saved
                known = word.seen or word.saved or word.deleted
                outcome.own_lost += not known and name not in there
        outcome.copies, outcome.overwritten = len(self._judge.copies), self._judge.overwritten
        outcome.programs = self.programs.number
        outcome.unopened = [
            item.kind.name for item in self.items if not any(tab.has_had_it for tab in self._of(item))
        ]
        outcome.broken = dict(Counter(each.rule for each in self._judge.violations))


def _shortened(text: str) -> str:
    return text if len(text) < 400 else f"{text[:150]} ... {text[-150:]}"
