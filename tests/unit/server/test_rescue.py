# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is killed before it has kept or restored text does so at its next start. Uses a real server that is held up on the way."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_collab.server.history import History
from jupyterhub_collab.server.merge import doc_of
from jupyterhub_collab.server.yjs_update import clocks_of
from local_server import PATIENCE, LocalServer, come_back, server_with
from open_files import copies, told, until
from people.room import Room
from tiers import some_long

pytestmark = pytest.mark.anyio

# Waits before it writes or notes a copy, and before it looks for text to restore, while a file says so. Fails to write a copy likewise.
WAITING = """
import asyncio
import errno
import os
import time

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyterhub_collab.server import copies, rescue

write_new, unseen = copies.write_new, rescue.unseen


def has_to_wait(step):
    if os.path.exists(f"wait for {step}"):
        open(f"{step} waits", "w").close()
        return True


async def slow_write_new(*arguments):
    if os.path.exists("no copy"):
        raise OSError(errno.ENOSPC, "No space left on device")
    while has_to_wait("copy"):
        await asyncio.sleep(0.05)
    copy = await write_new(*arguments)
    while has_to_wait("noting"):
        await asyncio.sleep(0.05)
    return copy


def slow_unseen(*arguments):
    while has_to_wait("text"):
        time.sleep(0.05)
    return unseen(*arguments)


def slow_lost(*arguments):
    while has_to_wait("lost"):
        time.sleep(0.05)
    return lost(*arguments)


lost = rescue.Rescue.lost
copies.write_new, rescue.unseen, rescue.Rescue.lost = slow_write_new, slow_unseen, slow_lost


class Manager(AsyncLargeFileManager):
    pass
"""
CELL: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    with server_with(
        tmp_path, monkeypatch, WAITING, "--ServerApp.contents_manager_class=of_test.Manager"
    ) as server:
        yield server


def notebook(*sources: str) -> str:
    cells = [{**CELL, "id": f"cell{number}", "source": source} for number, source in enumerate(sources)]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


async def test_a_copy_that_cannot_be_written_is_told_and_made_later(server: LocalServer) -> None:
    server.write("no copy", "")
    alice = await server.open("notes.txt")
    alice.insert(0, "typed ")
    await server.until_file("notes.txt", "typed one")
    async with told(server) as notices:
        server.write("notes.txt", "one\n")  # by a program that had read the file before
        await until(lambda: notices)
    assert [notice["message"] for notice in notices] == [
        "Removed text of notes.txt could not be kept in a copy. The server tries again when notes.txt is next opened. "
        "Reason: [Errno 28] No space left on device"
    ]
    assert not copies(server)
    server.kill()
    (server.files / "no copy").unlink()
    server.start()
    await come_back(alice)
    (copy,) = copies(server)
    assert server.read(copy) == "typed one\n"


async def with_bob_away(server: LocalServer, step: str) -> tuple[Room, Room]:
    """Have two users open a notebook, one of them offline, and make the server wait at a step."""
    server.write("work.ipynb", notebook("x = 0", "x = 1"))
    server.write(f"wait for {step}", "")
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    await bob.drop()
    return alice, bob


async def kill_while_it_waits(server: LocalServer, step: str) -> None:
    await until((server.files / f"{step} waits").exists)
    server.kill()
    (server.files / f"wait for {step}").unlink()


@pytest.mark.parametrize("step", some_long(["copy", "noting"], short=["noting"]))
async def test_a_copy_is_made_once_though_the_server_is_killed(server: LocalServer, step: str) -> None:
    """A copy is made once, even if the server is killed before it writes the copy, or before it notes that it has."""
    server.write(f"wait for {step}", "")
    alice = await server.open("notes.txt")
    alice.insert(0, "typed ")
    await server.until_file("notes.txt", "typed one")
    server.write("notes.txt", "one\n")  # by a program that had read the file before
    await kill_while_it_waits(server, step)
    assert len(copies(server)) == (step == "noting")
    for _start in range(2):
        server.start()
        await come_back(alice)
        assert alice.text == "one\n"
        (copy,) = copies(server)
        assert server.read(copy) == "typed one\n"
        server.kill()


@pytest.mark.long
async def test_a_copy_is_made_once_though_the_file_has_another_format_now(server: LocalServer) -> None:
    """The program that removed the text has also changed the line endings. A notebook: its indentation."""
    server.write("wait for noting", "")
    alice = await server.open("notes.txt")
    server.write("work.ipynb", notebook("x = 0", "x = 1"))
    bob = await server.open("work.ipynb", "bob")
    alice.insert(0, "typed ")
    bob.insert(0, "typed = 1\n", 1)
    await server.until_file("notes.txt", "typed one")
    await server.until_file("work.ipynb", "typed = 1")
    (server.files / "notes.txt").write_bytes(b"one\r\n")
    server.write("work.ipynb", json.dumps(json.loads(notebook("x = 0")), indent=3))
    await until(lambda: len(copies(server)) == 2)
    await kill_while_it_waits(server, "noting")
    server.start()
    await come_back(alice, bob)
    await until(lambda: alice.text == "one\n" and bob.cell_count == 1)
    await asyncio.sleep(1)
    assert len(copies(server)) == 2


