# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of other types, and tabs that return after a long time."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from pycrdt import Map, Text

from local_server import PATIENCE, LocalServer, come_back
from open_files import both_see, of_document, until
from people.room import Room

pytestmark = pytest.mark.anyio

OWN_TYPE = """
import json
from functools import partial
from jupyter_ydoc.ybasedoc import YBaseDoc
from pycrdt import Map

class YOwn(YBaseDoc):
    version = "1.0.0"

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.dirty = True  # as that of chats does
        self._own = self._ydoc.get("own", type=Map)

    def get(self):
        return json.dumps(self._own.to_py(), sort_keys=True, indent=2)

    def set(self, value):
        new = json.loads(value) if value else {}
        for key in list(self._own.keys()):
            if key not in new:
                del self._own[key]
        for key in new:
            if self._own.get(key) != new[key]:
                self._own[key] = new[key]

    def observe(self, callback):
        self.unobserve()
        self._subscriptions[self._own] = self._own.observe(partial(callback, "own"))
"""


@pytest.fixture
def own_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a custom document type, as an installed package does."""
    packages = tmp_path / "packages"
    (packages / "own-1.dist-info").mkdir(parents=True)
    (packages / "own_type.py").write_text(OWN_TYPE)
    (packages / "own-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1\n")
    (packages / "own-1.dist-info" / "entry_points.txt").write_text("[jupyter_ydoc]\nown = own_type:YOwn\n")
    monkeypatch.setenv("PYTHONPATH", str(packages))


@pytest.mark.usefixtures("own_type")
async def test_a_document_of_another_type_is_that_of_its_type(tmp_path: Path) -> None:
    server = LocalServer(tmp_path)
    server.begin("own")
    try:
        server.write("board.own", '{"one": 1,\n"two": 2}')
        session = server.ask("PUT", session_of(server, "board.own"), {"format": "text", "type": "own"})
        url = f"ws://{server._address}/api/collaboration/room/text:own:{session['fileId']}?sessionId={session['sessionId']}"
        seat = server.seat("board.own")
        alice = Room(replace(seat, door=replace(seat.door, url=url)))
        await alice.join()
        own = alice._doc.get("own", type=Map)
        await asyncio.sleep(1.5)
        assert server.read("board.own") == '{"one": 1,\n"two": 2}', "the file was rewritten without a change"
        own["three"] = 3.0
        server.write("board.own", '{"one": 1, "two": 22}')
        await alice.wait_until(lambda room: own.get("two") == 22, PATIENCE)
        await server.until_file("board.own", "three", "22")
        assert own.to_py() == {"one": 1, "two": 22, "three": 3}
        # A half-written file does not count as empty.
        server.write("board.own", '{"one": 1, "tw')
        await asyncio.sleep(1.5)
        assert own.to_py() == {"one": 1, "two": 22, "three": 3}
        server.write("board.own", '{"one": 1}')
        await alice.wait_until(lambda room: own.to_py() == {"one": 1}, PATIENCE)
        await asyncio.sleep(1.5)
        assert server.read("board.own") == '{"one": 1}', "the file was rewritten without a change"
        assert str(alice._doc.get("source", type=Text)) == ""
    finally:
        server.kill()


async def test_a_tab_that_slept_over_a_restart_and_an_update_merges(server: LocalServer) -> None:
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    await bob.drop()
    bob.insert(0, "<asleep>")
    alice.insert(0, "<saved>")
    await server.until_file("notes.txt", "<saved>")
    server.end()
    # The update: sessions that began with an earlier release continue with the next one.
    with closing(sqlite3.connect(server.state / "documents.db")) as db, db:
        (version,) = db.execute("select version from sessions limit 1").fetchone()
        db.execute("update sessions set version = ?", (f"{version.partition('.')[0]}.999.0",))
    server.write("notes.txt", server.read("notes.txt") + "three\n")
    server.start()
    await come_back(alice)
    alice.insert(0, "<later>")
    await server.until_file("notes.txt", "<later>", "three")
    await come_back(bob)
    await both_see(alice, bob, "<asleep>", "<saved>", "<later>", "three")
    await until(lambda: server.read("notes.txt") == alice.text)
    assert len(alice.text) == len("<asleep><saved><later>one\ntwo\nthree\n")


async def test_a_file_that_was_cut_off_has_its_line_ends_when_it_is_whole_again(server: LocalServer) -> None:
    """A file that a killed server left empty gets its line endings back, from the contents manager's copy of the file."""
    path = server.files / "notes.txt"
    path.write_bytes(b"one\r\ntwo\r\n")
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    alice.insert(0, "<typed>")
    await both_see(alice, bob, "<typed>")
    server.kill()
    with closing(sqlite3.connect(server.state / "documents.db")) as db, db:
        last = "(select max(id) from updates where document = documents.document)"
        db.execute(f"update documents set writing = {last} where document = ?", (of_document(alice),))
    (server.files / ".~notes.txt").write_bytes(b"one\r\ntwo\r\n")
    path.write_bytes(b"")
    server.start()
    await come_back(alice)
    await until(lambda: path.read_bytes() == b"<typed>one\r\ntwo\r\n")


def session_of(server: LocalServer, name: str) -> str:
    return "api/collaboration/session/" + quote(server.path(name), safe="")
