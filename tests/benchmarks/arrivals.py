# SPDX-License-Identifier: GPL-3.0-or-later
"""Many people who come to one server: what telling everyone who is there costs it, and what open pages cost that do nothing.

The servers are without a hub, because a hub admits people more slowly than this. `cases/arrivals.py` measures all of it; or:

    python -m benchmarks.arrivals 60 300 [--pages 10 30] [--megabytes 60]   # to try some of it; the numbers in the document stay
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import plain_http
from benchmarks import Result
from benchmarks.typing_crowd import cpu_of
from here import PRESENCE, Here
from jupyterhub_collab.server.watching import AWARENESS, message_of, tabs_in
from local_server import TOKEN, Configured, LocalServer
from people.errors import NotGiven
from people.sockets import Door, dial

EVENTS, PAGES = "api/events/subscribe", "api/collaboration/room/JupyterLab:globalAwareness"
STATUS = "api/status"
ARRIVING, OPEN, TYPED = (60, 300, 1000), (10, 30, 60), (60,)
ARRIVALS = 20  # a second
SETTLE_SECONDS = 200.0
RENEWAL = 15.0  # seconds between two reports of each page that it is still there
PAGE_SECONDS = 30.0
ASK_SECONDS = 0.02
QUIET = 0.1  # of a core
FIRST_TAB = 1000
NOW, BEFORE = "what changes", "everything, as before"
MEMORY, CPU, STALL, SENT, LOST = (
    "memory, MB more",
    "CPU, s",
    "longest wait, s",
    "sent, MB",
    "disconnected",
)
COME, HAVE, SLEEP = "people come", "pages are open", "MB are typed and one page does not read"
SHARE, MESSAGES = "CPU, % of a core", "messages/s"
# Configuration of a server that tells everyone everything at once, whatever a page says, and waits for slow readers.
AS_BEFORE = """
import asyncio

from jupyterhub_collab.server import awareness, presence, visitors
from pycrdt import read_message


def tell(self):
    self._telling = None
    people = self._people()
    if people != self._told:
        self._told = people
        self._number += 1
        self._events.emit(
            schema_id=presence.SCHEMA_ID, data=self._change(self._number - 1, list(people.values()), [])
        )


def take(self, message, sender):
    for client in self._room.clients:
        asyncio.create_task(client.send(message))
    self._room.awareness.apply_awareness_update(read_message(message[1:]), self._room)


presence.Presence._tell = tell
awareness.PassingOn.take = take
visitors.limit_waiting = lambda socket, most: None
"""
# Called with the number of a page, its websocket, and a message.
Hear = Callable[[int, ClientConnection, bytes], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """A server that is running: its URL, its process, and the headers of someone who can ask it."""

    server: LocalServer
    url: str
    process: int
    headers: dict[str, str]

    def door(self, path: str) -> Door:
        return Door(f"{self.url.replace('http', 'ws', 1)}/{path}", self.headers)


@dataclass
class Crowd:
    """Pages of different people: the websockets that they have open, and what they have received."""

    sockets: list[ClientConnection] = field(default_factory=list)
    readers: list[asyncio.Task[None]] = field(default_factory=list)
    received: int = 0
    messages: int = 0
    disconnected: int = 0

    async def join(self, doors: list[Door], hear: Hear | None = None) -> None:
        """Open the websockets at a steady pace, or as fast as the server takes them."""
        begin = time.monotonic()
        await asyncio.gather(
            *(self._open(door, begin + index / ARRIVALS, hear) for index, door in enumerate(doors))
        )

    async def _open(self, door: Door, when: float, hear: Hear | None) -> None:
        await asyncio.sleep(when - time.monotonic())
        try:
            opened = await dial(door)
        except (OSError, NotGiven):
            self.disconnected += 1
            return
        self.readers.append(asyncio.create_task(self._read(len(self.sockets), opened, hear)))
        self.sockets.append(opened)

    async def _read(self, index: int, source: ClientConnection, hear: Hear | None) -> None:
        try:
            while True:
                message = await source.recv(decode=False)
                self.received += len(message)
                self.messages += 1
                if hear is not None:
                    await hear(index, source, message)
        except ConnectionClosed:
            self.disconnected += 1

    async def leave(self) -> None:
        for each in self.readers:
            each.cancel()
        await asyncio.gather(*self.readers, return_exceptions=True)
        for opened in self.sockets:
            opened.transport.abort()


class Witness(Here):
    """A page that follows who is there."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    async def listen(self, _index: int, _socket: ClientConnection, message: bytes) -> None:
        event = json.loads(message)
        if not self.hear(event):
            url = f"{self._place.url}/{PRESENCE}"
            answer = await asyncio.to_thread(plain_http.get, url, headers=self._place.headers, timeout=60)
            self.learn(answer.raise_for_status().json())
            self.hear(event)


