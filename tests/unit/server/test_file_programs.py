# SPDX-License-Identifier: GPL-3.0-or-later
"""If a program writes an open file, both sides are merged, no word is lost, and no needless copy is made."""

import asyncio
import json
import logging
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jupyterhub_collab.server.history import History
from local_server import PATIENCE, LocalServer, come_back
from open_files import CELL, both_see, copies, notebook, of_document, told, until, until_text
from people.room import Room
from tiers import some_long

pytestmark = pytest.mark.anyio


async def test_nothing_is_kept_or_told_where_nobody_types(server: LocalServer) -> None:
    git = ["git", "-C", str(server.files), "-c", "user.name=x", "-c", "user.email=x@localhost"]

    def run(*arguments: str) -> str:
        return subprocess.run([*git, *arguments], check=True, capture_output=True, text=True).stdout

    run("init", "-q", "-b", "main")
    run("add", ".")
    run("commit", "-q", "-m", "one")
    run("checkout", "-q", "-b", "other")
    server.write("notes.txt", "all of it is new\n")
    server.write("work.ipynb", json.dumps(notebook("y = 0"), indent=2))
    run("commit", "-q", "-a", "-m", "two")
    alice, bob = await server.open("notes.txt"), await server.open("work.ipynb", "bob")
    async with told(server) as notices:
        for branch, text, cells in [
            ("main", "one\ntwo\n", "x = 0\nx = 1"),
            ("other", "all of it is new\n", "y = 0"),
        ] * 2:
            run("checkout", "-q", branch)
            await until_text(alice, text)
            await until_text(bob, cells)
            assert run("status", "--porcelain") == ""
        for number in range(20):
            server.write("notes.txt", f"{number}\n")
            await asyncio.sleep(0.02)
        await alice.wait_until(lambda room: room.text == "19\n", PATIENCE)
        run("checkout", "-q", "notes.txt")
        await alice.leave()
        await bob.leave()
        server.end()
        server.start()
        await (await server.open("notes.txt")).leave()
        await (await server.open("work.ipynb")).leave()
        await asyncio.sleep(1.5)
        assert run("status", "--porcelain") == "" and not notices


