# SPDX-License-Identifier: GPL-3.0-or-later
"""While a large file that a program changed is merged, users continue to type, and what they type stays."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jupyterhub_collab.server.following import LARGE
from jupyterhub_collab.server.room import ATTEMPTS
from local_server import PATIENCE, LocalServer, come_back, server_with
from open_files import copies, until, words
from people.room import Room
from tiers import some_long

pytestmark = pytest.mark.anyio

# Merging begins, and does not end until the test lets it.
HOLDS = """
import asyncio
import os
import threading
import time

from jupyterhub_collab.server import apart, rescue, room

theirs, apart_theirs, lost = room.follow_aside, apart.follow_apart, rescue.Rescue.lost


def wait(hold, held):
    if os.path.exists(hold):
        open(held, "w").close()
        while os.path.exists(hold) and not os.path.exists("go on"):
            time.sleep(0.01)
        if os.path.exists("go on"):
            os.unlink("go on")


def follow_aside(*arguments):
    if threading.current_thread() is not threading.main_thread():  # else the server merges at once
        assert not is_apart
        wait("hold", "held")
    return theirs(*arguments)


async def follow_apart(*arguments):
    await asyncio.to_thread(wait, "hold", "held")
    return await apart_theirs(*arguments)


def held_lost(*arguments):
    wait("hold what is lost", "holds what is lost")
    return lost(*arguments)


is_apart = False
room.follow_aside, apart.follow_apart, rescue.Rescue.lost = follow_aside, follow_apart, held_lost
"""
# Merges in another process.
APART = """
apart.VERY_LARGE = 0
is_apart = True
"""
# The other process ends with an error at once.
BROKEN = """
apart.VERY_LARGE, apart.START = 0, "raise SystemExit(3)"
"""
PICTURE = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * LARGE}}


@pytest.fixture(
    scope="module",
    params=[pytest.param("", id="in a thread"), pytest.param(APART, id="in another process")],
)
def one_server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[LocalServer]:
    place = tmp_path_factory.mktemp("server")
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        server_with(place, monkeypatch, HOLDS + request.param) as server,
    ):
        yield server


@pytest.fixture
def server(one_server: LocalServer, request: pytest.FixtureRequest) -> LocalServer:
    """Return a running server, with a large notebook in the test's own folder."""
    one_server.begin(request.node.name)
    write(one_server, "first = 1", "second = 2", "third = 3")
    return one_server


def sign(server: LocalServer, name: str) -> Path:
    """Return the file by which the test tells the server something, or the server the test."""
    return server._root / name


