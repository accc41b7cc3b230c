# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens to a document of a real server, nothing that users typed is lost."""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pycrdt import Map, create_update_message

from jupyterhub_collab.server import room as rooms
from jupyterhub_collab.server.history import History
from local_server import CONFIG, PATIENCE, LocalServer, come_back
from open_files import until
from people.errors import NotGiven, Refused
from people.room import Room

pytestmark = pytest.mark.anyio


CELL: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
CELLS = [{**CELL, "id": f"cell{number}", "source": f"x = {number}"} for number in range(2)]
NOTEBOOK: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": CELLS}


async def both_see(one: Room, other: Room, *texts: str) -> None:
    for room in (one, other):
        await room.wait_until(lambda room: all(text in words(room) for text in texts), PATIENCE)
    assert words(one) == words(other)


def words(room: Room) -> str:
    return "\n".join(str(cell["source"]) for cell in room.cells) if room.seat.is_notebook else room.text


async def test_what_comes_together_is_sent_together(server: LocalServer) -> None:
    """Edits that arrive together are sent together: a server cannot send one message per edit to everyone who has the document open."""
    people = [await server.open("notes.txt", f"person{number}") for number in range(10)]
    bob = await server.open("notes.txt", "bob")
    before, edits = bob.changes, [f"<{number} {edit}>" for number in range(10) for edit in range(20)]
    for index, edit in enumerate(edits):
        people[index % len(people)].insert(0, edit)
    await bob.wait_until(lambda room: all(edit in room.text for edit in edits), PATIENCE)
    await both_see(people[0], bob, *edits)
    assert bob.changes - before < len(edits) / 2


