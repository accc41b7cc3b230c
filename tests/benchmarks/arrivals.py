# SPDX-License-Identifier: GPL-3.0-or-later
"""Many people who come to one server: what telling everyone who is there costs it, and what open pages cost that do nothing.

`cases/arrivals.py` measures this on a hub in a container. Without a container, on servers without a hub that this starts on this machine:

    python -m benchmarks.arrivals 60 300 1000 [--pages 10 30 100]
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

import plain_http
from benchmarks.typing_crowd import cpu_of
from here import PRESENCE, Here
from jupyterhub_collab.server.watching import AWARENESS, message_of, tabs_in
from local_server import TOKEN, Configured
from people.errors import NotGiven
from people.sockets import Door, dial

EVENTS, PAGES = "api/events/subscribe", "api/collaboration/room/JupyterLab:globalAwareness"
STATUS = "api/status"
ARRIVING, OPEN = (60, 300, 1000), (10, 30, 100)
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

    url: str
    process: int
    headers: dict[str, str]

    def door(self, path: str, headers: dict[str, str] | None = None) -> Door:
        return Door(f"{self.url.replace('http', 'ws', 1)}/{path}", headers or self.headers)


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
            socket = await dial(door)
        except (OSError, NotGiven):
            self.disconnected += 1
            return
        self.readers.append(asyncio.create_task(self._read(len(self.sockets), socket, hear)))
        self.sockets.append(socket)

    async def _read(self, index: int, socket: ClientConnection, hear: Hear | None) -> None:
        try:
            while True:
                message = await socket.recv(decode=False)
                self.received += len(message)
                self.messages += 1
                if hear is not None:
                    await hear(index, socket, message)
        except ConnectionClosed:
            self.disconnected += 1

    async def leave(self) -> None:
        for each in self.readers:
            each.cancel()
        await asyncio.gather(*self.readers, return_exceptions=True)
        for socket in self.sockets:
            socket.transport.abort()


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


async def arrive(place: Place, doors: list[Door]) -> dict[str, float]:
    """Have people open a page each, wait until all of them are known to the first one, and return what that has cost the server."""
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


async def stay(place: Place, doors: list[Door], seconds: float = PAGE_SECONDS) -> dict[str, float]:
    """Have people open the room of all pages, do nothing as JupyterLab does, and return what that costs the server."""
    crowd = Crowd()
    clocks: list[dict[int, int]] = [{} for _door in doors]

    async def repeat(index: int, socket: ClientConnection, message: bytes) -> None:
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
            await socket.send(message_of(news))

    await crowd.join(doors, repeat)
    begin, cpu, messages = time.monotonic(), cpu_of(place.process), crowd.messages
    index = 0
    while time.monotonic() < begin + seconds:
        socket, turn = crowd.sockets[index % len(doors)], 1 + index // len(doors)
        user = {
            "username": f"user-{index % len(doors)}",
            "name": "A Person",
            "initials": "AP",
            "color": "#ffad8e",
        }
        state = json.dumps({"user": user, "current": "notebook:RTC:work.ipynb", "documents": ["work.ipynb"]})
        try:
            await socket.send(message_of([(FIRST_TAB + index % len(doors), turn, state.encode())]))
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
def local_place(how: str) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as directory:
        server = Configured(Path(directory), AS_BEFORE if how == BEFORE else "")
        server.start()
        assert server._process is not None
        try:
            yield Place(server.address, server._process.pid, TOKEN)
        finally:
            server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("visitors", nargs="*", type=int, default=list(ARRIVING))
    parser.add_argument("--pages", nargs="*", type=int, default=list(OPEN))
    given = parser.parse_args()
    for work, path, numbers in ((arrive, EVENTS, given.visitors), (stay, PAGES, given.pages)):
        for number in numbers:
            for how in (NOW, BEFORE):
                with local_place(how) as place:
                    seen = asyncio.run(work(place, [place.door(path)] * number))
                shown = ", ".join(f"{value:.2f} {name}" for name, value in seen.items())
                print(f"{work.__name__} {number}, told {how}: {shown}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1].startswith("http"):
        ask_until_told(sys.argv[1], json.loads(sys.argv[2]))
    else:
        main()
