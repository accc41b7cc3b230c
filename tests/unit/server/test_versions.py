# SPDX-License-Identifier: GPL-3.0-or-later
"""Sittings, versions and how a document becomes one of them again, from the history alone (see also `test_looking_back.py`)."""

import json
import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jupyter_ydoc import YNotebook, YUnicode
from pycrdt import Doc, Text

from jupyterhub_collab.server.history import History
from jupyterhub_collab.server.sittings import LONGEST, MOST, PAUSE, Past, read_past, size_of
from jupyterhub_collab.server.versions import MOST_SHOWN, Restored, Shown
from open_files import notebook

NAME = "json:notebook:1"


class Story:
    """A document and its history. Each step is an update by a person; the first one is the document as it is opened."""

    def __init__(self, directory: Path, kind: str, content: Any) -> None:
        self.past = History(directory, logging.getLogger())
        assert self.past.path
        self.path, self.kind = self.past.path, kind
        self.doc: Doc[Any] = Doc()
        self.file = {"notebook": YNotebook, "file": YUnicode}[kind](self.doc)
        self.file.set(content)
        self.first = self.past.add(NAME, self.doc.get_update())
        self.edits: dict[str, int] = {}

    @property
    def notebook(self) -> YNotebook:
        assert isinstance(self.file, YNotebook)
        return self.file

    def by(self, who: str, change: Any, at: float = 0) -> int:
        """Change the document as a person, at a time in seconds since the epoch, and return the number of the update."""
        state = self.doc.get_state()
        change()
        if who not in self.edits:
            self.edits[who] = self.past.begin_edit(NAME, who)
        number = self.past.add(NAME, self.doc.get_update(state), self.edits[who])
        if at:
            with closing(sqlite3.connect(self.path)) as db, db:
                db.execute("update updates set time = ? where id = ?", (at, number))
        return number

    def shown(self, before: int, last: int) -> dict[str, Any]:
        found = Shown(self.path, NAME, self.kind, before, last, os.getpid()).do()
        assert found is not None
        told: dict[str, Any] = json.loads(found)
        return told

    def restore(self, last: int, cell: str = "") -> None:
        """Apply the update that a page gets."""
        self.doc.apply_update(self.update(last, cell))

    def update(self, last: int, cell: str = "") -> bytes:
        found = Restored(self.path, NAME, self.kind, last, cell, os.getpid()).do()
        assert found is not None
        length = int.from_bytes(found[:4], "big")
        assert found[4 : 4 + length] == self.doc.get_state()
        return found[4 + length :]

    @property
    def sources(self) -> list[str]:
        return [str(cell["source"]) for cell in self.notebook.ycells]


@pytest.fixture
def story(tmp_path: Path) -> Story:
    cells = notebook("one\ntwo\nthree\n", "second", "third")
    output = {"output_type": "stream", "name": "stdout", "text": "1\n"}
    cells["cells"][1] |= {"outputs": [output], "execution_count": 1}
    return Story(tmp_path, "notebook", cells)


def type_into(story: Story, cell: int, text: str) -> None:
    story.notebook.ycells[cell]["source"].insert(0, text)


# Sittings


def test_pause_ends_a_sitting_and_another_person_does_not(story: Story) -> None:
    t = 1_700_000_000.0
    for after, who in ((0, "alice"), (PAUSE - 1, "bob"), (2 * PAUSE - 2, "alice"), (4 * PAUSE, "bob")):
        last = story.by(who, lambda: type_into(story, 0, "x"), t + after)
    past = read_past(story.path, NAME)
    assert [(each.people, each.changes) for each in past.sittings] == [(("bob",), 1), (("alice", "bob"), 3)]
    assert (past.sittings[0].last, past.sittings[1].began) == (last, t)
    assert past.sittings[0].before == past.sittings[1].last
    assert past.sittings[1].before == past.first == story.first


def test_long_sitting_is_divided(story: Story) -> None:
    for minute in range(0, 3 * LONGEST, 60):
        story.by("alice", lambda: type_into(story, 0, "x"), 1_700_000_000 + minute)
    assert [each.changes for each in read_past(story.path, NAME).sittings] == [10, 10, 10]


