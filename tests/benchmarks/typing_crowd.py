# SPDX-License-Identifier: GPL-3.0-or-later
"""People who type into one notebook at the same time. Reads what they do, as a line of JSON, and prints what they saw as another;
and so on as long as there are lines.

A process of its own, so that what it takes itself can be told from what the server takes. Not everyone can have a whole copy of
the notebook here, as they have in their browsers: a few have, and measure. The others type, or watch, and count what they get.
"""

import asyncio
import gc
import itertools
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from pycrdt import TextEvent

from people.room import Room, Seat
from people.sockets import Door

WHOLE = 4  # people at most who have a whole copy
LATE = 5.0  # seconds after which an edit that nobody has seen is not waited for
JOIN_AT_ONCE = 10
TICKS = os.sysconf("SC_CLK_TCK")
RENEWAL = 15.0  # seconds after which each open tab says that it is there
ASK_SECONDS = 0.02
PATIENCE = 60  # seconds until a server that was busy before must be at rest


@dataclass(frozen=True)
class Task:
    """What the crowd does: with what it joins, how many type, by default one character a second each, how many watch, and for how long."""

    url: str
    headers: dict[str, str]
    user: dict[str, Any]
    path: str
    typing: int
    watching: int
    warm_up: float
    seconds: float
    processes: dict[str, int]  # what to look at meanwhile: names and numbers of processes
    rate: float = 1  # characters a second of each
    status: str = ""  # an address at which the server answers; how long that takes is measured meanwhile


@dataclass(frozen=True)
class Seen:
    """Delays are in milliseconds, from a keystroke until it is on someone else's copy; `share` is of those seen before `LATE`.

    cpu: seconds of each process by second, rss: bytes of each at the end.
    """

    delays: list[float]
    share: float
    typed: float  # characters a second
    messages: float  # that all people together got in a second
    cpu: dict[str, float]
    rss: dict[str, int]
    opened: float = 0  # seconds that the first one took to have the document
    stopped: float = 0  # milliseconds that the server has not answered for, at most


class Typist(Room):
    """Someone in the notebook, who has a cell to type into and, with a whole copy, sees what the others type."""

    def __init__(self, seat: Seat, cell: int, whole: bool, crowd: "Crowd") -> None:
        super().__init__(seat)
        self.messages = 0
        self.whole = whole
        self._cell = cell
        self._crowd = crowd

    async def sit_down(self) -> None:
        await self.join()
        self._end = len(self.read(self._cell)) if self._cell >= 0 else 0
        if self.whole:
            self._require_notebook().ycells.observe_deep(self._on_cells)

    def type(self) -> None:
        """Type one character at the end of this person's cell."""
        self._crowd.note_typed((self._cell, self._end))
        self.insert(self._end, "x", cell=self._cell)
        self._end += 1

    def renew(self) -> None:
        """Report this person's presence, before the room does."""
        self._awareness.set_local_state(self._awareness.get_local_state())

    def _receive(self, message: str | bytes) -> None:
        self.messages += 1
        if self.whole or not self._synced.done():
            super()._receive(message)

    def _on_cells(self, events: list[Any]) -> None:
        """Note what others have typed: each has a cell, and what comes to its end is a character by each keystroke."""
        if not self._receiving:
            return
        # A program may change something else, too.
        texts: list[Any] = [event for event in events if isinstance(event, TextEvent)]
        for event in texts:
            cell, place = event.path[0], 0
            for part in event.delta:
                place += part.get("retain", 0)
                for _character in part.get("insert", ""):
                    self._crowd.note_seen((cell, place))
                    place += 1