async def come(place: Place, people: int) -> dict[str, float]:
    """Have people open a page each, wait until all of them are known to the first one, and return what that has cost the server."""
    doors = people * [place.door(EVENTS)]
    witness, first, crowd = Witness(place), Crowd(), Crowd()
    before, cpu = peak_of(place.process, anew=True), cpu_of(place.process)
    with longest_wait(place) as waited:
        await first.join(doors[:1], witness.listen)
        await crowd.join(doors[1:])
        begin = time.monotonic()
        while time.monotonic() < begin + SETTLE_SECONDS:
            used = cpu_of(place.process)
            await asyncio.sleep(1)
            for each in (*first.readers, *crowd.readers):
                if each.done():
                    each.result()
            is_quiet = cpu_of(place.process) - used < QUIET
            if is_quiet and len(witness.people) + crowd.disconnected >= len(doors):
                break
    seen = {
        MEMORY: (peak_of(place.process) - before) / 1e6,
        CPU: cpu_of(place.process) - cpu,
        STALL: waited[0],
        SENT: (first.received + crowd.received) / 1e6,
        LOST: float(first.disconnected + crowd.disconnected),
    }
    await crowd.leave()
    await first.leave()
    return seen


async def have_open(place: Place, pages: int, seconds: float = PAGE_SECONDS) -> dict[str, float]:
    """Have people open the room of all pages, do nothing as JupyterLab does, and return what that costs the server."""
    doors = pages * [place.door(PAGES)]
    crowd = Crowd()
    clocks: list[dict[int, int]] = [{} for _door in doors]

    async def repeat(index: int, page: ClientConnection, message: bytes) -> None:
        """Tell the server what this page has heard of others, as y-websocket does."""
        if message[0] != AWARENESS:
            return
        known = clocks[index]
        news = [
            each
            for each in tabs_in(message)
            if each[0] != FIRST_TAB + index and each[1] > known.get(each[0], 0)
        ]
        known |= {tab: clock for tab, clock, _state in news}
        if news:
            await page.send(message_of(news))

    await crowd.join(doors, repeat)
    begin, cpu, messages = time.monotonic(), cpu_of(place.process), crowd.messages
    index = 0
    while time.monotonic() < begin + seconds:
        page, turn = crowd.sockets[index % len(doors)], 1 + index // len(doors)
        user = {
            "username": f"user-{index % len(doors)}",
            "name": "A Person",
            "initials": "AP",
            "color": "#ffad8e",
        }
        state = json.dumps({"user": user, "current": "notebook:RTC:work.ipynb", "documents": ["work.ipynb"]})
        try:
            await page.send(message_of([(FIRST_TAB + index % len(doors), turn, state.encode())]))
        except ConnectionClosed:
            crowd.disconnected += 1
        index += 1
        await asyncio.sleep(max(0.0, begin + index * RENEWAL / len(doors) - time.monotonic()))
    took = time.monotonic() - begin
    seen = {
        SHARE: 100 * (cpu_of(place.process) - cpu) / took,
        MESSAGES: (crowd.messages - messages) / took,
    }
    await crowd.leave()
    return seen


async def type_on(place: Place, megabytes: int) -> dict[str, float]:
    """Have someone change this much of a document while another page that has it open reads nothing, and return what the server keeps."""
    place.server.write("typed.txt", "")
    seat = place.server.seat("typed.txt")
    before = peak_of(place.process, anew=True)
    typist = await place.server.open("typed.txt")
    narrow = socket.create_connection(("127.0.0.1", int(place.url.rpartition(":")[2])))
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
    sleeper = await connect(
        seat.door.url, sock=narrow, additional_headers=TOKEN, proxy=None, compression=None
    )
    sleeper.transport.pause_reading()
    for _each in range(megabytes):
        typist.insert(0, 1_000_000 * "x")
        typist.delete(0, 1_000_000)
        await typist.save()
    seen = {MEMORY: (peak_of(place.process) - before) / 1e6}
    sleeper.transport.abort()
    await typist.leave()
    return seen


