# SPDX-License-Identifier: GPL-3.0-or-later
"""A large file is merged in another process. Whatever goes wrong there, the server merges it itself."""

import json
import logging
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from jupyter_ydoc import YUnicode

from jupyterhub_collab.server.apart import Job, Signer
from jupyterhub_collab.server.file_content import Found
from jupyterhub_collab.server.following import Form, Taken
from jupyterhub_collab.server.history import History, OnDisk, read_updates
from local_server import PATIENCE, server_with
from open_files import copies, notebook, words
from tiers import some_long

pytestmark = pytest.mark.anyio

LARGE = """
from jupyterhub_collab.server import apart, room

apart.VERY_LARGE = room.LARGE = 0
"""
# What can be wrong on a host, and whether the other process works anyway.
HOSTS = {
    "a Python without memfd_create": ("import os; del os.memfd_create", True),
    "a path in sys.path that is no string": (
        "import pathlib, sys; sys.path.append(pathlib.Path('/no'))",
        True,
    ),
    "modules in the folder of the server": ("open('json.py', 'w').write('raise SystemExit(4)')", True),
    "a library that prints": ("apart.START = 'print(1, 2, 3);' + apart.START", False),
    "no interpreter": ("import sys; sys.executable = None", False),
    "a process that fails": ("apart.START = 'raise SystemExit(3)'", False),
    "a process that hangs": ("apart.START, apart.PATIENCE = 'input()', 0.5", False),
    "an outcome of another version": (
        "apart.START = \"import sys; open(int(sys.argv[3]), 'wb').write(b'cno.such\\\\nModule\\\\n.')\"",
        False,
    ),
}


@pytest.mark.parametrize(
    ("host", "works"),
    some_long(
        HOSTS, short=("modules in the folder of the server", "a process that fails", "a process that hangs")
    ),
)
async def test_a_file_is_merged_whatever_the_host_is_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, works: bool
) -> None:
    with server_with(tmp_path, monkeypatch, f"{LARGE}\n{host}\n") as server:
        server.write("work.ipynb", json.dumps(notebook("first = 1", "second = 2")))
        alice = await server.open("work.ipynb")
        alice.insert(0, "typed = 1\n", 0)
        await server.until_file("work.ipynb", "typed = 1")
        theirs = json.loads(server.read("work.ipynb"))
        theirs["cells"][1]["source"] = "second = 22"
        server.write("work.ipynb", json.dumps(theirs))
        await alice.wait_until(lambda room: "second = 22" in words(room), PATIENCE)
        alice.insert(0, "more = 1\n", 0)
        await server.until_file("work.ipynb", "more = 1\\n", "typed = 1\\n", "second = 22")
        assert not copies(server)
        assert ("is merged in the server's own process" in server.log) is not works


@pytest.fixture
def past(tmp_path: Path) -> History:
    return History(tmp_path, logging.getLogger(__name__))


def job(past: History, place: int, on_disk: OnDisk) -> Job:
    """Return a job that merges the file's text `one\\n2\\n` into the document as it was after an update of the history."""
    form, found = Form("text", "file", YUnicode), Found("other", b"one\n2\n")
    assert past.path is not None
    return Job(
        past.path, "name", Taken(1, 1, (place, None), True), on_disk, form, found, Signer(b"", "sha256")
    )


def typed(document: YUnicode, past: History, text: str) -> int:
    before = document.ydoc.get_state()
    document.source = text
    return past.add("name", document.ydoc.get_update(before))


def test_a_history_that_has_begun_anew_is_not_taken_for_the_document(past: History) -> None:
    with pytest.raises(ValueError, match="the history has changed"):
        job(past, 5, OnDisk("hash", 5)).do(lambda *_signature: False)


def test_a_history_that_was_combined_is_not_taken_for_the_document(past: History) -> None:
    document: Any = YUnicode()
    typed(document, past, "one\ntwo\n")
    on_disk = OnDisk("hash", 0, document.ydoc.get_update())
    past.set_on_disk("name", on_disk)
    place = typed(document, past, "one\ntwo\nx\n")
    document.ydoc.apply_update(job(past, place, on_disk).do(lambda *_signature: False).followed.update)
    assert document.source == "one\n2\nx\n"
    typed(document, past, "one\n2\nxy\n")
    past.keep_below(0)
    with pytest.raises(ValueError, match="the history has changed"):
        job(past, place, on_disk).do(lambda *_signature: False)


def test_reading_the_history_changes_nothing(past: History, tmp_path: Path) -> None:
    """A process that outlives a killed server is the last to close the database, which must not lock out the next server."""
    number = past.add("name", b"x" * 100)
    left = shutil.copytree(tmp_path, tmp_path / "left by a killed server")
    journal = left / "documents.db-wal"
    before = journal.read_bytes()
    assert read_updates(left / "documents.db", "name", number) == [(number, b"x" * 100)]
    assert journal.read_bytes() == before
    with pytest.raises(sqlite3.OperationalError):
        read_updates(left / "missing.db", "name", 1)
    assert not (left / "missing.db").exists()
