# SPDX-License-Identifier: GPL-3.0-or-later
"""People who type into one notebook at the same time. For each line of JSON on stdin, a `Task`, print a line of JSON, a `Seen`.

The crowd is a separate process, so that its CPU time can be distinguished from the server's. Browsers hold a whole copy of the notebook,
but this process cannot hold one for everyone: a few people have a copy and measure. The others type or watch, and count messages.
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

WHOLE = 4  # maximum number of people who have a whole copy
LATE = 5.0  # seconds to wait for an edit to arrive
JOIN_AT_ONCE = 10
TICKS = os.sysconf("SC_CLK_TCK")
RENEWAL = 15.0  # seconds between two reports of presence by each open tab
ASK_SECONDS = 0.02
PATIENCE = 60  # seconds until a busy server must be idle


@dataclass(frozen=True)
class Task:
    """What the crowd does: where it joins, how many people type and watch, and for how many seconds."""

    url: str
    headers: dict[str, str]
    user: dict[str, Any]
    path: str
    typing: int
    watching: int
    warm_up: float
    seconds: float
    processes: dict[str, int]  # name and ID of the processes to measure
    rate: float = 1  # characters per second and person
    status: str = ""  # a URL of the server to time while people type, if not empty


@dataclass(frozen=True)
class Seen:
    """What the crowd measured.

    Attributes:
        delays: milliseconds from a keystroke until it is in another person's copy.
        share: the share of keystrokes that arrived within `LATE` seconds.
        cpu: CPU seconds per second of each process.
        rss: bytes of memory of each process at the end.
    """

    delays: list[float]
    share: float
    typed: float  # characters per second
    messages: float  # messages per second that all people together received
    cpu: dict[str, float]
    rss: dict[str, int]
    opened: float = 0  # seconds until the first person had the document
    stopped: float = 0  # longest time without an answer from the server, in milliseconds


class Typist(Room):
    """A person who has a cell to type into, and sees what others type if `whole`."""

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
        """Report this person's presence before the room does it."""
        self._awareness.set_local_state(self._awareness.get_local_state())

    def _receive(self, message: str | bytes) -> None:
        self.messages += 1
        if self.whole or not self._synced.done():
            super()._receive(message)

    def _on_cells(self, events: list[Any]) -> None:
        """Record the keystrokes of others. Each person types at the end of their own cell, one character per keystroke."""
        if not self._receiving:
            return
        # A program may also change other things than text.
        texts: list[Any] = [event for event in events if isinstance(event, TextEvent)]
        for event in texts:
            cell, place = event.path[0], 0
            for part in event.delta:
                place += part.get("retain", 0)
                for _character in part.get("insert", ""):
                    self._crowd.note_seen((cell, place))
                    place += 1


class Crowd:
    """All people in the notebook, and when each character was typed and seen."""

    def __init__(self, task: Task) -> None:
        self._task = task
        number = task.typing + task.watching
        seat = Seat(task.path, True, Door(task.url, task.headers), task.user)
        # The last to join have a whole copy: watchers, if there are any.
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
        """Have everyone type at the task's rate, spread evenly over each second."""
        rate = self._task.rate * len(self.typists)
        async for index in ticks(1 / rate, round(seconds * rate)):
            self.typists[index % len(self.typists)].type()

    async def renew(self) -> None:
        """Have everyone report their presence, spread evenly. They joined together, and would otherwise all report together."""
        async for index in ticks(RENEWAL / len(self.people)):
            self.people[index % len(self.people)].renew()

    async def run(self) -> Seen:
        await self._quiet()
        opening = time.perf_counter()
        await self.people[0].sit_down()
        opened = time.perf_counter() - opening
        for some in chunks(self.people[1:], JOIN_AT_ONCE):
            await asyncio.gather(*(person.sit_down() for person in some))
        await self._quiet()  # announcing everyone to everyone is more traffic than the typing
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
        # Disconnect without announcing it, which would send a message from everyone to everyone.
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
        """Request the status URL repeatedly, and record the longest time until an answer."""
        if not self._task.status:
            return
        async with httpx.AsyncClient(headers=self._task.headers, timeout=PATIENCE) as client:
            while True:
                began = time.perf_counter()
                await client.get(self._task.status)
                self._stopped = max(self._stopped, time.perf_counter() - began)
                await asyncio.sleep(ASK_SECONDS)

    async def _quiet(self) -> None:
        """Wait until the processes have finished earlier work and are idle. Raise TimeoutError after `PATIENCE` seconds."""
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
    """Yield 0, 1, 2, ... every `interval` seconds. If the caller is late, catch up."""
    begin = time.perf_counter()
    for index in itertools.count() if number is None else range(number):
        await asyncio.sleep(begin + index * interval - time.perf_counter())
        yield index


def chunks(people: list[Typist], size: int) -> Iterator[list[Typist]]:
    for start in range(0, len(people), size):
        yield people[start : start + size]


def cpu_of(pid: int) -> float:
    """Return the CPU time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_of(pid: int) -> int:
    """Return the resident memory of a process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def main() -> None:
    for line in sys.stdin:
        seen = await Crowd(Task(**json.loads(line))).run()
        print(json.dumps(asdict(seen)), flush=True)
        gc.collect()  # now, so that it does not happen while the next crowd types


if __name__ == "__main__":
    asyncio.run(main())
