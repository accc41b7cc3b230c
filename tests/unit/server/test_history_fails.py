# SPDX-License-Identifier: GPL-3.0-or-later
"""If the history is damaged, deleted or cannot be written, people are told, the file is still saved, and text appears once, never twice."""

import asyncio
import json
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local_server import PATIENCE, LocalServer, come_back, server_with
from open_files import copies, until
from people.errors import Refused
from people.room import Room

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    server = LocalServer(tmp_path)
    server.write("notes.txt", "one\n")
    server.start()
    yield server
    if server.runs:
        server.kill()


def delete(server: LocalServer) -> None:
    (server.state / "documents.db").unlink()


def replace(server: LocalServer) -> None:
    """Replace the database, as someone does who restores an old backup."""
    other = server.state / "other.db"
    with closing(sqlite3.connect(other)) as db:
        db.execute("create table something (x)")
    other.rename(server.state / "documents.db")


async def test_it_is_gone_while_a_program_writes_another_file(server: LocalServer) -> None:
    """A document that nobody typed into since the history was deleted follows its file, although the new history does not have it yet."""
    server.write("other.txt", "one\ntwo\n")
    alice, other = await server.open("notes.txt"), await server.open("other.txt")
    delete(server)
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    server.write("other.txt", "one\ntwo\nthree\n")
    await other.wait_until(lambda room: "three" in room.text, PATIENCE)
    assert other.text == "one\ntwo\nthree\n"
    await server.until_file("other.txt", "three")
    assert server.read("other.txt") == "one\ntwo\nthree\n"


# A save does not end until the test lets it, after the file has been written.
HOLDS = """
import asyncio
import os
import signal

from jupyterhub_collab.server import file_on_disk, room

write, write_whole = file_on_disk.File.write, room.Room._write_whole


async def held(self, *arguments):
    found = await write(self, *arguments)
    while os.path.exists("hold"):
        open("held", "w").close()
        await asyncio.sleep(0.01)
    return found


async def killed(self):
    if os.path.exists("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    await write_whole(self)


file_on_disk.File.write, room.Room._write_whole = held, killed
"""


async def test_it_is_gone_while_a_document_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sees an edit before the new history has it, with what the file is. A server that is killed then takes nothing out of it."""
    with server_with(tmp_path, monkeypatch, HOLDS) as server:
        alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
        server.write("hold", "")
        alice.insert(0, "<before>")
        await until((server.files / "held").exists)
        delete(server)
        alice.insert(0, "<after>")
        asyncio.get_running_loop().call_later(1, (server.files / "hold").unlink)
        await bob.wait_until(lambda room: "<after>" in room.text, PATIENCE)
        server.kill()
        (server.files / "hold").unlink(missing_ok=True)
        server.start()
        await come_back(alice, bob)
        await server.until_file("notes.txt", "<after>")
        assert alice.text == bob.text == server.read("notes.txt") == "<after><before>one\n"
        assert not copies(server)


async def test_a_server_is_killed_before_a_new_history_has_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update without the document that it changes is worth nothing: the document is what its file holds."""
    with server_with(tmp_path, monkeypatch, HOLDS) as server:
        alice = await server.open("notes.txt")
        server.write("hold", "")
        alice.insert(0, "<before>")
        await until((server.files / "held").exists)
        server.write("kill", "")
        delete(server)
        alice.insert(0, "<after>")
        await until((server.state / "documents.db").exists)
        (server.files / "hold").unlink()
        await until(lambda: not server.runs)
        (server.files / "kill").unlink()
        server.start()
        bob = await server.open("notes.txt", "bob")
        assert bob.text == server.read("notes.txt") == "<before>one\n"
        bob.insert(0, "<again>")
        await server.until_file("notes.txt", "<again><before>one\n")


