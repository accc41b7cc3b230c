# SPDX-License-Identifier: GPL-3.0-or-later
"""A file with several names is one document, whatever the names are."""

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from local_server import PATIENCE, LocalServer, come_back
from open_files import both_see, change, copies, notebook, of_document, told, until, until_text
from people.errors import Failed

pytestmark = pytest.mark.anyio


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
            lambda files: (files / "folder").symlink_to("."), "folder/notes.txt", id="link to the folder"
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


@pytest.mark.parametrize("name", [".env", ".folder/notes.txt"])
async def test_a_hidden_file_is_not_opened(server: LocalServer, name: str) -> None:
    """What people typed into it would not be saved, because the contents manager does not show it."""
    (server.files / ".folder").mkdir()
    server.write(name, "one\n")
    with pytest.raises(Failed, match="4404"):
        await server.open(name)


async def test_a_file_without_a_shown_name_is_deleted(server: LocalServer) -> None:
    os.rename(server.files / "notes.txt", server.files / ".notes.txt")
    (server.files / "link.txt").symlink_to(".notes.txt")
    alice = await server.open("link.txt")
    alice.insert(0, "typed ")
    await server.until_file(".notes.txt", "typed one")
    async with told(server) as notices:
        (server.files / "link.txt").unlink()
        await until(lambda: notices)
        assert "was deleted" in notices[0]["message"]


async def test_a_server_that_shows_hidden_files_follows_them(tmp_path: Path) -> None:
    server = LocalServer(tmp_path, "--ContentsManager.allow_hidden=True")
    server.begin("files")
    try:
        server.write(".env", "one\n")
        alice = await server.open(".env")
        alice.insert(0, "typed ")
        await server.until_file(".env", "typed one\n")
        (server.files / ".folder").mkdir()
        os.rename(server.files / ".env", server.files / ".folder" / ".env")
        alice.insert(0, "more ")
        await server.until_file(".folder/.env", "more typed one\n")
    finally:
        server.kill()


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
    # The first name is removed, and the document continues under the other one.
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
    """A file stays one document if it is moved and a link takes its place, and if it is moved back.

    Users do that when their disk is full, and so do programs that keep large files elsewhere.
    """
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
    # While it writes, the contents manager briefly has a second file, with a hidden name.
    assert (
        len([path for path in server.files.iterdir() if path.suffix == ".txt" and path.name[0] != "."]) == 2
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a b.txt", marks=pytest.mark.long),
        'it\'s "so".txt',
        "Ελλάδα 中文 עברית.txt",
        pytest.param("back\\slash.txt", marks=pytest.mark.long),
        "[a]*?.txt",
        "100%25.txt",
        "RTC:x.txt",
        pytest.param("x" * 236 + ".txt", marks=pytest.mark.long),
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