def large_notebook(*sources: str) -> dict[str, Any]:
    """Return a notebook whose cells have their first word as ID. The last cell has a large picture."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code", "id": source.split()[0], "source": source,
            "metadata": {}, "outputs": [], "execution_count": None,
        }
        for source in sources
    ]  # fmt: skip
    cells[-1]["outputs"] = [PICTURE]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def write(server: LocalServer, *sources: str) -> None:
    """Write a notebook as a program does."""
    server.write("work.ipynb", json.dumps(large_notebook(*sources)))


@asynccontextmanager
async def held(server: LocalServer, change: Callable[[], None]) -> AsyncIterator[None]:
    """Change a file, and keep the server merging it while the block runs."""
    hold, is_held = sign(server, "hold"), sign(server, "held")
    is_held.unlink(missing_ok=True)
    hold.touch()
    change()
    await until(is_held.exists)
    try:
        yield
    finally:
        hold.unlink()


async def both_see(one: Room, other: Room, *texts: str) -> None:
    for room in (one, other):
        await room.wait_until(lambda room: all(words(room).count(text) == 1 for text in texts), PATIENCE)
    assert words(one) == words(other)


async def test_people_go_on_while_a_large_notebook_is_merged(server: LocalServer) -> None:
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    alice.insert(0, "early ", 0)
    await both_see(alice, bob, "early")
    async with held(server, lambda: write(server, "first = 1", "second = 22", "new = 0", "third = 3")):
        alice.insert(0, "typed ", 0)
        bob.insert(0, "meanwhile ", 1)
        await both_see(alice, bob, "early", "typed", "meanwhile")
        assert alice.cell_count == 3
    await both_see(alice, bob, "early", "typed", "meanwhile", "second = 22", "new = 0")
    await server.until_file("work.ipynb", "early", "typed", "meanwhile", "second = 22", "new = 0")
    assert not copies(server)


async def test_people_go_on_while_a_large_text_is_merged(server: LocalServer) -> None:
    rest = "".join(f"line {number}\n" for number in range(LARGE // 8))
    server.write("notes.txt", "one\ntwo\n" + rest)
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    async with held(server, lambda: server.write("notes.txt", "one\n2\n" + rest)):
        alice.insert(0, "<typed>")
        await both_see(alice, bob, "<typed>")
        assert "two\n" in bob.text
    await bob.wait_until(lambda room: room.text.startswith("<typed>one\n2\nline 0"), PATIENCE)
    await server.until_file("notes.txt", "<typed>one\n2\nline 0")
    assert not copies(server)


async def test_what_is_typed_meanwhile_into_a_cell_that_goes_is_in_a_copy(server: LocalServer) -> None:
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    async with held(server, lambda: write(server, "first = 1", "third = 3")):
        alice.insert(0, "typed = 1\n", 1)
        await both_see(alice, bob, "typed = 1")
    await bob.wait_until(lambda room: room.cell_count == 2, PATIENCE)
    await until(lambda: copies(server))
    await server.until_file(copies(server)[0], "typed = 1", "second = 2")
    alice.insert(0, "after = 1\n", 0)
    await server.until_file("work.ipynb", "after = 1")
    assert "typed = 1" not in server.read("work.ipynb") and len(copies(server)) == 1


async def test_what_is_typed_meanwhile_into_a_cell_that_moves_moves_with_it(server: LocalServer) -> None:
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    async with held(server, lambda: write(server, "second = 22", "first = 1", "third = 3")):
        for cell, text in enumerate(("typed = 1\n", "also = 1\n")):
            alice.insert(0, text, cell)
        await both_see(alice, bob, "typed = 1", "also = 1")
    await both_see(alice, bob, "also = 1\nsecond = 22", "typed = 1\nfirst = 1")
    await server.until_file("work.ipynb", "also = 1", "typed = 1", "second = 22")
    assert alice.cell_count == 3 and not copies(server)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda room: room.move_cell(1, 0), id="moves the cell"),
        pytest.param(lambda room: room.delete_cell(0), id="deletes another cell"),
    ],
)
async def test_a_program_changes_a_cell_while_someone(
    server: LocalServer, change: Callable[[Room], None]
) -> None:
    """If a user moves a cell or deletes one during the merge, the program's change is worked out again, not lost with the old cell."""
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    async with held(server, lambda: write(server, "first = 1", "second = 22", "third = 3")):
        change(alice)
        alice.insert(0, "typed = 1\n", 0)
        await both_see(alice, bob, "typed = 1")
    await both_see(alice, bob, "second = 22", "typed = 1")
    await server.until_file("work.ipynb", "second = 22", "typed = 1")
    assert not copies(server)


async def test_what_someone_deletes_meanwhile_is_in_no_copy(server: LocalServer) -> None:
    """Text that a user deletes during the merge is in no copy, because the program did not remove it."""
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    alice.insert(0, "mistake ", 0)
    assert await alice.save(PATIENCE) == "success"
    async with held(server, lambda: write(server, "first = 1", "second = 22", "third = 3")):
        alice.delete(0, len("mistake "), 0)
        await bob.wait_until(lambda room: "mistake" not in words(room), PATIENCE)
    await both_see(alice, bob, "second = 22")
    await server.until_file("work.ipynb", "second = 22")
    assert not copies(server)


async def test_a_server_is_killed_as_it_takes_a_cell_out_into_which_someone_typed_meanwhile(
    server: LocalServer,
) -> None:
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    sign(server, "hold what is lost").touch()
    async with held(server, lambda: write(server, "first = 1", "third = 3")):
        alice.insert(0, "typed = 1\n", 1)
        await both_see(alice, bob, "typed = 1")
    await until(sign(server, "holds what is lost").exists)
    server.kill()
    sign(server, "hold what is lost").unlink()
    server.start()
    await come_back(alice, bob)
    await until(lambda: copies(server))
    await server.until_file(copies(server)[0], "typed = 1", "second = 2")
    assert len(copies(server)) == 1


async def test_cells_that_come_again_and_again_put_off_no_merge_for_ever(server: LocalServer) -> None:
    """New cells during each attempt make its result obsolete, but do not postpone the merge forever: the last attempt merges at once."""
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    async with held(server, lambda: write(server, "first = 1", "second = 22", "third = 3")):
        for number in range(ATTEMPTS):
            await until(sign(server, "held").exists)
            sign(server, "held").unlink()
            alice.append_cell(f"more{number} = 0")
            if number == ATTEMPTS - 1:
                alice.move_cell(1, 0)
            await bob.wait_until(lambda room: words(room) == words(alice), PATIENCE)
            sign(server, "go on").touch()
        await alice.wait_until(lambda room: "second = 22" in words(room), PATIENCE)
        assert not sign(server, "held").exists()
    await both_see(alice, bob, "second = 22", "first = 1", "more4 = 0")
    await server.until_file("work.ipynb", "second = 22", "more4 = 0")
    assert alice.cell_count == 3 + ATTEMPTS and not copies(server)


