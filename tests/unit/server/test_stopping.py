# SPDX-License-Identifier: GPL-3.0-or-later
"""However a server is asked to stop, it saves every document and its process ends, before anyone has to kill it."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from jupyterhub_collab.server.history import History
from local_hub import LocalHub, wait_until
from local_server import LocalServer, server_with
from people.room import Room, Seat
from tiers import some_long

pytestmark = pytest.mark.anyio
SAVE_DELAY = 3  # so that the last text is not saved before the server stops
NAMES = ("notes.txt", "more.txt")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    server = LocalServer(
        tmp_path_factory.mktemp("server"), f"--YDocExtension.document_save_delay={SAVE_DELAY}"
    )
    yield server
    if server.runs:
        server.kill()


WAYS = {
    "SIGINT, first signal of LocalProcessSpawner": [signal.SIGINT],
    "SIGTERM, first signal of systemd": [signal.SIGTERM],
    "SIGHUP": [signal.SIGHUP],
    "SIGINT and SIGTERM": [signal.SIGINT, signal.SIGTERM],
}


@pytest.mark.parametrize("way", some_long(WAYS, short=[*WAYS][:2]))
async def test_it_stops_with_documents_open(server: LocalServer, way: list[signal.Signals]) -> None:
    """The server saves and stops with documents open, even if a client does not answer, such as a sleeping computer's."""
    for name in NAMES:
        server.write(name, "one\n")
    server.start()
    people = [await server.open(name, person) for name in NAMES for person in ("alice", "bob")]
    for person in people:
        person.insert(0, f"<{person.seat.user['name']}>")
    asleep = await connect(server.seat(NAMES[0]).door.url, additional_headers=people[0].seat.door.headers)
    asleep.transport.pause_reading()
    # By now, saving the documents has started the threads that write files.
    for name in NAMES:
        await server.until_file(name, "<alice>", "<bob>")
    # The server has received this edit before the signal. Anything typed later is for the next start.
    people[0].insert(0, "<last>")
    await people[1].wait_until(lambda room: "<last>" in room.text)
    for each in way:
        server.send(each)
    await asyncio.to_thread(server.wait)
    assert "<last>" in server.read(NAMES[0])
    asleep.transport.abort()
    for person in people:
        await person.vanish()


RESTARTS = """
import asyncio
import os

from jupyter_client.provisioning import LocalProvisioner

theirs = LocalProvisioner.pre_launch


async def pre_launch(self, **options):
    if os.path.exists("slow"):
        open("restarting", "w").close()
        await asyncio.sleep(1)
    return await theirs(self, **options)


LocalProvisioner.pre_launch = pre_launch
"""


async def test_it_stops_while_a_kernel_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No kernel is left if the server stops while a kernel restarts.

    systemd ends kernels at the same time, and jupyter_client restarts kernels that have ended.
    """
    options = [
        "--KernelRestarter.time_to_dead=0.1",
        "--KernelManager.shutdown_wait_time=0.5",
    ]
    kernel_json = tmp_path / "kernels/idle/kernel.json"
    kernel_json.parent.mkdir(parents=True)
    argv = [sys.executable, "-c", "import time; time.sleep(600)", "{connection_file}"]
    kernel_json.write_text(json.dumps({"argv": argv, "display_name": "Idle", "language": "none"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with server_with(tmp_path, monkeypatch, RESTARTS, *options) as server:
        server.ask("POST", "api/kernels", {"name": "idle"})
        (kernel,) = sleeping_in(server)
        server.write("slow", "")
        os.kill(kernel, signal.SIGKILL)
        wait_until((server.files / "restarting").exists)
        server.send(signal.SIGTERM)
        await asyncio.to_thread(server.wait)
        assert not sleeping_in(server)
        assert "Exception in callback" not in server.log and "these threads still running" not in server.log


STAYS = "import signal, time; [signal.signal(each, signal.SIG_IGN) for each in (1, 2, 15)]; time.sleep(600)"


async def test_terminals_end_before_the_server(tmp_path: Path) -> None:
    """No shell of a terminal is left when the server has stopped, whichever signals it ignores."""
    shell = {"shell_command": [sys.executable, "-c", STAYS]}
    server = LocalServer(tmp_path, f"--ServerApp.terminado_settings={shell}")
    server.start()
    server.ask("POST", "api/terminals", {})
    wait_until(lambda: bool(sleeping_in(server)))
    server.send(signal.SIGTERM)
    await asyncio.to_thread(server.wait)
    assert not sleeping_in(server)


def sleeping_in(server: LocalServer) -> list[int]:
    """Return the PIDs of the running kernels and terminals of tests in a server's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes()
            if b"time.sleep(600)" in words and (process / "cwd").readlink().is_relative_to(server.files):
                found.append(int(process.name))
    return found


async def test_the_hub_stops_it_with_documents_open(tmp_path: Path) -> None:
    """A server saves when its own API or the hub stops it.

    LocalProcessSpawner sends SIGINT first. The hub of the tests waits forever before it sends anything else.
    """
    hub = LocalHub(tmp_path / "hub")
    file = hub.directory / "home/alice/notes.txt"
    file.parent.mkdir(parents=True)
    file.write_text("one\n")
    with hub.running():
        await stops(hub, file, lambda: hub.at_server("alice", "POST", "api/shutdown").raise_for_status())
        hub.ask("DELETE", "users/alice/server")
        hub.start_server()
        await stops(hub, file, lambda: hub.ask("DELETE", "users/alice/server"))


async def stops(hub: LocalHub, file: Path, stop: Callable[[], Any]) -> None:
    """Have users type into a file of alice's server, and stop the server."""
    form = {"format": "text", "type": "file"}
    session = hub.at_server("alice", "PUT", f"api/collaboration/session/{file.name}", form).json()
    path = "api/collaboration/room/{format}:{type}:{fileId}?sessionId={sessionId}".format(**session)
    alice, bob = (
        Room(Seat(file.name, False, hub.door(name, path), {"name": name})) for name in ("alice", "bob")
    )
    await alice.join()
    await bob.join()
    before, last = alice.text, f"<last of {time.monotonic()}>"
    alice.insert(0, last)
    await bob.wait_until(lambda room: last in room.text)
    process = hub.server_process
    await asyncio.to_thread(stop)
    await asyncio.to_thread(wait_until, lambda: has_ended(process))
    assert file.read_text() == last + before
    await alice.vanish()
    await bob.vanish()
    # The username is the hub's, whatever a tab claims.
    past = History(hub.directory / "state", logging.getLogger(__name__))
    document = "{format}:{type}:{fileId}".format(**session)
    assert {edit.username for edit in past.edits(document)} == {"alice"}


def has_ended(process: int) -> bool:
    """Return whether a process has ended. A zombie counts as ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
