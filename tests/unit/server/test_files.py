# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and programs do to files that someone has open on a real server: no word is lost, and no byte is written for nothing."""

import asyncio
import fcntl
import json
import logging
import os
import resource
import shutil
import sqlite3
import subprocess
import time
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pycrdt import Map, Text

from jupyterhub_collab.server.file_identity import NEW
from jupyterhub_collab.server.history import History
from local_server import PATIENCE, LocalServer, come_back, server_with
from people.room import Room

pytestmark = pytest.mark.anyio

CELL: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    server = LocalServer(tmp_path_factory.mktemp("server"))
    yield server
    if server.runs:
        server.kill()


@pytest.fixture
def server(one_server: LocalServer, request: pytest.FixtureRequest) -> LocalServer:
    """A server that runs, in a folder of the test's own with a text and a notebook."""
    one_server.begin(request.node.name)
    one_server.write("notes.txt", "one\ntwo\n")
    one_server.write("work.ipynb", json.dumps(notebook("x = 0", "x = 1")))
    return one_server


def notebook(*sources: str, minor: int = 5, **more: Any) -> dict[str, Any]:
    named = minor == 5
    cells = [
        {**CELL, **({"id": f"cell{number}"} if named else {}), "source": source, **more}
        for number, source in enumerate(sources)
    ]
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": cells}


def words(room: Room) -> str:
    return "\n".join(str(cell["source"]) for cell in room.cells) if room.seat.is_notebook else room.text


async def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def until_text(room: Room, text: str) -> None:
    await room.wait_until(lambda room: words(room) == text, PATIENCE)


async def both_see(one: Room, other: Room, *texts: str) -> None:
    for room in (one, other):
        await room.wait_until(lambda room: all(text in words(room) for text in texts), PATIENCE)
    assert words(one) == words(other)


def copies(server: LocalServer) -> list[str]:
    return [path.name for path in server.files.rglob("[!.]*.before-*")]


@asynccontextmanager
async def told(server: LocalServer) -> AsyncIterator[list[dict[str, Any]]]:
    """Collect what people are told of this test's files, each notice once, while the block runs."""
    notices: list[dict[str, Any]] = []
    ours = server.path("")

    async def listen(events: Any) -> None:
        async for event in events:
            notice = json.loads(event)
            is_new = notice.get("id") not in [each["id"] for each in notices]
            if is_new and "level" in notice and "message" in notice and notice["path"].startswith(ours):
                notices.append(notice)

    async with server.events() as events:
        listener = asyncio.create_task(listen(events))
        try:
            yield notices
        finally:
            listener.cancel()


def of_document(room: Room) -> str:
    return room.seat.door.url.partition("/room/")[2].partition("?")[0]


def change(server: LocalServer, method: str, name: str, body: Any = None) -> None:
    """Do something to a file as JupyterLab's file browser, or another editor, does it."""
    answer = httpx.request(
        method,
        f"http://{server._address}/api/contents/{quote(server.path(name))}",
        headers={"Authorization": "token secret"},
        json=body,
    )
    answer.raise_for_status()


# One file, several names


@pytest.mark.parametrize(
    ("make", "name"),
    [
        pytest.param(lambda files: (files / "other.txt").symlink_to("notes.txt"), "other.txt", id="link"),
        pytest.param(
            lambda files: ((files / "mid").symlink_to("notes.txt"), (files / "other.txt").symlink_to("mid")),
            "other.txt",
            id="link to a link",
        ),
        pytest.param(
            lambda files: (files / "folder").symlink_to("."), "folder/notes.txt", id="link of a folder"
        ),
        pytest.param(
            lambda files: (files / "other.txt").hardlink_to(files / "notes.txt"), "other.txt", id="hard link"
        ),
    ],
)
async def test_a_file_with_two_names_is_one_document(
    server: LocalServer, make: Callable[[Path], Any], name: str
) -> None:
    make(server.files)
    alice, bob = await server.open("notes.txt"), await server.open(name, "bob")
    for number in range(5):
        alice.insert(0, f"<alice {number}>")
        bob.insert(0, f"<bob {number}>")
    typed = [f"<{who} {number}>" for who in ("alice", "bob") for number in range(5)]
    await both_see(alice, bob, *typed)
    await server.until_file("notes.txt", *typed)
    assert server.read("notes.txt") == alice.text
    assert not copies(server)


