# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a hub, on which people use the shared server together."""

import asyncio
import contextlib
import itertools
import json
import string
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
from testinfra.host import Host

from people import Failed, Hub, NotGiven, Person, Server, background
from people.room import Seat
from scenario import PASSWORDS, ROOT, Platform

from .crowd import Crowd, tokens

OWNER = "shared"
HOME = f"/home/{OWNER}"
NAMES = ("alice", "bob", "carol")
PEOPLE = 10
LINES = 6  # of a document at the beginning: lines of a text, or cells of a notebook
START_TIMEOUT = 150  # seconds; a server that does not stop keeps the next one waiting
POLL = 0.05  # seconds
FILES = ROOT / "molecule/editing/files"

Content = list[tuple[str, str]]  # cells, or one text, each with its name


class Answers:
    """When the shared server, seen from where people are, has answered for the first time after it did not."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.again = time.monotonic()
        self._is_away = False
        self._task = background.call(lambda: asyncio.create_task(self._ask()))

    async def _ask(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while True:
                asked = time.monotonic()
                try:
                    answers = (await client.get(self._url)).status_code == 200
                except httpx.TransportError:
                    answers = False
                if answers and self._is_away:
                    # The first time only: if it does not answer once more while people come back, that is their waiting.
                    self.again, self._is_away = asked, False
                    return
                self._is_away = not answers
                await asyncio.sleep(POLL)

    def wait(self, timeout: float) -> None:
        """Wait until it answers, if it was seen not to; not for ever."""
        deadline = time.monotonic() + timeout
        while self._is_away and time.monotonic() < deadline:
            time.sleep(POLL)

    def close(self) -> None:
        background.call(self._task.cancel)


class Site:
    """The host, its hub, and ten people who are logged in: some of them twice or more, as with several browsers."""

    def __init__(self, platform: Platform, host: Host, hub: Hub) -> None:
        self.platform = platform
        self.host = host
        self.hub = hub
        letters = zip(string.ascii_lowercase[:PEOPLE], itertools.cycle(NAMES), strict=False)
        self.people = {letter: hub.login(name, PASSWORDS[name]) for letter, name in letters}
        self._servers: dict[str, Server] = {}  # as people's browsers have it open, by letter
        self._numbers = itertools.count(1)
        self.started = 0.0  # when the hub last said that the server has started

    @property
    def anybody(self) -> Person:
        """Someone without special rights, who may start and stop the server as everyone may."""
        return self.people["b"]

    # The server

    def start(self) -> None:
        """Start the shared server, as soon as the hub takes that, and wait until it is ready."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                self.anybody.start(OWNER)
                self.started = time.monotonic()
                return
            except Failed:  # it is stopping
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def stop(self) -> float:
        """Stop the shared server; how many seconds it took until its processes were gone."""
        began = time.monotonic()
        self.anybody.stop(OWNER)
        while self.processes:
            time.sleep(POLL)
        return time.monotonic() - began

    @property
    def processes(self) -> list[str]:
        """Those of the shared server."""
        return str(self.host.run("pgrep --uid %s", OWNER).stdout).split()

    @contextmanager
    def at_once(self, command: str) -> Iterator[Callable[[], None]]:
        """A command on the host that is run at the moment at which what this gives is called, without a delay."""
        script = f"echo ready; read go; {command}; echo done"
        arguments = ["podman", "exec", "--interactive", self.platform.name, "sh", "-c", script]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin
            assert process.stdout
            process.stdout.readline()

            def go() -> None:
                assert process.stdin
                process.stdin.write("go\n")
                process.stdin.flush()

            yield go
            process.communicate()

    @contextmanager
    def watched(self) -> Iterator[Answers]:
        answers = Answers(f"{self.hub.url}/user/{OWNER}/api")
        try:
            yield answers
        finally:
            answers.close()

    # Documents

    def make(self, name: str) -> list[str]:
        """A text and a notebook, each with some lines that have a token each; returns their paths."""
        server = self.anybody.open(OWNER)
        lines = [f"line {number} <o{next(self._numbers)}>" for number in range(LINES)]
        server.write_file(f"{name}.txt", "".join(f"{line}\n" for line in lines))
        server.create_notebook(
            f"{name}.ipynb", *(f"# cell {line} <o{next(self._numbers)}>" for line in range(LINES))
        )
        return [f"{name}.txt", f"{name}.ipynb"]

    def crowd(self, paths: list[str], before: Crowd | None = None) -> Crowd:
        """Everyone comes and opens the documents."""

        with ThreadPoolExecutor(2) as pool:
            seats = list(pool.map(lambda letter: self._seats(letter, paths), self.people))
        return Crowd(dict(zip(self.people, seats, strict=True)), self._numbers, before)

    def _seats(self, letter: str, paths: list[str]) -> list[Seat]:
        """Open documents in the window that someone has, or in a new one where that one is of no use any more."""
        if server := self._servers.get(letter):
            with contextlib.suppress(NotGiven, httpx.HTTPStatusError):
                return [server.seat(path) for path in paths]
        server = self._servers[letter] = self.people[letter].open(OWNER)
        return [server.seat(path) for path in paths]

    def file(self, path: str) -> Content:
        """The content of a file on disk, as `Tab.content` has it."""
        text = self.host.file(f"{HOME}/{path}").content_string
        if not path.endswith(".ipynb"):
            return [("", text)]
        try:
            cells = json.loads(text)["cells"]
        except ValueError:  # it is just being written
            return []
        return [(cell["id"], "".join(cell["source"])) for cell in cells]

    def readable_elsewhere(self, paths: list[str]) -> set[str]:
        """The tokens in all files that a person sees on the server, but for these."""
        left_out = " ".join(f"! -path {HOME}/{path}" for path in paths)
        command = f"find {HOME} -type f ! -path '*/.*' {left_out} -exec grep -hoE '<[a-z]+[0-9]+>' {{}} +"
        found = self.host.run(command)
        return set(tokens(found.stdout))

    def copy_in(self, name: str) -> str:
        """Bring one of the scenario's programs to the host; returns where it is."""
        inside = f"/usr/local/lib/{name}"
        command = ["podman", "cp", str(FILES / name), f"{self.platform.name}:{inside}"]
        subprocess.run(command, check=True)
        return inside