async def test_a_file_that_is_written_while_someone_types_has_both(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    for number in range(10):
        alice.insert(0, f"<{number}>")
        server.write("notes.txt", server.read("notes.txt") + f"line {number}\n")
        await asyncio.sleep(0.15)
    expected = [f"<{number}>" for number in range(10)]
    await server.until_file("notes.txt", *expected)
    assert all(server.read("notes.txt").count(text) == 1 for text in expected)
    await alice.wait_until(lambda room: room.text == server.read("notes.txt"), PATIENCE)
    assert not copies(server)


async def write_slowly(path: Path, text: str, goes_on: asyncio.Event) -> None:
    """Write a file as a slow program does: truncate it first, then write it in two parts."""
    with path.open("w") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        await goes_on.wait()
        file.write(text[len(text) // 2 :])
        file.flush()
        await asyncio.sleep(1.5)


async def test_a_program_that_is_still_writing_a_file_is_waited_for(server: LocalServer) -> None:
    """While a program is writing, text that is still missing does not count as deleted, and nothing is saved."""
    server.write("notes.txt", "".join(f"{number}\n" for number in range(50)))
    alice, bob = await server.open("notes.txt"), await server.open("work.ipynb", "bob")
    alice.insert(0, "saved\n")
    assert await alice.save(PATIENCE) == "success"
    before = alice.text
    async with told(server) as notices:
        goes_on = asyncio.Event()
        written = [
            asyncio.create_task(write_slowly(server.files / name, text, goes_on))
            for name, text in {
                "notes.txt": before + "new\n",
                "work.ipynb": json.dumps(notebook("x = 0", "new")),
            }.items()
        ]
        await asyncio.sleep(0.5)
        alice.insert(0, "typed\n")
        bob.insert(0, "typed ", cell=0)
        assert await alice.save(PATIENCE) == "failed"
        with closing(sqlite3.connect(server.state / "documents.db")) as db:
            began = "select writing from documents where document = ?"
            assert db.execute(began, (of_document(alice),)).fetchone() == (0,), (
                "a restart would treat it as the server's own write"
            )
        await asyncio.sleep(1.5)  # long enough for the file to be taken for what it is
        goes_on.set()
        await asyncio.gather(*written)
        await until_text(alice, "typed\n" + before + "new\n")
        await until_text(bob, "typed x = 0\nnew")
        await server.until_file("notes.txt", "typed")
        await server.until_file("work.ipynb", "typed")
        assert server.read("notes.txt") == alice.text
        assert not copies(server) and all(notice["level"] == "info" for notice in notices)


async def test_what_a_program_writes_next_is_written_over_nothing(server: LocalServer) -> None:
    """Nothing is saved while a program has the file open for writing, as with `program > notes.txt`.

    It continues at its own position, and would overwrite text that made the file longer.
    """
    alice = await server.open("notes.txt")
    async with told(server) as notices:
        with (server.files / "notes.txt").open("w") as file:
            for number in range(2):
                file.write(f"line {number}\n")
                file.flush()
                await alice.wait_until(lambda room, number=number: f"{number}" in room.text, PATIENCE)  # type: ignore[misc]
                alice.insert(0, f"<{number}>")
                await until(lambda: notices)
        assert "another program is writing" in notices[0]["message"]
        await server.until_file("notes.txt", "<1><0>line 0\nline 1\n")
        assert [each["level"] for each in notices[1:]] in ([], ["info"]) and not copies(server)


async def test_a_file_that_cannot_be_read_for_a_while(server: LocalServer) -> None:
    """Users can edit a notebook with conflict markers, also across a restart, and it is merged once it can be read again."""
    alice = await server.open("work.ipynb")
    server.write("work.ipynb", server.read("work.ipynb").replace("[", "[\n<<<<<<< HEAD\n"))
    alice.insert(0, "typed ", cell=0)
    assert await alice.save(PATIENCE) == "failed"
    server.end()
    server.start()
    bob = await server.open("work.ipynb", "bob")
    await until_text(bob, "typed x = 0\nx = 1")
    bob.insert(0, "more ", cell=1)
    server.write("work.ipynb", json.dumps(notebook("x = 0", "x = 1", "theirs")))
    await until_text(bob, "typed x = 0\nmore x = 1\ntheirs")
    await server.until_file("work.ipynb", "typed", "more")
    assert not copies(server)


async def test_a_program_that_read_the_file_before_takes_out_no_word_without_a_copy(
    server: LocalServer,
) -> None:
    """A formatter that read the file before users typed and saved causes one copy, however often it writes."""
    alice = await server.open("notes.txt")
    alice.insert(0, "just_typed ")
    await server.until_file("notes.txt", "just_typed")
    async with told(server) as notices:
        for number in range(4):
            server.write("notes.txt", f"one\ntwo\n{number}\n")
            await until_text(alice, f"one\ntwo\n{number}\n")
        await until(lambda: copies(server))
        (copy,) = copies(server)
        await server.until_file(copy, "just_typed one\ntwo\n")
        await until(lambda: notices)
        assert [copy in notice["message"] for notice in notices] == [True]


@pytest.mark.parametrize("meanwhile", ["another program writes", "the server is killed"])
async def test_a_program_that_read_the_file_long_before_takes_out_no_word_without_a_copy(
    server: LocalServer, meanwhile: str
) -> None:
    """Words typed within the last ten minutes are kept in one copy if a program removes them, whatever happened in between.

    This also holds if they return and are removed again.
    """
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    alice.insert(0, "just_typed ")
    await both_see(alice, bob, "just_typed")
    assert await alice.save(PATIENCE) == "success"
    if meanwhile == "the server is killed":
        server.kill()
        server.write("notes.txt", "one\ntwo\n")
        server.start()
        await come_back(alice, bob)
    else:
        server.write("notes.txt", server.read("notes.txt") + "three\n")
        await both_see(alice, bob, "three")
        server.write("notes.txt", "one\ntwo\n")
    await until_text(alice, "one\ntwo\n")
    await until(lambda: copies(server))
    await server.until_file(copies(server)[0], "just_typed one\ntwo\n")
    for text in ("just_typed one\ntwo\n", "one\ntwo\n"):  # as with `git stash pop`, then `git stash`
        server.write("notes.txt", text)
        await until_text(alice, text)
    assert len(copies(server)) == 1


@pytest.mark.parametrize(
    "back",
    some_long(
        ["at once", "after a while", "after the server was killed"],
        short=["at once", "after the server was killed"],
    ),
)
async def test_what_is_typed_without_a_connection_into_a_cell_that_goes_is_in_a_copy(
    server: LocalServer, back: str
) -> None:
    """Text typed offline into a cell that a program removes is in a copy.

    For example, someone types on a train while a colleague checks out an older commit.
    """
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    await bob.drop()
    server.write("work.ipynb", json.dumps(notebook("x = 0")))
    await until(lambda: alice.cell_count == 1)
    bob.insert(0, "typed_away = 1\n", 1)
    if back == "after the server was killed":
        server.kill()
        server.start()
        await come_back(alice)
    await asyncio.sleep(4 if back == "after a while" else 0)
    await come_back(bob)
    await until(lambda: bob.cell_count == 1)
    await until(lambda: copies(server))
    await server.until_file(copies(server)[0], "typed_away = 1")
    alice.insert(0, "still_here = 1\n", 0)
    await server.until_file("work.ipynb", "still_here")
    assert "typed_away" not in server.read("work.ipynb")
    await asyncio.sleep(3)
    assert len(copies(server)) == 1


async def test_what_comes_over_a_slow_connection_into_a_cell_that_is_gone_is_in_a_copy(
    server: LocalServer,
) -> None:
    """Text typed into a removed cell over a slow connection is in a copy, also if the server stops right afterwards.

    Its author does not see for seconds that the cell is gone.
    """
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    bob.lag()
    server.write("work.ipynb", json.dumps(notebook("x = 0")))
    await until(lambda: alice.cell_count == 1)
    await asyncio.sleep(3)
    bob.insert(0, "typed_late = 1\n", 1)
    await until(lambda: copies(server))
    await server.until_file(copies(server)[0], "typed_late = 1")
    bob.insert(0, "typed_last = 1\n", 1)
    with closing(sqlite3.connect(server.state / "documents.db")) as db:
        received = "select count(*) from updates where instr(content, x'" + b"typed_last".hex() + "')"
        await until(lambda: db.execute(received).fetchone() != (0,))
    server.end()
    assert any("typed_last = 1" in server.read(copy) for copy in copies(server))
    server.start()


TAKING_OUT = [
    pytest.param(lambda room: room.move_cell(1, 0), True, id="moves the cell"),
    pytest.param(lambda room: room.change_cell(1, "markdown"), True, id="changes the cell type"),
    pytest.param(lambda room: room.delete_cell(1), False, id="deletes the cell"),
]


@pytest.mark.parametrize(("take_out", "is_made_anew"), TAKING_OUT)
@pytest.mark.parametrize(
    "connection",
    some_long(["lost", "lost, and the server is killed", "slow"], short=["lost, and the server is killed"]),
)
async def test_what_is_typed_into_a_cell_that_someone_else_has_taken_out_is_restored(
    server: LocalServer, connection: str, take_out: Callable[[Room], None], is_made_anew: bool
) -> None:
    """Text typed into a cell that another user removed is restored once, with what others typed into it.

    Text typed elsewhere stays once.

    Requirement 92.
    """
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    if connection == "slow":
        bob.lag()
    else:
        await bob.drop()
    alice.insert(0, "alices_before = 1\n", 1)
    take_out(alice)
    await server.until_file("work.ipynb", "alices_before" if is_made_anew else "x = 0")
    if connection == "lost, and the server is killed":
        server.kill()
        server.start()
        await come_back(alice)
    for number in range(3):
        bob.insert(0, f"bobs_{number} = 1\n", 1)
        await asyncio.sleep(0.3 * number)
    bob.insert(0, "bobs_other = 1\n", 0)
    await come_back(bob)
    words = ["bobs_0", "bobs_1", "bobs_2", "bobs_other", "x = 0", "x = 1", *["alices_before"] * is_made_anew]
    await both_have(alice, bob, *words)
    alice.insert(0, "alices_after = 1\n", 1)
    await both_have(alice, bob, "alices_after", *words)
    await server.until_file("work.ipynb", *words)
    assert alice.cell_count == 2 and not copies(server)


@pytest.mark.parametrize(("take_out", "is_made_anew"), TAKING_OUT)
async def test_what_someone_has_not_seen_when_they_take_a_cell_out_is_restored(
    server: LocalServer, take_out: Callable[[Room], None], is_made_anew: bool
) -> None:
    """Text that a user had not seen when they removed its cell is restored. What they typed into it themselves appears once."""
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    bob.lag()
    alice.insert(0, "alices_1 = 1\n", 1)
    bob.insert(5, "\nbobs = 1", 1)
    alice.insert(0, "alices_2 = 1\n", 1)
    await server.until_file("work.ipynb", "alices_1", "alices_2", "bobs")
    async with told(server) as notices:
        take_out(bob)
        await until(lambda: notices)
    assert ["moved or deleted a cell" in notice["message"] for notice in notices] == [True]
    bob.insert(0, "bobs_other = 1\n", 0)
    await come_back(bob)
    words = ["alices_1", "alices_2", "bobs_other", "x = 0", "x = 1"]
    await both_have(alice, bob, *words)
    await server.until_file("work.ipynb", *words)
    assert sum(cell["source"].count("bobs = 1") for cell in alice.cells) == 1
    assert alice.cell_count == 2 and not copies(server)


async def test_no_copy_is_written_over_with_less(server: LocalServer) -> None:
    """A later copy does not lose what an earlier one kept.

    Here, two users type at once into two removed cells that never existed at the same time, and neither has seen the removal.
    """
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    bob.lag()
    server.write("work.ipynb", json.dumps(notebook("x = 0")))
    await until(lambda: alice.cell_count == 1)
    new = {**CELL, "id": "new", "source": "y = 1", "metadata": {}}
    written = notebook("x = 0")
    server.write("work.ipynb", json.dumps({**written, "cells": [*written["cells"], new]}))
    await until(lambda: alice.cell_count == 2)
    carol = await server.open("work.ipynb", "carol")
    carol.lag()
    server.write("work.ipynb", json.dumps(written))
    await until(lambda: alice.cell_count == 1)
    bob.insert(0, "bobs = 1\n", 1)
    carol.insert(0, "carols = 1\n", 1)

    def kept() -> str:
        return "".join(server.read(copy) for copy in copies(server))

    await until(lambda: "bobs" in kept() and "carols" in kept())
    await asyncio.sleep(1)
    assert "bobs" in kept() and "carols" in kept()


async def test_people_are_told_where_the_history_does_not_go_far_enough_to_restore_text(
    server: LocalServer,
) -> None:
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    await bob.drop()
    alice.delete_cell(1)
    await server.until_file("work.ipynb", "x = 0")
    assert await alice.save(PATIENCE) == "success"
    server.end()
    History(server.state, logging.getLogger(__name__)).keep_below(0)
    server.start()
    bob.insert(0, "bobs = 1\n", 1)
    async with told(server) as notices:
        await come_back(alice, bob)
        await until(lambda: notices)
    (notice,) = notices
    assert "was lost" in notice["message"] and notice["level"] == "warning"


async def test_what_people_take_out_as_they_see_it_stays_out(server: LocalServer) -> None:
    """Text that users remove after they have seen it stays removed, however they do it."""
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    async with told(server) as notices:
        for text in ("one", "two", "three"):
            alice.insert(0, text, 1)
            await both_have(alice, bob, text)
            bob.delete(0, len(text), 1)
            await until(lambda: text not in alice.read(1))  # noqa: B023
        await bob.drop()
        bob.insert(0, "typed and deleted", 0)
        bob.delete(0, len("typed and deleted"), 0)
        await come_back(bob)
        alice.delete_cell(1)
        await until(lambda: bob.cell_count == 1)
        await asyncio.sleep(2)
    assert [alice.cell_count, bob.cell_count, notices] == [1, 1, []]


async def test_a_cell_that_two_people_moved_at_once_follows_its_file(server: LocalServer) -> None:
    """The file has both of its copies, as people see them, and what people and programs change in them is merged."""
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    await bob.drop()
    alice.move_cell(1, 0)
    bob.move_cell(1, 0)
    await come_back(bob)
    await until(lambda: server.read("work.ipynb").count("x = 1") == 2)
    await until_text(alice, "x = 1\nx = 1\nx = 0")
    for number in range(2):
        written = json.loads(server.read("work.ipynb"))
        assert len({cell["id"] for cell in written["cells"]}) == len(written["cells"])
        written["cells"].append({**CELL, "id": f"new{number}", "source": f"y = {number}"})
        alice.insert(0, f"typed_{number} = 1\n", number)
        server.write("work.ipynb", json.dumps(written))
        await both_see(alice, bob, f"typed_{number}", f"y = {number}")
        await server.until_file("work.ipynb", f"typed_{number}", f"y = {number}")
    assert alice.cell_count == 5 and not copies(server)


async def both_have(alice: Room, bob: Room, *texts: str) -> None:
    """Wait until both users have the same cells with each of these texts, and check that each text appears once."""

    def sources(room: Room) -> list[str]:
        return [cell["source"] for cell in room.cells]

    def have() -> bool:
        return sources(alice) == sources(bob) and all(text in "\n".join(sources(alice)) for text in texts)

    try:
        await until(have)
    except TimeoutError:
        pytest.fail(f"alice has {sources(alice)} and bob has {sources(bob)}. Both must have all of {texts}")
    counts = {text: sum(source.count(text) for source in sources(alice)) for text in texts}
    assert set(counts.values()) == {1}, counts


async def test_what_is_in_a_copy_is_in_no_second_one(server: LocalServer) -> None:
    """A copy keeps all the text that users had, so words removed later need no second copy, even across a restart."""
    alice = await server.open("notes.txt")
    alice.insert(0, "first second third ")
    assert await alice.save(PATIENCE) == "success"
    for text in ("second third one\ntwo\n", "third one\ntwo\n"):
        server.write("notes.txt", text)
        await until_text(alice, text)
    await until(lambda: copies(server))
    server.end()
    server.write("notes.txt", "one\ntwo\n")
    server.start()
    await come_back(alice)
    await until_text(alice, "one\ntwo\n")
    (copy,) = copies(server)
    assert server.read(copy) == "first second third one\ntwo\n"


@pytest.mark.parametrize(
    "keep",
    [
        pytest.param(
            lambda path, before: os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns)), id="unchanged"
        ),
        pytest.param(lambda path, before: os.utime(path, (1, 1)), id="in the past"),
        pytest.param(
            lambda path, before: os.utime(path, (2e9, 2e9)), id="in the future", marks=pytest.mark.long
        ),
    ],
)
async def test_a_change_that_the_time_does_not_tell_is_followed(
    server: LocalServer, keep: Callable[[Path, os.stat_result], None]
) -> None:
    path = server.files / "notes.txt"
    # Large enough that the server does not read it at every check.
    rest = "\ntwo\n" + "x" * 100_000
    server.write("notes.txt", "one" + rest)
    alice = await server.open("notes.txt")
    before = path.stat()
    for word in ("ONE", "Two"):
        server.write("new", word + rest)
        keep(server.files / "new", before)
        shutil.copy2(server.files / "new", path)  # as `cp -p`
        await until_text(alice, word + rest)
        server.write("new", word.lower() + rest)
        keep(server.files / "new", before)
        os.rename(server.files / "new", path)  # as `rsync -a`
        await until_text(alice, word.lower() + rest)


async def test_nothing_is_saved_unasked_for_people_who_save_by_hand(server: LocalServer) -> None:
    """What people who have turned off saving type is in the file once they save, also if a program changes the file before."""
    alice = await server.open("notes.txt")
    alice.save_by_hand_only()
    alice.insert(0, "<typed>")
    server.write("notes.txt", "one\ntwo\nthree\n")
    await until_text(alice, "<typed>one\ntwo\nthree\n")
    await asyncio.sleep(3)  # longer than the server waits before it saves
    assert server.read("notes.txt") == "one\ntwo\nthree\n"
    assert await alice.save(PATIENCE) == "success"
    assert server.read("notes.txt") == "<typed>one\ntwo\nthree\n"