def test_clock_that_is_set_back_hides_nothing(story: Story) -> None:
    for when in (1_700_000_000, 1_600_000_000, 1_600_000_001, 1_700_000_001):
        story.by("alice", lambda: type_into(story, 0, "x"), when)
    assert [each.changes for each in read_past(story.path, NAME).sittings] == [1, 2, 1]


def test_what_the_server_or_another_document_did_is_in_no_sitting(story: Story) -> None:
    story.past.add(NAME, b"\0\0")
    story.past.add("json:notebook:2", b"\0\0", story.past.begin_edit("json:notebook:2", "bob"))
    assert read_past(story.path, NAME).sittings == ()
    assert read_past(story.path, "json:notebook:3") == Past()


def test_combined_updates_are_the_new_beginning(story: Story) -> None:
    """They are not the work of the person who made the last one of them."""
    for _each in range(3):
        story.by("alice", lambda: type_into(story, 0, "x"))
    story.past.keep_below(0)
    past = read_past(story.path, NAME)
    assert past.first == story.past.last(NAME) and past.sittings == ()
    story.by("bob", lambda: type_into(story, 0, "y"))
    (sitting,) = read_past(story.path, NAME).sittings
    assert (sitting.people, sitting.before) == (("bob",), past.first)
    assert story.shown(sitting.before, sitting.last)["cells"][0]["change"] == "changed"


def test_latest_thousand_sittings_are_listed(story: Story) -> None:
    edit = story.past.begin_edit(NAME, "alice")
    rows = [(NAME, 1_700_000_000 + 2 * PAUSE * each, b"\0\0", edit) for each in range(MOST + 5)]
    with closing(sqlite3.connect(story.path)) as db, db:
        db.executemany("insert into updates (document, time, content, edit) values (?, ?, ?, ?)", rows)
    past = read_past(story.path, NAME)
    assert (len(past.sittings), past.has_more) == (MOST, True)
    assert past.sittings[0].began == rows[-1][1]


def test_size_counts_updates_that_were_written_in_parts(story: Story) -> None:
    before = size_of(story.path, NAME)
    with closing(sqlite3.connect(story.path)) as db, db:
        db.execute("insert into updates (document, time, content, parts) values (?, 0, '', 'large')", (NAME,))
        db.executemany("insert into parts (update_, content) values ('large', ?)", [(b"x" * 10,)] * 2)
    assert size_of(story.path, NAME) == before + 20


# What a version shows


def test_version_shows_what_changed_and_where(story: Story) -> None:
    def change() -> None:
        source = story.notebook.ycells[0]["source"]
        del source[4:7]
        source.insert(4, "TWO")
        del story.notebook.ycells[1]
        story.notebook.append_cell({"cell_type": "markdown", "source": "new", "metadata": {}})

    last = story.by("alice", change)
    story.by("bob", lambda: type_into(story, 0, "later"))
    told = story.shown(story.first, last)
    assert [(each["change"], each["parts"]) for each in told["cells"]] == [
        ("changed", [["same", "one\n"], ["removed", "two\n"], ["added", "TWO\n"], ["same", "three\n"]]),
        ("removed", [["removed", "second"]]),
        ("same", [["same", "third"]]),
        ("added", [["added", "new"]]),
    ]
    assert told["cells"][3]["type"] == "markdown" and not told["is_cut"]


def test_cell_that_became_another_type_has_changed(story: Story) -> None:
    def change() -> None:
        cell = {**story.notebook.get_cell(2), "cell_type": "markdown"}
        story.notebook.ycells[2] = story.notebook.create_ycell(cell)

    last = story.by("alice", change)
    cell = story.shown(story.first, last)["cells"][2]
    assert (cell["change"], cell["type"], cell["parts"]) == ("changed", "markdown", [["same", "third"]])


def test_large_version_is_cut_and_says_so(tmp_path: Path) -> None:
    story = Story(tmp_path, "file", "x" * (MOST_SHOWN + 1))
    last = story.by("alice", lambda: story.file.set("y"))
    told = story.shown(story.first, last)
    assert told["is_cut"]
    assert sum(len(text) for _what, text in told["cells"][0]["parts"]) == MOST_SHOWN


@pytest.mark.parametrize(("before", "last"), [(99, 100), (100, 1), (1, 99)])
def test_version_that_is_not_there_is_none(story: Story, before: int, last: int) -> None:
    assert Shown(story.path, NAME, "notebook", before, last, os.getpid()).do() is None
    assert Restored(story.path, NAME, "notebook", 99, "", os.getpid()).do() is None
    assert Restored(story.path, "json:notebook:2", "notebook", story.first, "", os.getpid()).do() is None
    assert Restored(story.path, NAME, "notebook", story.first, "no cell", os.getpid()).do() is None