@pytest.mark.parametrize("lose", [delete, replace])
async def test_it_is_gone_while_people_type(server: LocalServer, lose: Callable[[LocalServer], None]) -> None:
    """A new history gets the whole document as soon as someone types, and open tabs return to it, even after a crash."""
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    alice.insert(0, "<before>")
    await server.until_file("notes.txt", "<before>")
    async with server.events() as events:
        lose(server)
        alice.insert(0, "<after>")
        await bob.wait_until(lambda room: "<after>" in room.text, PATIENCE)
        assert "a new one begins" in await told(events)
    server.kill()  # before or after a save
    alice.insert(0, "<offline>")
    server.start()
    await come_back(alice, bob)
    await bob.wait_until(lambda room: "<offline>" in room.text, PATIENCE)
    await server.until_file("notes.txt", "<offline>", "<after>")
    assert bob.text == server.read("notes.txt") == "<offline><after><before>one\n"


def damage_header(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(b"no database at all" * 100)


def damage_update(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("update updates set content = ? where id = (select min(id) from updates)", (b"\xff" * 50,))


def empty(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("delete from updates")


def make_newer(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("pragma user_version = 99")


@pytest.mark.parametrize(
    "damage",
    [
        damage_header,
        damage_update,
        pytest.param(empty, marks=pytest.mark.long),
        pytest.param(make_newer, marks=pytest.mark.long),
    ],
)
async def test_it_is_damaged_while_the_server_is_away(
    server: LocalServer, damage: Callable[[Path], None]
) -> None:
    """Tabs from before the damage are asked to reload. Merged with the file, their text would appear twice."""
    alice = await server.open("notes.txt")
    alice.insert(0, "<saved>")
    await server.until_file("notes.txt", "<saved>")
    server.end()
    database = server.state / "documents.db"
    # Otherwise, the journal has the damaged data a second time.
    with closing(sqlite3.connect(database)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    damage(database)
    server.start()
    async with server.events() as events:
        if damage in (damage_update, empty):
            bob = await server.open("notes.txt", "bob")
        with pytest.raises(Refused, match="unknown_session"):
            await come_back_soon(alice)
        bob = await server.open("notes.txt", "bob")
        assert "a new one begins" in await told(events)
    bob.insert(0, "<more>")
    await server.until_file("notes.txt", "<more>")
    assert server.read("notes.txt") == bob.text == "<more><saved>one\n"
    if damage in (damage_header, make_newer):
        assert list(server.state.glob("documents.db.*-*")), "the damaged history was not kept"


async def test_the_disk_is_full_for_a_while(server: LocalServer) -> None:
    """After the disk was full for a while, the history is complete again.

    A limit on file sizes, which only the database reaches, stands for it.
    """
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    async with server.events() as events:
        await asyncio.to_thread(server.ask, "GET", "api/contents/notes.txt")
        async with asyncio.timeout(PATIENCE):
            await events.recv()  # the connection only gets events from now on
        size = max(path.stat().st_size for path in server.state.glob("documents.db*"))
        server.limit(resource.RLIMIT_FSIZE, size)
        typed = ""
        for number in range(5):
            alice.insert(0, more := f"{number}" * 1000)
            typed = more + typed
            await bob.wait_until(lambda room: len(room.text) == len(alice.text), PATIENCE)
        assert "not protected from a crash" in await told(events)
    alice.insert(0, "<full>")
    await server.until_file("notes.txt", "<full>")
    server.limit(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(is_whole, server, len(alice.text)):
            await asyncio.sleep(0.2)
    server.kill()
    server.start()
    await come_back(alice, bob)
    alice.insert(0, "<back>")
    await server.until_file("notes.txt", "<back>")
    assert server.read("notes.txt") == f"<back><full>{typed}one\n"


def is_whole(server: LocalServer, length: int) -> bool:
    """Return whether the history now contains a text of this length."""
    with closing(sqlite3.connect(server.state / "documents.db")) as db:
        (last,) = db.execute("select length(content) from updates order by id desc limit 1").fetchone()
    return bool(last >= length)


async def come_back_soon(room: Room) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await room.join()
                return
            except OSError:
                await asyncio.sleep(0.1)


async def told(events: Any) -> str:
    """Wait for the next notice about a document, and return its message."""
    async with asyncio.timeout(PATIENCE):
        while True:
            event = json.loads(await events.recv())
            if event.get("schema_id", "").endswith("/document/v1"):
                return str(event["message"])