class Crowd:
    """All who are in the notebook, when which character was typed, and how long it took until it was seen."""

    def __init__(self, task: Task) -> None:
        self._task = task
        number = task.typing + task.watching
        seat = Seat(task.path, True, Door(task.url, task.headers), task.user)
        # Those with a whole copy are the last who have come: watchers, where there are any.
        self.people = [
            Typist(seat, index if index < task.typing else -1, index >= number - WHOLE, self)
            for index in range(number)
        ]
        self.typists = self.people[: task.typing]
        self._typed: dict[tuple[int, int], float] = {}
        self._delays: list[float] = []
        self._stopped = 0.0
        self._counts = False

    def note_typed(self, key: tuple[int, int]) -> None:
        if self._counts:
            self._typed[key] = time.perf_counter()

    def note_seen(self, key: tuple[int, int]) -> None:
        if key in self._typed:
            self._delays.append(time.perf_counter() - self._typed[key])

    async def type(self, seconds: float) -> None:
        """Have everyone type so many characters a second, spread evenly over the second."""
        rate = self._task.rate * len(self.typists)
        async for index in ticks(1 / rate, round(seconds * rate)):
            self.typists[index % len(self.typists)].type()

    async def renew(self) -> None:
        """Have everyone say that they are there, spread evenly: they have come at once, and would all say it at once."""
        async for index in ticks(RENEWAL / len(self.people)):
            self.people[index % len(self.people)].renew()

    async def run(self) -> Seen:
        await self._quiet()
        opening = time.perf_counter()
        await self.people[0].sit_down()
        opened = time.perf_counter() - opening
        for some in chunks(self.people[1:], JOIN_AT_ONCE):
            await asyncio.gather(*(person.sit_down() for person in some))
        await self._quiet()  # all have been told of all, which is more than they type
        renewing = asyncio.create_task(self.renew())
        await self.type(self._task.warm_up)
        self._counts = True
        asking = asyncio.create_task(self._ask())
        begin, cpu, messages = time.perf_counter(), self._cpu(), self._messages()
        await self.type(self._task.seconds)
        took = time.perf_counter() - begin
        cpu = {name: (now - cpu[name]) / took for name, now in self._cpu().items()}
        messages = self._messages() - messages
        expected = sum(
            len(self._typed) - sum(cell == person._cell for cell, _place in self._typed)
            for person in self.people
            if person.whole
        )
        while len(self._delays) < expected and time.perf_counter() < begin + took + LATE:
            await asyncio.sleep(0.01)
        in_time = sorted(delay for delay in self._delays if delay <= LATE)
        delays = in_time + [LATE] * (expected - len(in_time))
        rss = {name: rss_of(pid) for name, pid in self._processes().items()}
        renewing.cancel()
        asking.cancel()
        # Nobody says goodbye: that would be a message of each to each.
        await asyncio.gather(*(person.vanish() for person in self.people))
        return Seen(
            [1000 * delay for delay in delays],
            len(in_time) / expected,
            len(self._typed) / took,
            messages / took,
            cpu,
            rss,
            opened,
            1000 * self._stopped,
        )

    async def _ask(self) -> None:
        """Ask the server again and again, and note the longest time that it has not answered for."""
        if not self._task.status:
            return
        async with httpx.AsyncClient(headers=self._task.headers, timeout=PATIENCE) as client:
            while True:
                began = time.perf_counter()
                await client.get(self._task.status)
                self._stopped = max(self._stopped, time.perf_counter() - began)
                await asyncio.sleep(ASK_SECONDS)

    async def _quiet(self) -> None:
        """Wait until the processes have nothing to do any more from what was before."""
        deadline = time.perf_counter() + PATIENCE
        while time.perf_counter() < deadline:
            before = sum(map(cpu_of, self._task.processes.values()))
            await asyncio.sleep(0.5)
            if sum(map(cpu_of, self._task.processes.values())) - before < 0.05:
                return
        raise TimeoutError(f"{', '.join(self._task.processes)} are still busy after {PATIENCE} s")

    def _processes(self) -> dict[str, int]:
        return {**self._task.processes, "clients": os.getpid()}

    def _cpu(self) -> dict[str, float]:
        return {name: cpu_of(pid) for name, pid in self._processes().items()}

    def _messages(self) -> int:
        return sum(person.messages for person in self.people)


async def ticks(interval: float, number: int | None = None) -> AsyncIterator[int]:
    """Count from 0, one each `interval` seconds. Who comes late catches up."""
    begin = time.perf_counter()
    for index in itertools.count() if number is None else range(number):
        await asyncio.sleep(begin + index * interval - time.perf_counter())
        yield index


def chunks(people: list[Typist], size: int) -> Iterator[list[Typist]]:
    for start in range(0, len(people), size):
        yield people[start : start + size]


def cpu_of(pid: int) -> float:
    """Return how many seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_of(pid: int) -> int:
    """Return how many bytes of memory a process has in use."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def main() -> None:
    for line in sys.stdin:
        seen = await Crowd(Task(**json.loads(line))).run()
        print(json.dumps(asdict(seen)), flush=True)
        gc.collect()  # now, and not while the next people type


if __name__ == "__main__":
    asyncio.run(main())
