# SPDX-License-Identifier: GPL-3.0-or-later
"""Only what someone typed is written into a file, whatever the file is like and whichever programs write it as well."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from local_server import PATIENCE, LocalServer
from open_files import CELL, both_see, change, copies, notebook, told, until, words
from people.errors import Failed
from tiers import some_long

pytestmark = pytest.mark.anyio

BYTES = {
    "windows.txt": b"one\r\ntwo\r\n",
    "no-end.txt": b"one\r\ntwo",
    "mark.csv": b"\xef\xbb\xbfone\r\ntwo\r\n",
    "latin.txt": "one für\nzwei".encode("latin-1"),
    "mixed.py": b"one\r\ntwo\nthree\r\n",
    "plain.ipynb": (json.dumps(notebook("one", minor=4), indent=2) + "\n").encode(),
    "bare.ipynb": json.dumps(
        {
            **notebook("one"),
            "cells": [
                {**CELL, "source": "one", "outputs": [{"name": "stdout", "text": "no type"}]},
                {"cell_type": "code"},
            ],
        }
    ).encode(),
    "windows.ipynb": json.dumps(notebook("one"), indent=1).replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize(
    "name", some_long([*BYTES], short=["windows.txt", "windows.ipynb", "plain.ipynb", "no-end.txt"])
)
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
    # Following an outside change also leaves the rest as it is.
    path.write_bytes(data)
    await alice.wait_until(lambda room: "xone" not in words(room), PATIENCE)
    alice.insert(0, "y", cell=0 if name.endswith(".ipynb") else None)
    await until(lambda: path.read_bytes() == data.replace(b"one", b"yone"))


async def test_a_document_with_a_null_character_can_be_opened_again(server: LocalServer) -> None:
    """Browsers let people paste one, for example from a terminal."""
    alice = await server.open("notes.txt")
    alice.insert(0, "pasted\0 ")
    await server.until_file("notes.txt", "pasted\0 one")
    server.end()
    server.start()
    bob = await server.open("notes.txt", "bob")
    bob.insert(0, "typed ")
    await server.until_file("notes.txt", "typed pasted\0 one")


async def test_a_notebook_whose_ids_are_numbers_is_saved(server: LocalServer) -> None:
    written = notebook("x = 0", "x = 1")
    for number, cell in enumerate(written["cells"]):
        cell["id"] = number
    server.write("work.ipynb", json.dumps(written))
    alice = await server.open("work.ipynb")
    alice.insert(0, "y", 0)
    await until(lambda: server.read("work.ipynb") == json.dumps(written).replace("x = 0", "yx = 0"))


async def test_what_an_encoding_cannot_hold_is_told_and_saved(server: LocalServer) -> None:
    path = server.files / "latin.txt"
    path.write_bytes("für\n".encode("latin-1"))
    async with told(server) as notices:
        alice = await server.open("latin.txt")
        alice.insert(0, "中")
        await until(lambda: path.read_bytes() == "中für\n".encode())
        await until(lambda: notices)
        assert "UTF-8" in notices[0]["message"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"nbformat": 5, "cells": []}', "nbformat"),
        (json.dumps(notebook("one", cell_type="sql")).encode(), "one of its cells"),
        (b'{"nbformat": 4, "metadata": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "recursion"),
    ],
    ids=["unknown format", "unknown cell", "too deep"],
)
async def test_why_a_notebook_cannot_be_opened_is_told(server: LocalServer, data: bytes, reason: str) -> None:
    path = server.files / "bad.ipynb"
    path.write_bytes(data)
    async with told(server) as notices:
        with pytest.raises(Failed, match="4400"):
            await server.open("bad.ipynb")
        await until(lambda: notices)
        assert "was not opened" in notices[0]["message"] and reason in notices[0]["message"]
    assert path.read_bytes() == data


async def test_rights_and_what_else_a_file_has_stay(server: LocalServer) -> None:
    path = server.files / "notes.txt"
    account = 65534 if os.geteuid() == 0 else os.geteuid()
    group = 65534 if os.geteuid() == 0 else os.getegid()
    os.chown(path, account, group)
    path.chmod(0o2751)
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        pytest.skip("the file system does not support extended attributes")
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (account, group, 0o2751)
    assert os.getxattr(path, "user.note") == b"kept"


# Notebooks that other programs wrote


@pytest.mark.parametrize("kind", ["4.4", "4.0", "no ids", "duplicate id"])
async def test_outside_changes_of_notebooks_are_merged_cell_by_cell(server: LocalServer, kind: str) -> None:
    content = notebook("a = 1", "b = 2", "c = 3", minor={"4.4": 4, "4.0": 0}.get(kind, 5))
    if kind == "no ids":
        for cell in content["cells"]:
            del cell["id"]
    if kind == "duplicate id":
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
        assert str(texts[0]) == "<typed>a = 1" and str(texts[2]) == "c = 3", "unchanged cells were replaced"
        await server.until_file("own.ipynb", "<typed>")
        assert all(notice["level"] == "info" for notice in notices)
    assert not copies(server)
    content["cells"][0]["source"] = "<typed>a = 1"
    assert server.read("own.ipynb") == json.dumps(content)


# Other editors, other servers


async def test_what_someone_saves_past_the_server_is_there_once(server: LocalServer) -> None:
    """Shared text that someone also saves through the contents API appears once.

    JupyterLab itself saves so if it does not know that a document is shared.
    """
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    alice.insert(0, "<typed>")
    # A save before the server has received the word would duplicate it.
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
    """Run a second server for the same files."""
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


@pytest.mark.parametrize("share_state", [pytest.param(False, marks=pytest.mark.long), True])
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


async def test_text_saved_without_a_hash_is_merged(server: LocalServer) -> None:
    """Text that a script saves through the contents API, without the hash of what it read, is merged."""
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