@pytest.mark.parametrize(
    ("author", "where", "result"),
    [("alice", (12, "<next>"), "<missing>one<next>"), ("carol", (4, "<next>"), "<mis<next>sing>one")],
    ids=["her own", "another one's"],
)
async def test_what_builds_on_something_missing_waits_for_it(
    server: LocalServer, author: str, where: tuple[int, str], result: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was killed lacks some text, and gets what Alice types next before it gets that. It has the two together, and once.

    The missing text is Alice's own, or Carol's that Alice has got.
    """
    alice, bob, carol = [await server.open("notes.txt", name) for name in ("alice", "bob", "carol")]
    writer = {"alice": alice, "carol": carol}[author]
    with monkeypatch.context() as cut:
        cut.setattr(writer._line, "send", lambda _message: None)
        writer.insert(0, "<missing>")
    if writer is carol:
        await carol.drop()
        alice._receive(create_update_message(carol._doc.get_update()))
    alice.lag()  # she hears nothing that the server asks
    alice.insert(*where)
    server.write("notes.txt", "one\ntwo\nfrom git\n")
    await bob.wait_until(lambda room: "from git" in room.text, PATIENCE)
    bob.insert(len("one\n"), "<bob>")
    await server.until_file("notes.txt", "one\n<bob>two\nfrom git\n")
    server.write("notes.txt", "one\n<bob>two\nfrom git\nagain\n")
    await bob.wait_until(lambda room: "again" in room.text, PATIENCE)
    await alice.join()
    await both_see(alice, bob, result)
    assert bob.text == f"{result}\n<bob>two\nfrom git\nagain\n"
    server.kill()
    server.start()
    await come_back(bob)
    assert result in bob.text
    await server.until_file("notes.txt", bob.text)


async def test_an_update_that_comes_too_early_is_asked_for_again(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its author need not connect again."""
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    with monkeypatch.context() as cut:
        cut.setattr(alice._line, "send", lambda _message: None)
        alice.insert(0, "<missing>")
    alice.insert(4, "<next>")
    await both_see(alice, bob, "<mis<next>sing>")


async def test_tabs_come_back_after_kill_9_and_merge(server: LocalServer) -> None:
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    alice.insert(0, "<seen>")
    await both_see(alice, bob, "<seen>")
    server.kill()
    alice.insert(0, "<alice alone>")
    bob.insert(len(bob.text), "<bob alone>")
    server.start()
    await come_back(alice, bob)
    await both_see(alice, bob, "<seen>", "<alice alone>", "<bob alone>")
    assert sorted(alice.text) == sorted("<alice alone><seen>one\ntwo\n<bob alone>"), "text was duplicated"
    await server.until_file("notes.txt", alice.text)


async def test_what_someone_has_seen_is_there_when_nobody_comes_back(server: LocalServer) -> None:
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    for number in range(20):
        alice.insert(0, f"<{number}>", cell=number % 2)
        await both_see(alice, bob, f"<{number}>")
    server.kill()
    seen = words(bob)
    await alice.leave()
    await bob.leave()
    server.start()
    carol = await server.open("work.ipynb", "carol")
    assert words(carol) == seen
    # ... and it is saved although nobody types.
    await server.until_file("work.ipynb", "<18>", "<19>")


async def test_stopping_saves_what_was_typed_at_the_last_moment(server: LocalServer) -> None:
    """Requirement 71: a stop saves what was typed last."""
    alice = await server.open("notes.txt")
    bob = await server.open("notes.txt", "bob")
    alice.insert(0, "<last>")
    await both_see(alice, bob, "<last>")
    assert server.end() < PATIENCE, "the server had to be killed"
    assert "<last>" in server.read("notes.txt")


async def test_people_who_never_pause_are_saved(server: LocalServer) -> None:
    """Requirement 71: a document is saved while people type without a pause."""
    alice = await server.open("notes.txt")
    saved = set()
    for number in range(70):  # 7 seconds without a pause of one second
        alice.insert(0, f"<{number}>")
        await asyncio.sleep(0.1)
        saved.add(server.read("notes.txt"))
    assert len(saved) > 2, "the file was not saved while someone typed"


async def test_opening_and_restarting_leave_a_file_alone(server: LocalServer) -> None:
    before = (server.files / "work.ipynb").stat().st_mtime_ns
    alice = await server.open("work.ipynb")
    document = alice.seat.door.url.rpartition("/")[2].partition("?")[0]
    with closing(sqlite3.connect(server.state / "documents.db")) as db:
        newest = "select max(id) from updates where document = ?"
        (opened,) = db.execute(newest, (document,)).fetchone()
        # As JupyterLab does whenever it opens a document. The file does not contain it.
        alice._doc.get("state", type=Map)["document_id"] = "work"
        # Else an old document would never be forgotten.
        held = f"select last_update > ? and last_update = ({newest}) from documents where document = ?"
        await until(lambda: db.execute(held, (opened, document, document)).fetchone() == (1,))
    server.end()
    server.start()
    await come_back(alice)
    await asyncio.sleep(1.5)
    assert (server.files / "work.ipynb").stat().st_mtime_ns == before


async def test_people_are_told_where_nothing_can_be_kept(tmp_path: Path) -> None:
    """If no history can be kept, users continue to work and learn what is not protected."""
    taken = tmp_path / "taken"
    taken.write_text("a file instead of the directory")
    server = LocalServer(tmp_path, state_directory=str(taken))
    server.begin("alone")
    try:
        server.write("notes.txt", "one\n")
        async with server.events() as events:
            alice = await server.open("notes.txt")
            async with asyncio.timeout(PATIENCE):
                while "not protected from a crash" not in (
                    told := str(json.loads(await events.recv()).get("message"))
                ):
                    pass
        assert "notes.txt" in told and str(taken) in told
        alice.insert(0, "<typed>")
        await server.until_file("notes.txt", "<typed>")
    finally:
        server.kill()


async def test_a_document_that_cannot_be_opened_ends_no_other(server: LocalServer) -> None:
    """A tab that returns after its file was deleted is refused, and ends no other document."""
    alice = await server.open("notes.txt")
    bob = await server.open("notes.txt", "bob")
    server.write("gone.txt", "one\n")
    seat = server.seat("gone.txt")
    (server.files / "gone.txt").unlink()
    for _attempt in range(3):
        tabs = [Room(seat) for _ in range(2)]
        refused = await asyncio.gather(*(tab.join() for tab in tabs), return_exceptions=True)
        assert all(isinstance(each, NotGiven) for each in refused), refused
    alice.insert(0, "<typed>")
    await both_see(alice, bob, "<typed>")
    server.write("gone.txt", "one\n")
    await (await server.open("gone.txt")).leave()


async def test_a_server_that_was_killed_while_it_loaded_a_document_loads_it_anew(server: LocalServer) -> None:
    """A server that was killed while it loaded a document loads it again.

    The interrupted record does not count as the document's earlier state.
    """
    server.write("notes.txt", "Straße\nmüde\nfür\n")
    alice = await server.open("notes.txt")
    server.kill()
    document = alice.seat.door.url.rpartition("/")[2].partition("?")[0]
    with closing(sqlite3.connect(server.state / "documents.db")) as db, db:
        for table in ("documents", "visits"):
            db.execute(f"delete from {table} where document = ?", (document,))
    text = "Straße\nmüde\n<new>für\n"
    server.write("notes.txt", text)
    server.start()
    bob = await server.open("notes.txt", "bob")
    assert bob.text == text
    # The record now tells what the file contained.
    server.kill()
    server.write("notes.txt", "Straße\nmüde\nfür\n")
    server.start()
    carol = await server.open("notes.txt", "carol")
    assert carol.text == "Straße\nmüde\nfür\n"
    await alice.vanish()


SLOW = """
import asyncio
from pathlib import Path

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

disk = Path("disk")


async def be_slow():
    disk.write_text("at work")
    while disk.read_text() == "at work":
        await asyncio.sleep(0.05)


class Slow(AsyncLargeFileManager):
    async def get(self, path, content=True, **more):
        if content and disk.read_text() == "slow to read":
            await be_slow()
        return await super().get(path, content, **more)

    async def save(self, model, path=""):
        if ".before-" in path and disk.read_text() == "slow to write":
            await be_slow()
        return await super().save(model, path)
"""


@pytest.fixture
def slow_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = LocalServer(tmp_path, "--ServerApp.contents_manager_class=slow.Slow")
    server.write("notes.txt", "one\n")
    server.write("disk", "fast")
    server.start()
    yield server
    server.kill()


async def test_a_file_that_changes_before_its_document_is_there_is_in_it_once(
    slow_server: LocalServer,
) -> None:
    """A file that changes while its document is loaded from a slow disk is in the document once."""
    tab = Room(await asyncio.to_thread(slow_server.seat, "notes.txt"))
    slow_server.write("disk", "slow to read")
    joining = asyncio.create_task(tab.join())
    await slow_server.until_file("disk", "at work")
    slow_server.write("notes.txt", "one\ntwo\n")
    await asyncio.sleep(3)  # long enough for the change to be noticed
    slow_server.write("disk", "fast")
    await joining
    await tab.wait_until(lambda room: "two" in room.text, PATIENCE)
    assert tab.text == "one\ntwo\n"


async def test_what_comes_while_a_copy_is_being_written_is_in_a_copy_too(slow_server: LocalServer) -> None:
    """Text typed into a cell that was just removed is also in a copy, even if the first copy is still being written."""
    slow_server.write("work.ipynb", json.dumps(NOTEBOOK))
    alice, bob = await slow_server.open("work.ipynb"), await slow_server.open("work.ipynb", "bob")
    await bob.drop()
    alice.insert(0, "by_alice = 1\n", 1)
    await slow_server.until_file("work.ipynb", "by_alice")
    slow_server.write("disk", "slow to write")
    slow_server.write("work.ipynb", json.dumps({**NOTEBOOK, "cells": CELLS[:1]}))
    await slow_server.until_file("disk", "at work")
    bob.insert(0, "by_bob = 1\n", 1)
    await come_back(bob)
    await bob.wait_until(lambda room: room.cell_count == 1, PATIENCE)
    slow_server.write("disk", "fast")
    async with asyncio.timeout(PATIENCE):
        while not all(
            word in "".join(map(slow_server.read, copies(slow_server))) for word in ("by_alice", "by_bob")
        ):
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("name", "cell", "then"),
    [("work.ipynb", 1, json.dumps({**NOTEBOOK, "cells": CELLS[:1]})), ("notes.txt", None, "one\n")],
)
async def test_a_copy_that_is_being_written_is_there_when_the_server_has_stopped(
    slow_server: LocalServer, name: str, cell: int | None, then: str
) -> None:
    slow_server.write("work.ipynb", json.dumps(NOTEBOOK))
    alice = await slow_server.open(name)
    alice.insert(0, "by_alice = 1\n", cell)
    await slow_server.until_file(name, "by_alice")
    assert await alice.save(PATIENCE) == "success"
    slow_server.write("disk", "slow to write")
    slow_server.write(name, then)
    await slow_server.until_file("disk", "at work")
    stopping = asyncio.create_task(asyncio.to_thread(slow_server.end))
    await asyncio.sleep(1)
    slow_server.write("disk", "fast")
    await stopping
    (copy,) = copies(slow_server)
    assert "by_alice" in slow_server.read(copy)