async def test_what_is_in_a_copy_is_not_kept_again_though_the_server_is_killed(server: LocalServer) -> None:
    """Text that is in a copy is not kept again if a program removes it again, together with the program's own words."""
    alice = await server.open("notes.txt")
    alice.insert(0, "typed ")
    assert await alice.save(PATIENCE) == "success"
    server.write("notes.txt", "one\n")
    await until(lambda: copies(server))
    server.write("notes.txt", "typed one\nfrom git\n")
    await alice.wait_until(lambda room: room.text == "typed one\nfrom git\n", PATIENCE)
    server.write("wait for lost", "")
    server.write("notes.txt", "one\n")
    await kill_while_it_waits(server, "lost")
    server.start()
    await come_back(alice)
    await alice.wait_until(lambda room: room.text == "one\n", PATIENCE)
    await asyncio.sleep(1)
    assert len(copies(server)) == 1


async def test_nothing_is_kept_that_is_still_there(server: LocalServer) -> None:
    """If the author restores removed text before the server is killed, no copy is made."""
    server.write("wait for copy", "")
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    alice.insert(0, "typed ")
    await server.until_file("notes.txt", "typed one")
    server.write("notes.txt", "one\n")
    await alice.wait_until(lambda room: room.text == "one\n", PATIENCE)
    alice.insert(0, "again typed ")
    await bob.wait_until(lambda room: room.text == "again typed one\n", PATIENCE)
    await kill_while_it_waits(server, "copy")
    server.start()
    await come_back(alice)
    await server.until_file("notes.txt", "again typed one\n")
    assert not copies(server)


@pytest.mark.parametrize(
    "take_out",
    [
        pytest.param(lambda room: room.move_cell(1, 0), id="moves the cell", marks=pytest.mark.long),
        pytest.param(lambda room: room.delete_cell(1), id="deletes the cell"),
    ],
)
async def test_text_is_restored_once_though_the_server_is_killed_before(
    server: LocalServer, take_out: Callable[[Room], None]
) -> None:
    alice, bob = await with_bob_away(server, "text")
    take_out(alice)
    await alice.wait_until(lambda room: room.cells[0]["source"] == "x = 1" or room.cell_count == 1, PATIENCE)
    bob.insert(0, "bobs = 1\n", 1)
    await come_back(bob)
    await kill_while_it_waits(server, "text")
    for start in range(2):
        server.start()
        await come_back(alice, bob)
        alice.insert(0, f"alices_{start} = 1\n", 0)
        await server.until_file("work.ipynb", f"alices_{start}", "bobs")
        await bob.wait_until(lambda room: room.cells == alice.cells, PATIENCE)
        sources = [cell["source"] for cell in alice.cells]
        assert sum(source.count("bobs") for source in sources) == 1 and len(sources) == 2
        server.kill()
    assert not copies(server)


async def expect_one_copy(server: LocalServer, alice: Room, bob: Room) -> None:
    """Start the server twice: the removed cell with bob's text is in one copy, and does not return."""
    for _start in range(2):
        server.start()
        await come_back(alice, bob)
        assert [cell["source"] for cell in alice.cells] == ["x = 0"]
        (copy,) = copies(server)
        assert "bobs = 1" in server.read(copy)
        server.kill()


@pytest.mark.parametrize("step", ["copy", pytest.param("noting", marks=pytest.mark.long)])
async def test_what_cannot_be_restored_is_kept_once_though_the_server_is_killed(
    server: LocalServer, step: str
) -> None:
    """Bob is offline while a program removes the cell that he types into."""
    alice, bob = await with_bob_away(server, step)
    server.write("work.ipynb", notebook("x = 0"))
    await until(lambda: alice.cell_count == 1)
    bob.insert(0, "bobs = 1\n", 1)
    await come_back(bob)
    await kill_while_it_waits(server, step)
    await expect_one_copy(server, alice, bob)


@pytest.mark.long
async def test_what_a_merge_did_not_know_is_kept_once_though_the_server_is_killed(
    server: LocalServer,
) -> None:
    """Bob types into a cell at the moment in which a program removes it."""
    server.write("work.ipynb", notebook("x = 0", "x = 1"))
    server.write("wait for noting", "")
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    bob.insert(0, "bobs = 1\n", 1)
    server.write("work.ipynb", notebook("x = 0"))
    await kill_while_it_waits(server, "noting")
    await expect_one_copy(server, alice, bob)


async def test_the_history_has_all_that_a_server_changes_itself(server: LocalServer) -> None:
    """What a server that was started again changes can be applied without what people's tabs have."""
    alice = await server.open("notes.txt")
    alice.insert(0, "typed ")
    await server.until_file("notes.txt", "typed one")
    server.kill()
    server.start()
    await come_back(alice)
    server.write("notes.txt", "typed one\nwritten\n")
    await alice.wait_until(lambda room: "written" in room.text, PATIENCE)
    alice.insert(0, "more ")
    await server.until_file("notes.txt", "more typed one\nwritten\n")
    server.kill()
    document = alice.seat.door.url.partition("?")[0].rpartition("/")[2]
    updates = History(server.state, logging.getLogger(__name__)).updates(document)
    # The clock of an author whose first update is missing is 0.
    assert all(clocks_of(doc_of(*(update for update, _time in updates)).get_state()).values())