def peak_of(process: int, *, anew: bool = False) -> int:
    """Return the most memory that a process has used at once, in bytes; since now if `anew`."""
    if anew:
        Path(f"/proc/{process}/clear_refs").write_text("5")
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@contextmanager
def longest_wait(place: Place) -> Iterator[list[float]]:
    """Ask the server again and again from another process. Afterwards, the list has the longest time until an answer, in seconds."""
    command = [sys.executable, __file__, f"{place.url}/{STATUS}", json.dumps(place.headers)]
    waited: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield waited
        finally:
            waited.append(float(process.communicate("\n")[0] or "nan"))


def ask_until_told(url: str, headers: dict[str, str]) -> None:
    import select  # noqa: PLC0415
    import urllib.request  # noqa: PLC0415

    longest = 0.0
    while not select.select([sys.stdin], [], [], ASK_SECONDS)[0]:
        begin = time.monotonic()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=120):
                pass
        except OSError:
            pass
        longest = max(longest, time.monotonic() - begin)
    print(longest)


@contextmanager
def begun(how: str) -> Iterator[Place]:
    """Start a server that tells people this."""
    with tempfile.TemporaryDirectory() as directory:
        server = Configured(Path(directory), AS_BEFORE if how == BEFORE else "")
        server.start()
        assert server._process is not None
        try:
            yield Place(server, server.address, server._process.pid, TOKEN)
        finally:
            server.kill()


def measure_here(
    rounds: int = 1,
    arriving: Sequence[int] = ARRIVING,
    pages: Sequence[int] = OPEN,
    typed: Sequence[int] = TYPED,
) -> Result:
    """Measure with servers of both kinds in turns."""
    rows: dict[str, dict[str, list[float]]] = {}

    for turn in range(rounds):
        for work, what, numbers in (
            (come, COME, arriving),
            (have_open, HAVE, pages),
            (type_on, SLEEP, typed),
        ):
            for number in numbers:
                for how in (NOW, BEFORE) if turn % 2 == 0 else (BEFORE, NOW):
                    with begun(how) as place:
                        seen = asyncio.run(work(place, number))
                    row = rows.setdefault(f"{number} {what}, told {how}", {})
                    for column, measured in seen.items():
                        row.setdefault(column, []).append(measured)
                    print(f"{number} {what}, told {how}: {seen}", flush=True)
    return Result(rows, reading(rows) if (*arriving, *pages, *typed) == (*ARRIVING, *OPEN, *TYPED) else "")


def reading(rows: dict[str, dict[str, list[float]]]) -> str:
    def both(what: str, column: str, unit: str) -> str:
        now, before = (statistics.median(rows[f"{what}, told {how}"][column]) for how in (NOW, BEFORE))
        return f"{now:.0f} {unit} instead of {before:.0f}"

    most, pages, typed = f"{ARRIVING[-1]} {COME}", f"{OPEN[-1]} {HAVE}", f"{TYPED[-1]} {SLEEP}"
    lost = statistics.median(rows[f"{most}, told {NOW}"][LOST])
    return (
        f"When {ARRIVING[-1]} people come within a minute, the server sends {both(most, SENT, 'MB')}, and needs "
        f"{both(most, CPU, 's of CPU time')}. The longest wait for an answer is {both(most, STALL, 's')}, and {lost:.0f} people are "
        f"disconnected. {OPEN[-1]} open pages that do nothing cost {both(pages, SHARE, '% of a core')}. While {TYPED[-1]} MB are typed and "
        f"a page does not read them, the server's memory grows by {both(typed, MEMORY, 'MB')}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("visitors", nargs="*", type=int)
    parser.add_argument("--pages", nargs="*", type=int, default=[])
    parser.add_argument("--megabytes", nargs="*", type=int, default=[])
    given = parser.parse_args()
    measure_here(1, given.visitors, given.pages, given.megabytes)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1].startswith("http"):
        ask_until_told(sys.argv[1], json.loads(sys.argv[2]))
    else:
        main()