async def test_a_write_from_outside_is_merged(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    server.write("notes.txt", "one\ntwo\nfrom git\n")
    await alice.wait_until(lambda room: "from git" in room.text, PATIENCE)
    assert alice.text == "<typed>one\ntwo\nfrom git\n"
    await server.until_file("notes.txt", alice.text)
    assert not copies(server), "a copy was made although nothing was removed"


async def test_what_was_typed_into_a_cell_that_goes_is_kept_and_people_are_told(server: LocalServer) -> None:
    alice = await server.open("work.ipynb")
    notebook = json.loads(server.read("work.ipynb"))
    async with server.events() as events:
        alice.insert(0, "<typed>", cell=1)
        notebook["cells"].pop()
        server.write("work.ipynb", json.dumps(notebook))
        await alice.wait_until(lambda room: len(room.cells) == 1, PATIENCE)
        notice = await next_notice(events)
    (copy,) = copies(server)
    assert [cell["source"] for cell in json.loads(server.read(copy))["cells"]] == [
        "x = 0",
        "<typed>x = 1",
    ]
    assert notice["path"] == server.path("work.ipynb") and notice["level"] == "warning"
    assert copy in notice["message"]


async def test_what_is_on_its_way_into_a_cell_that_goes_is_in_the_copy(server: LocalServer) -> None:
    """Text that is on its way into a cell that a script has removed is in the copy."""
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    notebook = json.loads(server.read("work.ipynb"))
    del notebook["cells"][1]
    await bob.drop()
    server.write("work.ipynb", json.dumps(notebook))
    await alice.wait_until(lambda room: len(room.cells) == 1, PATIENCE)
    bob.insert(0, "<on its way>", cell=1)
    await bob.join()
    async with asyncio.timeout(PATIENCE):
        while not copies(server):
            await asyncio.sleep(0.1)
    (copy,) = copies(server)
    await server.until_file(copy, "<on its way>")
    await both_see(alice, bob)
    assert len(bob.cells) == 1


async def test_a_write_from_outside_while_nobody_is_there(server: LocalServer) -> None:
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    alice.insert(0, "<not saved>")
    await both_see(alice, bob, "<not saved>")
    server.kill()
    await alice.leave()
    server.write("notes.txt", "one\ntwo\nfrom git\n")
    server.start()
    await come_back(bob)
    await server.until_file("notes.txt", "<not saved>one\ntwo\nfrom git\n")
    assert bob.text == server.read("notes.txt")


async def test_two_writes_from_outside_before_a_save_are_there_once(tmp_path: Path) -> None:
    server = LocalServer(tmp_path, "--YDocExtension.document_save_delay=4")
    server.write("notes.txt", "one\n")
    server.start()
    try:
        alice = await server.open("notes.txt")
        alice.insert(0, "<typed>")
        for text in ("one\ntwo\n", "one\ntwo\nthree\n"):
            server.write("notes.txt", text)
            await both_see(alice, alice, text)
        await server.until_file("notes.txt", "<typed>one\ntwo\nthree\n")
        assert alice.text == "<typed>one\ntwo\nthree\n"
        # A third one, then a crash before the typed text is saved.
        alice.insert(0, "<more>")
        server.write("notes.txt", server.read("notes.txt") + "four\n")
        await alice.wait_until(lambda room: "four" in room.text, PATIENCE)
        server.kill()
        server.start()
        await come_back(alice)
        await server.until_file("notes.txt", "<more>")
        assert server.read("notes.txt") == alice.text == "<more><typed>one\ntwo\nthree\nfour\n"
    finally:
        if server.runs:
            server.kill()


async def killed_while_it_wrote(server: LocalServer, name: str, found: Callable[[str], str]) -> Room:
    """Kill the server as if it were writing what someone typed, and leave in the file what `found` makes of the intended content."""
    alice, bob = await server.open(name), await server.open(name, "bob")
    for room in (alice, bob):
        room.save_by_hand_only()
    alice.insert(0, "<typed>", cell=0 if name.endswith(".ipynb") else None)
    await both_see(alice, bob, "<typed>")
    before = server.read(name)
    assert "<typed>" not in before, "the text was saved before the server was killed"
    server.kill()
    bob.save_by_hand_only(False)
    await alice.leave()
    with closing(sqlite3.connect(server.state / "documents.db")) as db, db:
        document = (document_of(bob),)
        last = "(select max(id) from updates where document = documents.document)"
        db.execute(f"update documents set writing = {last} where document = ?", document)
    written = before.replace("x = 0", "<typed>x = 0") if name.endswith(".ipynb") else "<typed>" + before
    server.write(name, found(written))
    server.start()
    await come_back(bob)
    return bob


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("work.ipynb", str, id="complete notebook", marks=pytest.mark.long),
        pytest.param("work.ipynb", lambda text: text[:99], id="truncated notebook"),
        pytest.param("notes.txt", str, id="complete text", marks=pytest.mark.long),
        pytest.param("notes.txt", lambda text: text[:9], id="truncated text"),
        pytest.param(
            "notes.txt", lambda text: text + "from outside\n", id="complete text, changed from outside since"
        ),
    ],
)
async def test_it_was_killed_while_it_wrote_the_file(
    server: LocalServer, name: str, found: Callable[[str], str]
) -> None:
    bob = await killed_while_it_wrote(server, name, found)
    outside = "from outside\n" if "outside" in found("") else ""
    if outside:
        await bob.wait_until(lambda room: outside in room.text, PATIENCE)
    await asyncio.sleep(1.5)
    await server.until_file(name, "<typed>", "x = 1" if name == "work.ipynb" else f"two\n{outside}")
    assert words(bob) == ("<typed>x = 0\nx = 1" if name == "work.ipynb" else f"<typed>one\ntwo\n{outside}")
    assert server.read(name).count("<typed>") == 1
    if name == "work.ipynb":
        assert [cell["id"] for cell in json.loads(server.read(name))["cells"]] == ["cell0", "cell1"]
    else:
        assert server.read(name) == words(bob)