# How a document becomes it again


def test_one_cell_is_restored_with_its_output_and_the_others_stay(story: Story) -> None:
    def change() -> None:
        type_into(story, 0, "zero\n")
        type_into(story, 1, "# changed\n")
        story.notebook.ycells[1]["outputs"].clear()

    story.by("alice", change)
    story.restore(story.first, "cell1")
    assert story.sources == ["zero\none\ntwo\nthree\n", "second", "third"]
    assert story.notebook.get_cell(1)["outputs"][0]["text"] == "1\n"


def test_removed_cell_returns_to_its_place_and_only_once(story: Story) -> None:
    story.by("alice", lambda: story.notebook.ycells.pop(1))
    story.by("alice", lambda: story.restore(story.first, "cell1"))
    assert story.sources == ["one\ntwo\nthree\n", "second", "third"]
    story.restore(story.first, "cell1")
    assert len(story.sources) == 3
    assert [cell["id"] for cell in story.notebook.ycells] == ["cell0", "cell1", "cell2"]


def test_first_of_removed_cells_returns_to_the_top(story: Story) -> None:
    story.by("alice", lambda: story.notebook.ycells.pop(0))
    story.restore(story.first, "cell0")
    assert story.sources[0] == "one\ntwo\nthree\n"


def test_everything_is_restored(story: Story) -> None:
    """Cells that were removed, moved, renamed, added or made another type; the notebook's metadata; and no cell is there twice."""
    then = story.notebook.get()

    def change() -> None:
        cells = story.notebook.ycells
        moved = story.notebook.get_cell(0)
        del cells[0]
        cells.append(story.notebook.create_ycell({**moved, "cell_type": "markdown"}))
        cells[0]["id"] = "renamed"
        del cells[1]
        story.notebook.append_cell({"cell_type": "code", "source": "new", "metadata": {}})
        story.notebook._ymeta["metadata"]["kernelspec"] = {"name": "other"}

    story.by("alice", change)
    story.by("alice", lambda: story.restore(story.first))
    now = story.notebook.get()
    assert [cell["id"] for cell in now["cells"]] == ["cell0", "renamed", "cell2"]
    for old, new in zip(then["cells"], now["cells"], strict=True):
        assert {**old, "id": ""} == {**new, "id": ""}
    assert now["metadata"].get("kernelspec") in (None, {"name": "", "display_name": ""})


def test_what_is_the_same_is_not_touched(story: Story) -> None:
    """Nothing is sent for a version that is the present one, so nobody's cursor moves."""
    last = story.by("alice", lambda: type_into(story, 0, "x"))
    assert story.update(last) == b"\0\0"


@pytest.mark.parametrize("cell", ["", "cell0"])
def test_what_others_type_meanwhile_stays(story: Story, cell: str) -> None:
    """The update is made before bob types into the lines that it changes, and those that it does not."""
    story.by("alice", lambda: story.notebook.ycells[0]["source"].insert(4, "and "))
    update = story.update(story.first, cell)
    story.by("bob", lambda: story.notebook.ycells[0]["source"].insert(8, "bob's "))
    story.by("bob", lambda: type_into(story, 0, "first "))
    story.doc.apply_update(update)
    assert story.sources[0] == "first one\nbob's two\nthree\n"


def test_restoring_to_before_a_restore_brings_everything_back(story: Story) -> None:
    """A restore is a change like any other, so it is in the history itself."""
    last = story.by("alice", lambda: type_into(story, 2, "precious "))
    story.by("bob", lambda: story.restore(story.first))
    assert story.sources[2] == "third"
    story.restore(last)
    assert story.sources[2] == "precious third"


def test_text_is_restored_word_by_word(tmp_path: Path) -> None:
    story = Story(tmp_path, "file", "one two\nthree\n")
    story.by("alice", lambda: story.file.set("one 2\nthree\nfour\n"))
    update = story.update(story.first)
    story.by("bob", lambda: story.doc.get("source", type=Text).insert(0, "zero "))
    story.doc.apply_update(update)
    assert story.file.get() == "zero one two\nthree\n"