async def test_a_server_is_killed_while_it_merges(server: LocalServer) -> None:
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    async with held(server, lambda: write(server, "first = 1", "second = 22", "third = 3")):
        alice.insert(0, "typed = 1\n", 0)
        await both_see(alice, bob, "typed = 1")
        server.kill()
    server.start()
    await come_back(alice, bob)
    await both_see(alice, bob, "typed = 1", "second = 22")
    await server.until_file("work.ipynb", "typed = 1", "second = 22")
    assert not copies(server)


async def test_a_large_notebook_that_cannot_be_read_leaves_nothing_due(server: LocalServer) -> None:
    """A large notebook that cannot be read leaves no pending work. A restarted server would take text that users delete later for lost."""
    alice = await server.open("work.ipynb")
    alice.insert(0, "typed = 1\n", 0)
    assert await alice.save(PATIENCE) == "success"
    whole = server.read("work.ipynb")
    server.write("work.ipynb", whole.replace("[", "[\n<<<<<<< HEAD\n", 1))
    alice.insert(0, "more = 1\n", 0)
    assert await alice.save(PATIENCE) == "failed"
    server.write("work.ipynb", whole)
    await server.until_file("work.ipynb", "typed = 1", "more = 1")
    alice.delete(0, len("more = 1\ntyped = 1\n"), 0)
    await until(lambda: "typed" not in server.read("work.ipynb"))
    server.kill()
    server.start()
    await come_back(alice)
    await server.until_file("work.ipynb", "first = 1")
    assert "typed" not in words(alice) and not copies(server)


@pytest.mark.parametrize("trusted", [True, False])
async def test_output_that_the_server_trusts_is_trusted_after_a_merge(
    server: LocalServer, trusted: bool
) -> None:
    alice = await server.open("work.ipynb")
    content = large_notebook("first = 1", "second = 22", "third = 3")
    never_signed = {"text/html": uuid4().hex}
    output = {"output_type": "display_data", "metadata": {}, "data": never_signed}
    content["cells"][1] |= {"outputs": [output], "metadata": {"trusted": trusted}}
    content["cells"][2]["metadata"] = {"trusted": True}
    model = {"type": "notebook", "format": "json", "content": content}
    server.ask("PUT", "api/contents/" + server.path("work.ipynb"), model)
    await alice.wait_until(lambda room: "second = 22" in words(room), PATIENCE)
    assert alice.cells[1]["metadata"]["trusted"] is trusted


@pytest.mark.parametrize("one_server", [BROKEN], indirect=True, ids=["broken"])
async def test_the_server_merges_what_another_process_cannot(server: LocalServer) -> None:
    alice = await server.open("work.ipynb")
    alice.insert(0, "typed = 1\n", 0)
    write(server, "first = 1", "second = 22", "third = 3")
    await alice.wait_until(lambda room: "second = 22" in words(room), PATIENCE)
    await server.until_file("work.ipynb", "typed = 1", "second = 22")
    assert "work.ipynb is merged in the server's own process: ChildProcessError" in server.log


# Kills the server after it has written the merge to the history.
KILLED = """
import os
import signal

from jupyterhub_collab.server import history

set_on_disk = history.History.set_on_disk


def killed(self, document, on_disk):
    if os.path.exists("kill"):
        os.unlink("kill")
        os.kill(os.getpid(), signal.SIGKILL)
    set_on_disk(self, document, on_disk)


history.History.set_on_disk = killed
"""


@pytest.mark.parametrize("name", some_long(["work.ipynb", "notes.txt"], short=["work.ipynb"]))
async def test_a_killed_server_does_not_merge_a_file_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A server killed after it wrote the merge to the history, and before it recorded the file's state, does not merge the file twice.

    What people typed is not saved, so the file never held the document.
    """
    with server_with(tmp_path, monkeypatch, KILLED, "--YDocExtension.document_save_delay=60") as server:
        is_notebook = name == "work.ipynb"
        write(server, "first = 1", "second = 2", "third = 3") if is_notebook else server.write(
            name, "first = 1\nsecond = 2\nthird = 3\n"
        )
        alice = await server.open(name)
        alice.insert(0, "typed ", 0 if is_notebook else None)
        await alice.wait_until(lambda room: "typed" in words(room), PATIENCE)
        server.write("kill", "")
        server.write(name, server.read(name).replace("second = 2", "second = program"))
        await until(lambda: not (server.files / "kill").exists())
        server.kill()
        server.start()
        await come_back(alice)
        await alice.wait_until(lambda room: "program" in words(room), PATIENCE)
        await server.until_file(name, "typed", "program")
        assert words(alice).count("program") == 1 and words(alice).count("typed") == 1
        assert not copies(server)