async def test_one_file_open_as_notebook_and_as_text(server: LocalServer) -> None:
    notebook = await server.open("work.ipynb")
    session = server.ask("PUT", session_of(server, "work.ipynb"), {"format": "text", "type": "file"})
    seat = server.seat("notes.txt", "bob")
    url = seat.door.url.partition("/room/")[
        0
    ] + "/room/{format}:{type}:{fileId}?sessionId={sessionId}".format(**session)
    text = Room(type(seat)("work.ipynb", False, type(seat.door)(url, seat.door.headers), seat.user))
    await text.join()
    notebook.insert(0, "typed_in_the_notebook = 1\n", cell=0)
    await text.wait_until(lambda room: "typed_in_the_notebook" in room.text, PATIENCE)
    text.insert(text.text.index("x = 1"), "typed_in_the_text = 1; ")
    await notebook.wait_until(lambda room: "typed_in_the_text" in words(room), PATIENCE)
    assert "typed_in_the_notebook" in words(notebook)


async def test_anyone_who_saves_by_hand_is_told_whether_it_was_done(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    assert await alice.save(PATIENCE) == "success"
    assert server.read("notes.txt") == "<typed>one\ntwo\n"
    (server.files / "notes.txt").unlink()
    assert await alice.save(PATIENCE) == "failed"


async def test_a_tab_of_another_history_is_asked_to_open_anew(server: LocalServer) -> None:
    await server.open("notes.txt")
    with pytest.raises(Refused, match="unknown_session"):
        await server.open("notes.txt", "bob", session="of-another-server")


async def test_a_tab_of_a_document_that_was_forgotten_is_asked_to_open_anew(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    other = await server.open("work.ipynb")
    server.kill()
    alice.insert(0, "<typed>")
    forget(server, alice)
    server.start()
    with pytest.raises(Refused, match="unknown_session"):
        await alice.join()
    await come_back(other)


async def test_the_timeline_is_refused(server: LocalServer) -> None:
    """The timeline is refused, because it disconnects tabs from the document. JupyterLab hides it, but a page from before may still ask."""
    alice = await server.open("notes.txt")
    path = server.path("notes.txt")
    for method, asked in (
        ("GET", f"timeline/{path}?format=text&type=file"),
        ("PUT", f"undo_redo/{document_of(alice)}?action=restore&steps=1&forkRoom=x"),
    ):
        with pytest.raises(httpx.HTTPStatusError, match="403 The document timeline is disabled") as refused:
            server.ask(method, f"api/collaboration/{asked}")
        assert "timeline" in refused.value.response.json()["message"]
    config = json.loads((CONFIG / "labconfig/page_config.json").read_text())
    assert config["disabledExtensions"]["@jupyter/docprovider-extension:statusBarTimeline"] is True


async def test_the_history_tells_who_has_changed_what_when(server: LocalServer) -> None:
    """The history tells who changed what and when. Each connection is an editing session of its user, unless the user only reads."""
    began = time.time()
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    await server.open("notes.txt", "carol")
    for room, text in ((alice, "<1>"), (bob, "<2>"), (alice, "<3>")):
        room.insert(0, text)
        await both_see(alice, bob, text)
    await alice.drop()
    await alice.join()
    alice.insert(0, "<4>")
    await both_see(alice, bob, "<4>")
    # The server's own changes have no author: it notes that the file was saved, and follows outside changes.
    await server.until_file("notes.txt", "<4>")
    server.write("notes.txt", server.read("notes.txt") + "<5>")
    await both_see(alice, bob, "<5>")
    past = History(server.state, logging.getLogger(__name__))
    edits = past.edits(document_of(alice))
    assert [edit.updates for edit in edits] == [2, 1, 1]
    # The username is the server's, not what the tab claims. Without a hub, each request has a new one.
    assert all(edit.username and edit.username not in ("alice", "bob") for edit in edits)
    assert all(began <= edit.began <= edit.ended <= time.time() for edit in edits)


async def test_many_restarts_do_not_make_a_tab_unknown(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    server.kill()
    with closing(sqlite3.connect(server.state / "documents.db")) as db, db:
        later = time.time() + 1
        for number in range(50):
            db.execute(
                "insert into sessions select ?, version, ? from sessions limit 1", (f"{number}", later)
            )
    server.start()
    await come_back(alice)
    alice.insert(0, "<back>")
    await server.until_file("notes.txt", "<back>")


async def test_a_server_with_nothing_but_forgotten_tabs_ends(tmp_path: Path) -> None:
    (tmp_path / "idle").mkdir()
    server = LocalServer(tmp_path / "idle", idle_seconds=4)
    server.write("notes.txt", "one\n")
    server.start()
    try:
        alice = await server.open("notes.txt")
        began = time.monotonic()
        while time.monotonic() - began < 7:  # longer than the idle time
            alice.insert(0, "x")
            await asyncio.sleep(0.5)
        assert server.runs, "the server stopped while someone typed"
        alice.insert(0, "<last>")
        async with asyncio.timeout(PATIENCE):
            while server.runs:
                await asyncio.sleep(0.2)
        assert "s without activity" in server.log
        assert "<last>" in server.read("notes.txt")
    finally:
        if server.runs:
            server.kill()


async def test_a_document_closes_that_all_leave_at_once(tmp_path: Path) -> None:
    """Two people close their tabs at the same time. The server keeps no document open for nobody."""
    server = LocalServer(tmp_path, "--YDocExtension.document_cleanup_delay=0.1")
    server.start()
    try:
        names = [f"{number}.txt" for number in range(8)]
        for name in names:
            server.write(name, "one\n")
            tabs = [await server.open(name, who) for who in ("alice", "bob")]
            await asyncio.gather(*(tab.vanish() for tab in tabs))
        async with asyncio.timeout(PATIENCE):
            while server.log.count("Deleting Y document from memory") < len(names):
                await asyncio.sleep(0.05)
    finally:
        server.kill()


async def test_who_comes_to_a_document_that_never_opens_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor of a room that failed to start is told, and does not wait forever."""
    monkeypatch.setattr(rooms, "START_SECONDS", 0.05)
    ends: list[tuple[int, dict[str, Any]]] = []
    never: Any = SimpleNamespace(
        ydoc_observed=asyncio.Event(), ready_event=asyncio.Event(), log=logging.getLogger(), _room_id="notes"
    )
    visitor = SimpleNamespace(close=lambda code, reason: ends.append((code, json.loads(reason))))
    async with asyncio.timeout(PATIENCE):
        await rooms.Room.serve(never, visitor)
    ((code, told),) = ends
    assert code == 1003
    assert (told["reason"], told["reloadable"]) == ("initialization_error", True)


async def next_notice(events: Any) -> dict[str, Any]:
    """Wait for the next notice about a document, and return it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            event = json.loads(await events.recv())
            if event.get("schema_id", "").endswith("/document/v1"):
                return dict(event)


def copies(server: LocalServer) -> list[str]:
    return [path.name for path in server.files.glob("[!.]*.before-*")]


def forget(server: LocalServer, room: Room) -> None:
    """Forget a document, as the server does if nobody has opened it for long."""
    with closing(sqlite3.connect(server.state / "documents.db")) as db, db:
        for table in ("updates", "documents", "visits"):
            assert db.execute(f"delete from {table} where document = ?", (document_of(room),)).rowcount


def document_of(room: Room) -> str:
    """Return the server's name for a document."""
    return room.seat.door.url.partition("/room/")[2].partition("?")[0]


def session_of(server: LocalServer, name: str) -> str:
    return "api/collaboration/session/" + quote(server.path(name), safe="")
