# SPDX-License-Identifier: GPL-3.0-or-later
"""A collaboration server without a hub: a real Jupyter server with our extension, which can be killed and restarted."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from websockets.asyncio.client import connect

import plain_http
from jupyterhub_collab import server as package
from jupyterhub_collab.names import SERVER_SETTINGS
from people.errors import NotGiven
from people.room import Room, Seat
from people.sockets import Door
from ports import free_port

CONFIG = Path(package.__file__).parent / "config"
CHAT_CONFIG = CONFIG.with_name("chat_config")
TOKEN = {"Authorization": "token secret"}
PATIENCE = 30  # seconds for anything, because the machine may be busy


class LocalServer:
    """A server with its files in `directory`/files and its state in `directory`/state. Paths are relative to `folder` in files."""

    def __init__(self, directory: Path, *options: str, **settings: Any) -> None:
        self._root, self.state = directory / "files", directory / "state"
        self._root.mkdir()
        self.folder = ""
        self._log = directory / "log"
        self._options = options
        self._settings = {"state_directory": str(self.state), **settings}
        self._address = f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None
        self.runner: list[str] = []  # a command that runs the server, for example with fewer privileges

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(self.state / "none"), **self.environment}
        command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", *self._options]
        command += [f"--port={self._address.partition(':')[2]}", "--ServerApp.port_retries=0"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.runner, *command, "--IdentityProvider.token=secret"],
                cwd=self._root,
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                plain_http.get(f"http://{self._address}/api/status", headers=TOKEN).raise_for_status()
                return
            except httpx.HTTPError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self._process.kill()
                    raise RuntimeError(self.log) from None
                time.sleep(0.05)

    def end(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Stop the server with a signal, and return how many seconds it took."""
        began = time.monotonic()
        self.send(how)
        self.wait()
        return time.monotonic() - began

    def send(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)

    def wait(self) -> None:
        """Wait until the server's process has ended."""
        assert self._process is not None
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def limit(self, what: int, most: int) -> None:
        """Set the soft limit of a resource for the running server's process."""
        assert self._process is not None
        resource.prlimit(self._process.pid, what, (most, resource.RLIM_INFINITY))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that make the server a collaboration server."""
        path = [CONFIG, *[CHAT_CONFIG] * self._settings.get("chat", False)]
        return {"JUPYTER_CONFIG_PATH": ":".join(map(str, path)), SERVER_SETTINGS: json.dumps(self._settings)}

    @property
    def address(self) -> str:
        return f"http://{self._address}"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def files(self) -> Path:
        return self._root / self.folder

    def begin(self, folder: str) -> None:
        """Switch to a new folder, so that earlier tests have no effect, and start the server if necessary."""
        self.folder = "".join(each if each.isalnum() else "-" for each in folder)
        self.files.mkdir()
        if not self.runs:
            self.start()

    def path(self, name: str) -> str:
        """Return a file's path in the server's API."""
        return f"{self.folder}/{name}".lstrip("/")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = plain_http.request(
            method, f"http://{self._address}/{path}", headers=TOKEN, json=body, timeout=PATIENCE
        )
        answer.raise_for_status()
        return answer.json()

    def seat(self, path: str, name: str = "alice") -> Seat:
        """Return what is needed to join a document."""
        is_notebook = path.endswith(".ipynb")
        form = {"format": "json", "type": "notebook"} if is_notebook else {"format": "text", "type": "file"}
        session = self.ask("PUT", "api/collaboration/session/" + quote(self.path(path), safe=""), form)
        address = f"ws://{self._address}/api/collaboration/room/" + "{format}:{type}:{fileId}".format(
            **session
        )
        user = {"username": name, "name": name, "display_name": name, "color": "red"}
        return Seat(path, is_notebook, Door(f"{address}?sessionId={session['sessionId']}", TOKEN), user)

    async def open(self, path: str, name: str = "alice", session: str = "") -> Room:
        """Open a document as a tab does, with an existing session if one is given."""
        seat = self.seat(path, name)
        if session:
            url = f"{seat.door.url.partition('?')[0]}?sessionId={session}"
            seat = replace(seat, door=replace(seat.door, url=url))
        room = Room(seat)
        await room.join()
        return room

    def events(self) -> Any:
        """Return a connection that gets the server's events."""
        return connect(f"ws://{self._address}/api/events/subscribe", additional_headers=TOKEN, proxy=None)

    def read(self, path: str) -> str:
        return (self.files / path).read_text()

    def write(self, path: str, text: str) -> None:
        (self.files / path).write_text(text)

    async def until_file(self, path: str, *texts: str) -> None:
        """Wait until a file contains all of these texts."""
        async with asyncio.timeout(PATIENCE):
            while not all(text in self.read(path) for text in texts):
                await asyncio.sleep(0.05)


class Configured(LocalServer):
    """A server with a configuration of its own, in Python, besides that of the collection."""

    def __init__(self, directory: Path, config: str) -> None:
        super().__init__(directory)
        self._config = directory / "config"
        self._config.mkdir()
        (self._config / "jupyter_server_config.py").write_text(config)

    @property
    def environment(self) -> dict[str, str]:
        inherited = super().environment
        path = f"{inherited['JUPYTER_CONFIG_PATH']}:{self._config}"
        return {**inherited, "JUPYTER_CONFIG_PATH": path}


# A hook that does nothing. Configuring it makes a server load the module.
LOADED = """

def loaded(**_arguments):
    pass
"""
LOADS = "--FileContentsManager.pre_save_hook=of_test.loaded"


@contextmanager
def server_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, *options: str
) -> Iterator[LocalServer]:
    """Run a server with a module `of_test`, which is loaded even if no option names it, and yield the server."""
    (tmp_path / "of_test.py").write_text(module + LOADED)
    options = options if any("of_test" in each for each in options) else (*options, LOADS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    server = LocalServer(tmp_path, *options)
    server.write("notes.txt", "one\n")
    server.start()
    try:
        yield server
    finally:
        server.kill()


async def come_back(*rooms: Room) -> None:
    """Reconnect tabs that have lost their server as soon as it is available."""
    for room in rooms:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await room.join()
                    break
                except (OSError, NotGiven):
                    await asyncio.sleep(0.1)