async def test_a_pasted_path_may_begin_with_the_name_of_a_drive(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    path = quote("RTC:" + server.path("notes.txt"), safe="")
    session = server.ask("PUT", f"api/collaboration/session/{path}", {"format": "text", "type": "file"})
    assert of_document(alice) == "text:file:" + session["fileId"]


async def test_a_hard_link_made_while_a_document_is_open_is_the_same_document(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    (server.files / "other.txt").hardlink_to(server.files / "notes.txt")
    bob = await server.open("other.txt", "bob")
    assert of_document(alice) == of_document(bob)


async def test_a_link_to_outside_of_the_server_s_directory(server: LocalServer, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("one\n")
    for name in ("first.txt", "second.txt"):
        (server.files / name).symlink_to(outside)
    alice, bob = await server.open("first.txt"), await server.open("second.txt", "bob")
    alice.insert(0, "<typed>")
    await both_see(alice, bob, "<typed>")
    with outside.open("a") as file:
        file.write("appended\n")
    await both_see(alice, bob, "<typed>", "appended")
    await until(lambda: outside.read_text() == "<typed>one\nappended\n")
    # The first name goes, and the document has the other one.
    (server.files / "first.txt").unlink()
    alice.insert(0, "<more>")
    await until(lambda: "<more>" in outside.read_text())


async def test_a_server_may_show_another_directory_than_its_own(tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    shown.mkdir()
    server = LocalServer(tmp_path, f"--ContentsManager.root_dir={shown}")
    server.start()
    try:
        (shown / "notes.txt").write_text("one\n")
        alice = await server.open("notes.txt")
        alice.insert(0, "<typed>")
        await until(lambda: (shown / "notes.txt").read_text() == "<typed>one\n")
        (shown / "notes.txt").write_text("two\n")
        await until_text(alice, "two\n")
    finally:
        server.kill()


async def test_a_link_that_is_moved_leads_to_its_document(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("one\n")
    (server.files / "folder").mkdir()
    (server.files / "folder/link.txt").symlink_to(tmp_path / "outside.txt")
    alice = await server.open("folder/link.txt")
    async with told(server) as notices:
        for old, new in [("folder", "moved"), ("moved/link.txt", "moved/other.txt")]:
            change(server, "PATCH", old, {"path": server.path(new)})
            alice.insert(0, f"<{new}>")
            await until(lambda new=new: f"<{new}>" in (tmp_path / "outside.txt").read_text())  # type: ignore[misc]
        assert not notices


async def test_a_link_that_is_turned_to_another_file_takes_no_text_there(server: LocalServer) -> None:
    server.write("other.txt", "other\n")
    (server.files / "link.txt").symlink_to("notes.txt")
    alice = await server.open("link.txt")
    alice.insert(0, "<typed>")
    (server.files / "link.txt").unlink()
    (server.files / "link.txt").symlink_to("other.txt")
    bob = await server.open("link.txt", "bob")
    bob.insert(0, "<bob>")
    await server.until_file("notes.txt", "<typed>")
    await server.until_file("other.txt", "<bob>")
    assert server.read("notes.txt") == "<typed>one\ntwo\n" and server.read("other.txt") == "<bob>other\n"


async def test_a_file_is_moved_and_a_link_to_it_takes_its_place(server: LocalServer) -> None:
    """As people do whose disk is full, and programs that keep large files elsewhere; and back."""
    alice = await server.open("notes.txt")
    (server.files / "store").mkdir()
    async with told(server) as notices:
        os.rename(server.files / "notes.txt", server.files / "store/real.txt")
        (server.files / "notes.txt").symlink_to("store/real.txt")
        alice.insert(0, "<typed>")
        await server.until_file("store/real.txt", "<typed>")
        bob = await server.open("notes.txt", "bob")
        assert of_document(alice) == of_document(bob)
        (server.files / "notes.txt").unlink()
        os.rename(server.files / "store/real.txt", server.files / "notes.txt")
        bob.insert(0, "<bob>")
        await server.until_file("notes.txt", "<typed>", "<bob>")
        await both_see(alice, bob, "<typed>", "<bob>")
        assert not notices and not copies(server)


async def test_a_link_that_has_taken_a_file_s_place_gives_it_back_while_the_server_is_away(
    server: LocalServer,
) -> None:
    alice = await server.open("work.ipynb")
    (server.files / "store").mkdir()
    os.rename(server.files / "work.ipynb", server.files / "store/real.ipynb")
    (server.files / "work.ipynb").symlink_to("store/real.ipynb")
    alice.insert(0, "<typed>", cell=0)
    await server.until_file("store/real.ipynb", "<typed>")
    alice.insert(0, "<last>", cell=0)
    server.end()
    (server.files / "work.ipynb").unlink()
    os.rename(server.files / "store/real.ipynb", server.files / "work.ipynb")
    server.start()
    bob = await server.open("work.ipynb", "bob")
    await come_back(alice)
    await both_see(alice, bob, "<typed>", "<last>")
    await server.until_file("work.ipynb", "<typed>", "<last>")
    assert not copies(server)


async def test_a_script_appends_to_what_an_open_link_leads_to(server: LocalServer) -> None:
    (server.files / "link.txt").symlink_to("notes.txt")
    alice = await server.open("link.txt")
    alice.insert(0, "<typed>")
    with (server.files / "notes.txt").open("a") as file:
        file.write("appended\n")
    await server.until_file("notes.txt", "<typed>", "appended")
    await alice.wait_until(lambda room: room.text == "<typed>one\ntwo\nappended\n", PATIENCE)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_a_name_in_either_normal_form_is_one_document(server: LocalServer, form: Any) -> None:
    (server.files / unicodedata.normalize(form, "é.txt")).write_text("one\n")
    alice = await server.open(unicodedata.normalize("NFC", "é.txt"))
    bob = await server.open(unicodedata.normalize("NFD", "é.txt"), "bob")
    assert of_document(alice) == of_document(bob)
    alice.insert(0, "<typed>")
    await server.until_file(unicodedata.normalize(form, "é.txt"), "<typed>")
    # The contents manager has a second one of a name of its own for a moment.
    assert (
        len([path for path in server.files.iterdir() if path.suffix == ".txt" and path.name[0] != "."]) == 2
    )


@pytest.mark.parametrize(
    "name",
    [
        "a b.txt",
        'it\'s "so".txt',
        "Ελλάδα 中文 עברית.txt",
        "back\\slash.txt",
        "[a]*?.txt",
        "100%25.txt",
        "RTC:x.txt",
        "x" * 236 + ".txt",
    ],
)
async def test_any_name_will_do(server: LocalServer, name: str) -> None:
    server.write(name, "one\n")
    alice = await server.open(name)
    alice.insert(0, "<typed>")
    await server.until_file(name, "<typed>one\n")
    change(server, "PATCH", name, {"path": server.path("moved.txt")})
    alice.insert(0, "<more>")
    await server.until_file("moved.txt", "<more><typed>one\n")


async def test_the_copy_of_a_long_name_is_kept(server: LocalServer) -> None:
    name = "ä" * 117 + ".ipynb"
    server.write(name, server.read("work.ipynb"))
    alice = await server.open(name)
    alice.insert(0, "<typed>", cell=1)
    server.write(name, json.dumps(notebook("x = 0")))
    await until(lambda: copies(server))
    (copy,) = copies(server)
    await server.until_file(copy, "<typed>")
    assert copy.endswith(".ipynb")


# What goes and what moves


def delete_by_browser(server: LocalServer, name: str) -> None:
    change(server, "DELETE", name)


def delete_with_rm(server: LocalServer, name: str) -> None:
    path = server.files / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("what", ["folder/notes.txt", "folder"])
@pytest.mark.parametrize("delete", [delete_by_browser, delete_with_rm])
async def test_people_are_told_that_their_file_is_gone_and_it_may_come_back(
    server: LocalServer, delete: Callable[[LocalServer, str], None], what: str
) -> None:
    (server.files / "folder").mkdir()
    server.write("folder/notes.txt", "one\ntwo\n")
    alice = await server.open("folder/notes.txt")
    alice.insert(0, "<saved>")
    await server.until_file("folder/notes.txt", "<saved>")
    async with told(server) as notices:
        delete(server, what)
        await until(lambda: notices)
        assert notices[0]["level"] == "warning" and "was deleted" in notices[0]["message"]
        alice.insert(0, "<typed>")
        assert await alice.save(PATIENCE) == "failed"
        await asyncio.sleep(1.5)
        assert len(notices) == 1, "it is told once"
        assert not (server.files / "folder/notes.txt").exists() and not copies(server)
        # Someone who comes now is told, too.
        (server.files / "folder").mkdir(exist_ok=True)
        server.write("folder/notes.txt", "a new one\n")
        await server.until_file("folder/notes.txt", "<typed>", "a new one\n")
        bob = await server.open("folder/notes.txt", "bob")
        await both_see(alice, bob, "<typed>", "a new one")


async def test_what_was_typed_after_deleting_is_saved_when_the_file_is_undeleted(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    shutil.move(server.files / "notes.txt", server.state / "notes.txt")
    async with told(server) as notices:
        alice.insert(0, "<typed>")
        await until(lambda: notices)
    shutil.move(server.state / "notes.txt", server.files / "notes.txt")
    await server.until_file("notes.txt", "<typed>one\ntwo\n")


DELETES = """
import os

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


def delete(os_path, **more):
    if os.path.exists("delete now"):
        os.unlink("delete now")
        os.unlink(os_path)


class Manager(AsyncLargeFileManager):
    async def _save_file(self, os_path, content, format):
        await super()._save_file(os_path, content, format)
        delete(os_path)
"""


@pytest.mark.parametrize(
    "option",
    [
        "--FileContentsManager.post_save_hook=of_test.delete",
        "--ServerApp.contents_manager_class=of_test.Manager",
    ],
    ids=["saved", "written"],
)
async def test_a_file_that_is_deleted_in_the_moment_after_saving_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """What takes its place has what was typed since, and not what was saved as if nobody knew that."""
    with server_with(tmp_path, monkeypatch, DELETES, option) as server:
        alice = await server.open("notes.txt")
        async with told(server) as notices:
            server.write("delete now", "")
            alice.insert(0, "<saved>")
            await until(lambda: not (server.files / "notes.txt").exists())
            await until(lambda: notices)
            assert "was deleted" in notices[0]["message"]
        alice.insert(0, "<typed>")
        server.write("notes.txt", "a new one\n")
        await server.until_file("notes.txt", "<typed>", "a new one\n")


async def test_a_document_can_be_saved_under_another_name(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    change(server, "DELETE", "notes.txt")
    change(server, "PUT", "other.txt", {"type": "file", "format": "text", "content": alice.text})
    again = await server.open("other.txt")
    again.insert(0, "<more>")
    await server.until_file("other.txt", "<more><typed>one\ntwo\n")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
async def test_what_takes_the_place_of_a_file_is_not_taken_for_it(
    server: LocalServer, make: Callable[[Path], None]
) -> None:
    alice = await server.open("notes.txt")
    async with told(server) as notices:
        (server.files / "notes.txt").unlink()
        make(server.files / "notes.txt")
        await until(lambda: notices)
        assert "was deleted" in notices[0]["message"]
    alice.insert(0, "<typed>")
    assert await alice.save(PATIENCE) == "failed"
    bob = await server.open("work.ipynb", "bob")
    bob.insert(0, "<still at work>", cell=0)
    await server.until_file("work.ipynb", "<still at work>")


async def test_a_file_that_is_moved_into_a_folder_of_its_name(server: LocalServer) -> None:
    """As a module becomes a package. The place of the file is taken, by no file."""
    alice = await server.open("notes.txt")
    async with told(server) as notices:
        os.rename(server.files / "notes.txt", server.files / "aside")
        os.mkdir(server.files / "notes.txt")
        os.rename(server.files / "aside", server.files / "notes.txt/notes.txt")
        bob = await server.open("notes.txt/notes.txt", "bob")
        assert of_document(alice) == of_document(bob)
        alice.insert(0, "<typed>")
        await server.until_file("notes.txt/notes.txt", "<typed>one")
        assert not notices


def move_by_browser(server: LocalServer, old: str, new: str) -> None:
    change(server, "PATCH", old, {"path": server.path(new)})


def move_with_mv(server: LocalServer, old: str, new: str) -> None:
    os.rename(server.files / old, server.files / new)


@pytest.mark.parametrize("move", [move_by_browser, move_with_mv])
@pytest.mark.parametrize(
    ("old", "new", "place"),
    [("a[b]", "c", "c/sub/notes.txt"), ("a[b]/sub/notes.txt", "moved.txt", "moved.txt")],
)
async def test_what_is_moved_is_saved_at_its_new_place(
    server: LocalServer, move: Callable[[LocalServer, str, str], None], old: str, new: str, place: str
) -> None:
    (server.files / "a[b]" / "sub").mkdir(parents=True)
    server.write("a[b]/sub/notes.txt", "one\ntwo\n")
    alice = await server.open("a[b]/sub/notes.txt")
    alice.insert(0, "<typed>")
    async with told(server) as notices:
        move(server, old, new)
        bob = await server.open(place, "bob")
        bob.insert(0, "<bob>")
        await both_see(alice, bob, "<typed>", "<bob>")
        await server.until_file(place, "<typed>", "<bob>")
        alice.insert(0, "<after>")
        await server.until_file(place, "<after>")
        assert of_document(alice) == of_document(bob) and not notices
    assert not (server.files / "a[b]/sub/notes.txt").exists()


@pytest.mark.parametrize("is_changed", [False, True])
async def test_a_file_that_was_moved_while_the_server_was_away(server: LocalServer, is_changed: bool) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    server.end()
    os.rename(server.files / "notes.txt", server.files / "moved.txt")
    if is_changed:
        server.write("moved.txt", server.read("moved.txt") + "three\n")
    server.start()
    bob = await server.open("moved.txt", "bob")
    await come_back(alice)
    alice.insert(0, "<alice>")
    await both_see(alice, bob, "<alice>", "<typed>", *(["three"] if is_changed else []))
    await server.until_file("moved.txt", "<alice>")


@pytest.mark.parametrize("becomes", ["is replaced, and renamed", "is deleted", "was deleted long before"])
async def test_a_file_that_comes_to_the_place_of_another_while_the_server_is_away(
    server: LocalServer, becomes: str
) -> None:
    server.write("other.txt", "other\n")
    other = await server.open("other.txt", "carol")
    await other.vanish()
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    if becomes == "was deleted long before":
        (server.files / "other.txt").unlink()
    server.end()
    if becomes == "is replaced, and renamed":
        server.write("new.txt", "new\n")
        os.replace(server.files / "new.txt", server.files / "other.txt")
        os.rename(server.files / "other.txt", server.files / "old.txt")
    elif becomes == "is deleted":
        (server.files / "other.txt").unlink()
    os.rename(server.files / "notes.txt", server.files / "other.txt")
    server.start()
    bob = await server.open("other.txt", "bob")
    await come_back(alice)
    bob.insert(0, "<bob>")
    await both_see(alice, bob, "<bob>", "<typed>")
    assert of_document(alice) == of_document(bob) and "other" not in bob.text
    assert not copies(server)


async def test_a_file_that_was_replaced_while_the_server_was_away_is_known_when_it_is_moved(
    server: LocalServer,
) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    server.end()
    server.write("new.txt", server.read("notes.txt") + "<replaced>\n")
    os.replace(server.files / "new.txt", server.files / "notes.txt")
    server.start()
    os.rename(server.files / "notes.txt", server.files / "moved.txt")  # nobody has opened it since
    bob = await server.open("moved.txt", "bob")
    await come_back(alice)
    bob.insert(0, "<bob>")
    await both_see(alice, bob, "<bob>", "<typed>", "<replaced>")
    await server.until_file("moved.txt", "<bob>", "<replaced>")
    assert not (server.files / "notes.txt").exists()


async def test_a_new_file_that_has_the_number_of_one_that_is_gone_is_another(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    assert await alice.save(PATIENCE) == "success"
    server.end()
    before = server.files / "notes.txt"
    number = before.stat().st_ino
    before.unlink()
    for attempt in range(50):  # file systems give free numbers away again, some at once
        server.write(f"new{attempt}.txt", "new\n")
        if (server.files / f"new{attempt}.txt").stat().st_ino == number:
            break
    server.start()
    bob = await server.open(f"new{attempt}.txt", "bob")
    await alice.vanish()
    assert bob.text == "new\n"


MOVES = """
import os

def move(model, path, contents_manager, **more):
    if os.path.exists("move now"):
        os.unlink("move now")
        os.rename("notes.txt", "moved.txt")
"""


async def test_a_file_that_is_moved_in_the_moment_in_which_it_is_saved_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server_with(
        tmp_path, monkeypatch, MOVES, "--FileContentsManager.pre_save_hook=of_test.move"
    ) as server:
        alice = await server.open("notes.txt")
        server.write("move now", "")
        alice.insert(0, "<typed>")
        await until((server.files / "moved.txt").exists)
        await server.until_file("moved.txt", "<typed>one\n")
        alice.insert(0, "<more>")
        await server.until_file("moved.txt", "<more><typed>one\n")
        assert not (server.files / "notes.txt").exists() and not copies(server)


RACE = """
from pathlib import Path

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

now = Path("write now")


def hook(**_arguments):
    pass


class Manager(AsyncLargeFileManager):
    async def _save_file(self, os_path, content, format):
        await super()._save_file(os_path, content, format)
        if now.exists():
            now.unlink()
            Path(os_path).write_text(content + "from git\\n")


class Derived(Manager):
    async def get(self, path, *arguments, **options):
        return await super().get(path, *arguments, **options)
"""


@pytest.mark.parametrize(
    "options",
    [
        ["--ServerApp.contents_manager_class=of_test.Derived"],
        [
            "--ServerApp.contents_manager_class=of_test.Manager",
            "--FileContentsManager.pre_save_hook=of_test.hook",
        ],
        [
            "--ServerApp.contents_manager_class=of_test.Manager",
            "--FileContentsManager.post_save_hook=of_test.hook",
        ],
    ],
    ids=["derived", "pre_save_hook", "post_save_hook"],
)
async def test_what_is_written_in_the_moment_after_saving_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """Also on a server whose hooks may change what they were given."""
    with server_with(tmp_path, monkeypatch, RACE, *options) as server:
        alice = await server.open("notes.txt")
        server.write("write now", "")
        alice.insert(0, "<typed>")
        await alice.wait_until(lambda room: "from git" in room.text, PATIENCE)
        alice.insert(0, "<more>")
        await server.until_file("notes.txt", "<more><typed>one\nfrom git\n")
        assert not copies(server)


AT_ONCE = """
from pathlib import Path

from jupyterhub_collab.server import saving

theirs = saving._write
now = Path("write now")


def hook(**_arguments):
    pass


def write(manager, os_path, data):
    before = Path(os_path).read_bytes()
    theirs(manager, os_path, data)
    if now.exists():
        now.unlink()
        Path(os_path).write_bytes(before + now.with_name("more").read_bytes())


saving._write = write
"""


@pytest.mark.parametrize("name", ["notes.txt", "work.ipynb"])
@pytest.mark.parametrize("more", ["", "\n"], ids=["as it was", "otherwise"])
async def test_what_is_written_before_saving_has_ended_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, more: str
) -> None:
    """The contents manager goes on for a while after it has written the file, and gives the time of what is there then."""
    option = "--FileContentsManager.post_save_hook=of_test.hook"
    with server_with(tmp_path, monkeypatch, AT_ONCE, option) as server:
        server.write("work.ipynb", json.dumps(notebook("one"), indent=1) + "\n")
        server.write("more", more)
        before = server.read(name)
        alice = await server.open(name)
        cell = 0 if name == "work.ipynb" else None
        server.write("write now", "")
        alice.insert(0, "typed ", cell)
        await until(lambda: not (server.files / "write now").exists())
        await until(lambda: server.read(name) == before + more)
        await alice.wait_until(lambda room: "typed" not in words(room), PATIENCE)
        alice.insert(0, "again ", cell)
        await server.until_file(name, "again one")


WRITES_BACK = """
import os
import subprocess
import time


def write_back(os_path, **more):
    if os.path.exists("write now"):
        os.unlink("write now")
        subprocess.Popen(["sh", "-c", f"exec > {os_path}; touch begun; sleep 1; echo one"])
        while not os.path.exists("begun"):
            time.sleep(0.01)
"""


async def test_a_program_that_begins_in_the_moment_after_saving_and_writes_what_was_there_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told from a save that did not happen."""
    option = "--FileContentsManager.post_save_hook=of_test.write_back"
    with server_with(tmp_path, monkeypatch, WRITES_BACK, option) as server:
        alice = await server.open("notes.txt")
        server.write("write now", "")
        alice.insert(0, "<typed>")
        await until((server.files / "begun").exists)
        await until_text(alice, "one\n")
        await until(lambda: copies(server))
        assert server.read("notes.txt") == "one\n" and len(copies(server)) == 1


async def test_a_file_that_is_moved_just_before_the_server_stops(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    assert await alice.save(PATIENCE) == "success"
    os.rename(server.files / "notes.txt", server.files / "moved.txt")
    server.end()
    server.start()
    await come_back(alice)
    alice.insert(0, "<more>")
    await server.until_file("moved.txt", "<more>", "<typed>")


async def test_one_file_is_moved_onto_another(server: LocalServer) -> None:
    server.write("other.txt", "other\n")
    alice, bob = await server.open("notes.txt"), await server.open("other.txt", "bob")
    alice.insert(0, "<alice>")
    bob.insert(0, "<bob>")
    move_with_mv(server, "notes.txt", "other.txt")
    await server.until_file("other.txt", "<alice>", "<bob>")
    alice.insert(0, "<after>")
    await server.until_file("other.txt", "<alice>", "<bob>", "<after>")
    assert not (server.files / "notes.txt").exists()


async def test_an_editor_that_moves_the_file_away_to_save_it(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    async with told(server) as notices:
        for number in range(3):
            os.rename(server.files / "notes.txt", server.files / "notes.txt~")
            await asyncio.sleep(0.2)
            server.write("notes.txt", f"one\ntwo\n{number}\n")
            await until_text(alice, f"one\ntwo\n{number}\n")
        assert not notices
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")


def save_aside(path: Path, text: str) -> None:
    path.rename(backup := path.with_name(f"{path.name}~"))
    path.write_text(text)
    backup.unlink()


def save_and_keep_aside(path: Path, text: str) -> None:
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(text)


def replace_file(path: Path, text: str) -> None:
    (new := path.with_name("new")).write_text(text)
    new.replace(path)


def delete_and_write(path: Path, text: str) -> None:
    path.unlink()
    time.sleep(0.1)
    path.write_text(text)


@pytest.mark.parametrize("save", [save_aside, save_and_keep_aside, replace_file, delete_and_write])
async def test_an_editor_saves_a_file_that_was_moved_this_moment(
    server: LocalServer, save: Callable[[Path, str], None]
) -> None:
    """The file itself is nowhere any more, and its new name is known by nothing else."""
    alice = await server.open("notes.txt")
    alice.insert(0, "<saved>")
    await server.until_file("notes.txt", "<saved>")
    async with told(server) as notices:
        (server.files / "notes.txt").rename(server.files / "moved.txt")
        await asyncio.to_thread(save, server.files / "moved.txt", "<saved>one\ntwo\nthree\n")
        await until_text(alice, "<saved>one\ntwo\nthree\n")
        alice.insert(0, "<typed>")
        await server.until_file("moved.txt", "<typed><saved>one\ntwo\nthree\n")
        assert not notices, [notice["message"] for notice in notices]
        assert not copies(server)


async def test_a_file_may_be_moved_to_the_name_of_a_backup(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    (server.files / "notes.txt").rename(server.files / "notes.txt~")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt~", "<typed>one\n")


async def test_a_file_that_is_moved_to_the_name_of_another_one_s_backup_is_not_that_other_one(
    server: LocalServer,
) -> None:
    server.write("other.txt", "others\n")
    await asyncio.sleep(NEW)
    alice = await server.open("notes.txt")
    (server.files / "notes.txt").rename(server.files / "other.txt~")
    alice.insert(0, "<typed>")
    await server.until_file("other.txt~", "<typed>one\n")
    assert server.read("other.txt") == "others\n"


# Programs at work


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


async def test_a_file_that_is_written_while_somebody_types_has_both(server: LocalServer) -> None:
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


async def write_slowly(path: Path, text: str) -> None:
    """Write a file as a program does that takes its time: it begins with an empty one."""
    with path.open("w") as file:
        for part in (text[: len(text) // 2], text[len(text) // 2 :]):
            file.write(part)
            file.flush()
            await asyncio.sleep(1.5)


async def test_a_program_that_is_still_writing_a_file_is_waited_for(server: LocalServer) -> None:
    """What it has not written yet has not been taken out, and nothing is saved in the midst of it."""
    server.write("notes.txt", "".join(f"{number}\n" for number in range(50)))
    alice, bob = await server.open("notes.txt"), await server.open("work.ipynb", "bob")
    alice.insert(0, "saved\n")
    assert await alice.save(PATIENCE) == "success"
    before = alice.text
    async with told(server) as notices:
        written = [
            asyncio.create_task(write_slowly(server.files / name, text))
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
                "a restart would take it for ours"
            )
        await asyncio.gather(*written)
        await until_text(alice, "typed\n" + before + "new\n")
        await until_text(bob, "typed x = 0\nnew")
        await server.until_file("notes.txt", "typed")
        await server.until_file("work.ipynb", "typed")
        assert server.read("notes.txt") == alice.text
        assert not copies(server) and all(notice["level"] == "info" for notice in notices)


async def test_what_a_program_writes_next_is_written_over_nothing(server: LocalServer) -> None:
    """As by `program > notes.txt`: it goes on where it is, and the file must not be longer by then."""
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
    """A notebook with the marks of a conflict, while people go on, also over a restart."""
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
    """A formatter reads, people type and are saved, and the formatter writes. That is one copy, however often it goes on."""
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
    """Whatever else has happened between, within ten minutes. That a word was taken out is one copy, also where it comes back and goes."""
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
    for text in ("just_typed one\ntwo\n", "one\ntwo\n"):  # as by `git stash pop`, and `git stash`
        server.write("notes.txt", text)
        await until_text(alice, text)
    assert len(copies(server)) == 1


@pytest.mark.parametrize("back", ["at once", "after a while", "after the server was killed"])
async def test_what_is_typed_without_a_connection_into_a_cell_that_goes_is_in_a_copy(
    server: LocalServer, back: str
) -> None:
    """As when someone writes on in the train, and a colleague checks out an older state."""
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
    """Whose author has not seen seconds later that the cell is gone; also where the server is stopped before anyone looks again."""
    alice, bob = await server.open("work.ipynb"), await server.open("work.ipynb", "bob")
    bob.lag()
    server.write("work.ipynb", json.dumps(notebook("x = 0")))
    await until(lambda: alice.cell_count == 1)
    await asyncio.sleep(3)
    bob.insert(0, "typed_late = 1\n", 1)
    await until(lambda: copies(server))
    await server.until_file(copies(server)[0], "typed_late = 1")
    bob.insert(0, "typed_last = 1\n", 1)
    await asyncio.sleep(0.5)  # the server has it
    server.end()
    assert any("typed_last = 1" in server.read(copy) for copy in copies(server))
    server.start()


TAKING_OUT = [
    pytest.param(lambda room: room.move_cell(1, 0), True, id="moves it"),
    pytest.param(lambda room: room.change_cell(1, "markdown"), True, id="changes its type"),
    pytest.param(lambda room: room.delete_cell(1), False, id="deletes it"),
]


@pytest.mark.parametrize(("take_out", "is_made_anew"), TAKING_OUT)
@pytest.mark.parametrize("connection", ["lost", "lost, and the server is killed", "slow"])
async def test_what_is_typed_into_a_cell_that_somebody_else_has_taken_out_is_restored(
    server: LocalServer, connection: str, take_out: Callable[[Room], None], is_made_anew: bool
) -> None:
    """With what the others have typed into it meanwhile, and once. What is typed elsewhere in that time stays once, too.

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
async def test_what_somebody_has_not_seen_when_they_take_a_cell_out_is_restored(
    server: LocalServer, take_out: Callable[[Room], None], is_made_anew: bool
) -> None:
    """What they have typed into it themselves is there once."""
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
    """Two cells that were never there at the same time, two people who have not seen that theirs is gone, and both type at once."""
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
    """However they do so: nothing is restored that nobody has missed."""
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


async def both_have(alice: Room, bob: Room, *texts: str) -> None:
    """Wait until both have each of these texts, and the same; each is there once."""

    def sources(room: Room) -> list[str]:
        return [cell["source"] for cell in room.cells]

    def have() -> bool:
        return sources(alice) == sources(bob) and all(text in "\n".join(sources(alice)) for text in texts)

    try:
        await until(have)
    except TimeoutError:
        pytest.fail(f"alice has {sources(alice)}, bob has {sources(bob)}, and not all of {texts}")
    counts = {text: sum(source.count(text) for source in sources(alice)) for text in texts}
    assert set(counts.values()) == {1}, counts


async def test_what_is_in_a_copy_is_in_no_second_one(server: LocalServer) -> None:
    """The copy is of all that people had, also what has not been taken out until later, and whether the server was restarted between."""
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
            lambda path, before: os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns)), id="as before"
        ),
        pytest.param(lambda path, before: os.utime(path, (1, 1)), id="of long ago"),
        pytest.param(lambda path, before: os.utime(path, (2e9, 2e9)), id="of some day"),
    ],
)
async def test_a_change_that_the_time_does_not_tell_is_followed(
    server: LocalServer, keep: Callable[[Path, os.stat_result], None]
) -> None:
    path = server.files / "notes.txt"
    # A larger file is not read at each look.
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


# Bytes


BYTES = {
    "windows.txt": b"one\r\ntwo\r\n",
    "no-end.txt": b"one\r\ntwo",
    "mark.csv": b"\xef\xbb\xbfone\r\ntwo\r\n",
    "latin.txt": "one für\nzwei".encode("latin-1"),
    "mixed.py": b"one\r\ntwo\nthree\r\n",
    "plain.ipynb": (json.dumps(notebook("one", minor=4), indent=2) + "\n").encode(),
    "windows.ipynb": json.dumps(notebook("one"), indent=1).replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize("name", BYTES)
async def test_typing_a_letter_changes_a_letter(server: LocalServer, name: str) -> None:
    path, data = server.files / name, BYTES[name]
    path.write_bytes(data)
    alice = await server.open(name)
    await asyncio.sleep(0.1)
    assert await alice.save(PATIENCE) == "success"
    assert path.read_bytes() == data
    alice.insert(0, "x", cell=0 if name.endswith(".ipynb") else None)
    await until(lambda: path.read_bytes() not in (data, b""))
    assert path.read_bytes() == data.replace(b"one", b"xone")
    # Also what is written from outside leaves the rest as it is.
    path.write_bytes(data)
    await alice.wait_until(lambda room: "xone" not in words(room), PATIENCE)
    alice.insert(0, "y", cell=0 if name.endswith(".ipynb") else None)
    await until(lambda: path.read_bytes() == data.replace(b"one", b"yone"))


async def test_what_an_encoding_cannot_hold_is_told_and_saved(server: LocalServer) -> None:
    path = server.files / "latin.txt"
    path.write_bytes("für\n".encode("latin-1"))
    async with told(server) as notices:
        alice = await server.open("latin.txt")
        alice.insert(0, "中")
        await until(lambda: path.read_bytes() == "中für\n".encode())
        await until(lambda: notices)
        assert "UTF-8" in notices[0]["message"]


async def test_rights_and_what_else_a_file_has_stay(server: LocalServer) -> None:
    path = server.files / "notes.txt"
    account = 65534 if os.geteuid() == 0 else os.geteuid()
    group = 65534 if os.geteuid() == 0 else os.getegid()
    os.chown(path, account, group)
    path.chmod(0o2751)
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        pytest.skip("the file system of the tests keeps no extended attributes")
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (account, group, 0o2751)
    assert os.getxattr(path, "user.note") == b"kept"


# Notebooks of others


@pytest.mark.parametrize("kind", ["4.4", "4.0", "no ids", "one id twice"])
async def test_outside_changes_of_notebooks_are_merged_cell_by_cell(server: LocalServer, kind: str) -> None:
    content = notebook("a = 1", "b = 2", "c = 3", minor={"4.4": 4, "4.0": 0}.get(kind, 5))
    if kind == "no ids":
        for cell in content["cells"]:
            del cell["id"]
    if kind == "one id twice":
        content["cells"][2]["id"] = content["cells"][0]["id"]
    server.write("own.ipynb", json.dumps(content))
    alice = await server.open("own.ipynb")
    texts = [cell["source"] for cell in alice._require_notebook().ycells]
    alice.insert(0, "<typed>", cell=0)
    content["cells"][1]["source"] = "b = 20"
    content["cells"].insert(
        2, {**{key: value for key, value in content["cells"][1].items() if key != "id"}, "source": "new"}
    )
    async with told(server) as notices:
        server.write("own.ipynb", json.dumps(content))
        await alice.wait_until(lambda room: "new" in words(room), PATIENCE)
        assert words(alice) == "<typed>a = 1\nb = 20\nnew\nc = 3"
        assert str(texts[0]) == "<typed>a = 1" and str(texts[2]) == "c = 3", "they are other cells"
        await server.until_file("own.ipynb", "<typed>")
        assert all(notice["level"] == "info" for notice in notices)
    assert not copies(server)
    content["cells"][0]["source"] = "<typed>a = 1"
    assert server.read("own.ipynb") == json.dumps(content)


# Other editors, other servers


async def test_what_somebody_saves_past_the_server_is_there_once(server: LocalServer) -> None:
    """As JupyterLab itself does where it does not know that a document is shared."""
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    alice.insert(0, "<typed>")
    # Were the file saved before the server had got the word, it would be there twice.
    await both_see(alice, bob, "<typed>")
    seen = alice.text
    alice.insert(0, "<more>")
    change(server, "PUT", "notes.txt", {"type": "file", "format": "text", "content": seen})
    await server.until_file("notes.txt", "<more>")
    await asyncio.sleep(1.5)
    assert server.read("notes.txt") == alice.text == "<more><typed>one\ntwo\n"


@asynccontextmanager
async def another_server(
    server: LocalServer, directory: Path, state: Path | None = None
) -> AsyncIterator[LocalServer]:
    """A second server for the same files."""
    directory.mkdir()
    other = LocalServer(directory, **({"state_directory": str(state)} if state else {}))
    other._root.rmdir()
    other._root.symlink_to(server._root)
    other.folder = server.folder
    await asyncio.to_thread(other.start)
    try:
        yield other
    finally:
        other.kill()


@pytest.mark.parametrize("share_state", [False, True])
async def test_two_servers_of_one_home(server: LocalServer, tmp_path: Path, share_state: bool) -> None:
    async with another_server(server, tmp_path / "other", server.state if share_state else None) as other:
        alice, bob = await server.open("notes.txt"), await other.open("notes.txt", "bob")
        typed = []
        for number in range(15):
            alice.insert(0, f"<alice {number}>")
            bob.insert(len(bob.text), f"<bob {number}>\n")
            typed += [f"<alice {number}>", f"<bob {number}>"]
            await asyncio.sleep(0.1)
        await until(lambda: alice.text == bob.text == server.read("notes.txt"))
        assert all(alice.text.count(word) == 1 for word in typed)
        assert not copies(server)


async def test_a_plain_server_saves_what_it_has(server: LocalServer) -> None:
    """With a hash of what it has read, as JupyterLab does, and without one, as a script."""
    alice = await server.open("notes.txt")
    for number in range(3):
        alice.insert(0, f"<typed {number}>")
        text = server.read("notes.txt")
        change(
            server,
            "PUT",
            "notes.txt",
            {"type": "file", "format": "text", "content": f"{text}saved {number}\n"},
        )
        await server.until_file("notes.txt", f"<typed {number}>", f"saved {number}")
    assert alice.text == server.read("notes.txt")
    assert all(alice.text.count(f"<typed {number}>") == 1 for number in range(3)) and not copies(server)


# When it cannot be saved


async def test_a_document_that_is_too_large_to_save_is_saved_when_there_is_room(server: LocalServer) -> None:
    """A limit to what the process may write stands for a disk that is full, or a quota."""
    alice = await server.open("notes.txt")
    await alice.save(PATIENCE)
    assert server._process is not None
    async with told(server) as notices:
        # The journal of the history is above that, too, which people are told as well.
        before = resource.prlimit(server._process.pid, resource.RLIMIT_FSIZE, (300_000, -1))
        try:
            alice.insert(0, "x" * 301_000)
            await until(lambda: any("cannot be saved" in notice["message"] for notice in notices))
            alice.insert(0, "<more>")
            assert await alice.save(PATIENCE) == "failed"
            assert len([notice for notice in notices if "cannot be saved" in notice["message"]]) == 1
            assert server.read("notes.txt") == "one\ntwo\n"
            assert sorted(path.name for path in server.files.iterdir()) == ["notes.txt", "work.ipynb"]
        finally:
            resource.prlimit(server._process.pid, resource.RLIMIT_FSIZE, before)
    await server.until_file("notes.txt", "<more>")


@pytest.fixture
def of_a_user(tmp_path: Path) -> Iterator[LocalServer]:
    """A server that is bound by the modes of files, as that of any account but root's is."""
    server = LocalServer(tmp_path)
    server.write("notes.txt", "one\n")
    if os.geteuid() == 0:
        server.runner = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    server.start()
    yield server
    server.kill()


async def test_a_file_that_may_not_be_written_is_saved_when_it_may_be(of_a_user: LocalServer) -> None:
    server, path = of_a_user, of_a_user.files / "notes.txt"
    alice = await server.open("notes.txt")
    path.chmod(0o444)
    async with told(server) as notices:
        alice.insert(0, "<typed>")
        await until(lambda: notices)
        assert await alice.save(PATIENCE) == "failed"
        assert "cannot be saved" in notices[0]["message"] and len(notices) == 1
    assert path.read_text() == "one\n"
    path.chmod(0o640)
    await server.until_file("notes.txt", "<typed>one\n")
    # In a directory in which nothing can be made the file is written as it is.
    server.files.chmod(0o555)
    alice.insert(0, "<more>")
    await server.until_file("notes.txt", "<more><typed>one\n")
    server.files.chmod(0o755)
    assert path.stat().st_mode & 0o777 == 0o640


async def test_a_copy_that_cannot_be_beside_its_file_is_in_the_top_folder(of_a_user: LocalServer) -> None:
    server, folder = of_a_user, of_a_user.files / "closed"
    folder.mkdir()
    server.write("closed/notes.txt", "one\n")
    folder.chmod(0o555)
    alice = await server.open("closed/notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("closed/notes.txt", "<typed>one\n")
    async with told(server) as notices:
        server.write("closed/notes.txt", "one\n")
        await until(lambda: notices)
    (copy,) = copies(server)
    assert server.read(copy) == "<typed>one\n"
    assert f"is in /{copy}." in notices[0]["message"]


async def test_a_lock_that_another_program_has_is_waited_for(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    with (server.files / "notes.txt").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        alice.insert(0, "<typed>")
        await asyncio.sleep(2)
        assert "<typed>" not in server.read("notes.txt")
    await server.until_file("notes.txt", "<typed>")


# Other types, other tabs

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
    """A type of documents of someone's own, in the registry of types as an installed package has it there."""
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
        assert server.read("board.own") == '{"one": 1,\n"two": 2}', "nobody has changed it"
        own["three"] = 3.0
        server.write("board.own", '{"one": 1, "two": 22}')
        await alice.wait_until(lambda room: own.get("two") == 22, PATIENCE)
        await server.until_file("board.own", "three", "22")
        assert own.to_py() == {"one": 1, "two": 22, "three": 3}
        # A file that is written half is no empty one.
        server.write("board.own", '{"one": 1, "tw')
        await asyncio.sleep(1.5)
        assert own.to_py() == {"one": 1, "two": 22, "three": 3}
        server.write("board.own", '{"one": 1}')
        await alice.wait_until(lambda room: own.to_py() == {"one": 1}, PATIENCE)
        await asyncio.sleep(1.5)
        assert server.read("board.own") == '{"one": 1}', "nobody has changed it"
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
    # The update: what had begun with a release goes on with the next one.
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
    """The server was killed while it wrote: it had begun with a file without anything in it, and the copy of the file is there."""
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
