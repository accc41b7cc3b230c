# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a hub, whose shared server people use together."""

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
LINES = 6  # initial lines of a text file, or cells of a notebook
START_TIMEOUT = 150  # seconds; the next server waits while the last one stops
POLL = 0.05  # seconds
FILES = ROOT / "molecule/editing/files"

Content = list[tuple[str, str]]  # cells with their IDs, or one text with an empty ID


class Answers:
    """Watch when the shared server, through the proxy, first answers after it did not answer."""

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
                    # Only the first time: a further outage while people come back counts as their waiting time.
                    self.again, self._is_away = asked, False
                    return
                self._is_away = not answers
                await asyncio.sleep(POLL)

    def wait(self, timeout: float) -> None:
        """If the server did not answer, wait until it does, for at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self._is_away and time.monotonic() < deadline:
            time.sleep(POLL)

    def close(self) -> None:
        background.call(self._task.cancel)


class Site:
    """The host, its hub, and ten people who are logged in. Several of them share a user, as with several browsers."""

    def __init__(self, platform: Platform, host: Host, hub: Hub) -> None:
        self.platform = platform
        self.host = host
        self.hub = hub
        letters = zip(string.ascii_lowercase[:PEOPLE], itertools.cycle(NAMES), strict=False)
        self.people = {letter: hub.login(name, PASSWORDS[name]) for letter, name in letters}
        self._servers: dict[str, Server] = {}  # the shared server in each person's browser, by letter
        self._numbers = itertools.count(1)
        self.started = 0.0  # when the hub last reported that the server has started

    @property
    def anyone(self) -> Person:
        """A person without special permissions, who can start and stop the server like everyone."""
        return self.people["b"]

    # The server

    def start(self) -> None:
        """Start the shared server as soon as the hub accepts it, and wait until it is ready."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                self.anyone.start(OWNER)
                self.started = time.monotonic()
                return
            except Failed:  # it is stopping
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def stop(self) -> float:
        """Stop the shared server, and return the seconds until its processes have ended."""
        began = time.monotonic()
        self.anyone.stop(OWNER)
        while self.processes:
            time.sleep(POLL)
        return time.monotonic() - began

    @property
    def processes(self) -> list[str]:
        """The IDs of the shared server's processes."""
        return str(self.host.run("pgrep --uid %s", OWNER).stdout).split()

    @contextmanager
    def at_once(self, command: str) -> Iterator[Callable[[], None]]:
        """Prepare a command on the host, and yield a function that runs it without delay."""
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
        """Create a text file and a notebook with some lines or cells, each with a token, and return their paths."""
        server = self.anyone.open(OWNER)
        lines = [f"line {number} <o{next(self._numbers)}>" for number in range(LINES)]
        server.write_file(f"{name}.txt", "".join(f"{line}\n" for line in lines))
        server.create_notebook(
            f"{name}.ipynb", *(f"# cell {line} <o{next(self._numbers)}>" for line in range(LINES))
        )
        return [f"{name}.txt", f"{name}.ipynb"]

    def crowd(self, paths: list[str], before: Crowd | None = None) -> Crowd:
        """Have everyone open the documents."""

        with ThreadPoolExecutor(2) as pool:
            seats = list(pool.map(lambda letter: self._seats(letter, paths), self.people))
        return Crowd(dict(zip(self.people, seats, strict=True)), self._numbers, before)

    def _seats(self, letter: str, paths: list[str]) -> list[Seat]:
        """Open documents in a person's window, or in a new window if the old one does not work any more."""
        if server := self._servers.get(letter):
            with contextlib.suppress(NotGiven, httpx.HTTPStatusError):
                return [server.seat(path) for path in paths]
        server = self._servers[letter] = self.people[letter].open(OWNER)
        return [server.seat(path) for path in paths]

    def file(self, path: str) -> Content:
        """Return the content of a file on disk, in the form of `Tab.content`."""
        text = self.host.file(f"{HOME}/{path}").content_string
        if not path.endswith(".ipynb"):
            return [("", text)]
        try:
            cells = json.loads(text)["cells"]
        except ValueError:  # the file is just being written
            return []
        return [(cell["id"], "".join(cell["source"])) for cell in cells]

    def readable_elsewhere(self, paths: list[str]) -> set[str]:
        """Return the tokens in all files that people can see on the server, except these."""
        left_out = " ".join(f"! -path {HOME}/{path}" for path in paths)
        command = f"find {HOME} -type f ! -path '*/.*' {left_out} -exec grep -hoE '<[a-z]+[0-9]+>' {{}} +"
        found = self.host.run(command)
        return set(tokens(found.stdout))

    def copy_in(self, name: str) -> str:
        """Copy one of the scenario's programs to the host, and return its path there."""
        inside = f"/usr/local/lib/{name}"
        command = ["podman", "cp", str(FILES / name), f"{self.platform.name}:{inside}"]
        subprocess.run(command, check=True)
        return inside
