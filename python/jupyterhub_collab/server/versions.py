# SPDX-License-Identifier: GPL-3.0-or-later
"""Work out what a document was at an earlier point of its history, what changed there, and how it becomes the same again.

Nothing here changes a document that people have open. This takes time, so a thread does it, or for large documents another process (`apart`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_ydoc import YNotebook, YUnicode
from pycrdt import Doc, Text

from .history import read_updates
from .line_diff import differences
from .merge import doc_of
from .merge_notebook import Cells, change_notebook, content_of_cell, restore_cell
from .merge_text import change_text

# The types of documents that can be looked at, and how their rooms' names begin.
ROOMS = {"notebook": "json:notebook:", "file": "text:file:"}
KINDS: dict[str, type[YNotebook | YUnicode]] = {"notebook": YNotebook, "file": YUnicode}
# The most characters of a version that are shown. More would make browsers slow.
MOST_SHOWN = 1_000_000
NOW = 2**62
# A process with this priority takes nothing from those who type.
NICE = 10


class Gone(ValueError):
    """The history no longer has a point: the updates around it were combined, or a new history has begun."""


@dataclass(frozen=True)
class Shown:
    """Shows a version of a document, and what changed in it. The result is JSON (see `_cell`), or None if the history no longer has it.

    history: the path of the database. name: the document's name in it. kind: its type.
    before, last: the numbers of two updates: the version is the document after the second one, and the changes are those since the first.
    pid: of the server.
    """

    history: Path
    name: str
    kind: str
    before: int
    last: int
    pid: int

    def do(self, _is_signed: Any = None) -> bytes | None:
        _be_nice(self.pid)
        try:
            before, after = _states(self.history, self.name, self.before, self.last)
        except Gone:
            return None
        kind = KINDS[self.kind]
        old, new = kind(doc_of(before)), kind(doc_of(after))
        budget = Budget(MOST_SHOWN)
        if isinstance(old, YNotebook) and isinstance(new, YNotebook):
            cells = [_cell(was, now, budget) for was, now in _pairs(old, new)]
        else:
            was, now = ({"id": "", "type": "text", "source": str(each.get())} for each in (old, new))
            cells = [_cell(was, now, budget)]
        return json.dumps({"cells": cells, "is_cut": budget.is_spent}).encode()


@dataclass(frozen=True)
class Restored:
    """Makes an update that changes a document into what it was, for the page of the person who wants that.

    Only what differs is changed, cell by cell and word by word, so what others type meanwhile stays. The result has the state vector of the
    document that it changes, its length in four bytes before it, and the update; None if the history no longer has the version or the cell.

    last: the number of the last update of the version. cell: the ID of the only cell to restore; empty for all of the document.
    """

    history: Path
    name: str
    kind: str
    last: int
    cell: str
    pid: int

    def do(self, _is_signed: Any = None) -> bytes | None:
        _be_nice(self.pid)
        try:
            then, now = _states(self.history, self.name, self.last, NOW)
        except Gone:
            return None
        people = doc_of(now)
        state = people.get_state()
        try:
            _restore(self.kind, doc_of(then), people, self.cell)
        except Gone:
            return None
        return len(state).to_bytes(4, "big") + state + people.get_update(state)


def _restore(kind: str, then: Doc[Any], people: Doc[Any], cell: str) -> None:
    if kind == "file":
        with people.transaction():
            change_text(people.get("source", type=Text), str(then.get("source", type=Text)))
        return
    old, new = YNotebook(then), YNotebook(people)
    with people.transaction():
        if not cell:
            _restore_notebook(old, new)
            return
        names = [each["id"] for each in old.ycells]
        if cell not in names:
            raise Gone(cell)
        restore_cell(old, names.index(cell), new, change_text)


def _restore_notebook(old: YNotebook, new: YNotebook) -> None:
    now, names = Cells(new), [each["id"] for each in new.ycells]
    cells = []
    for each in old.ycells:
        # A cell that has another ID now is recognized all the same.
        place, content = now.place(each), content_of_cell(each)
        cells.append(content if place is None else {**content, "id": names[place]})
    change_notebook(new, {**(old._ymeta.to_py() or {}), "cells": cells}, change_text)


def _states(history: Path, name: str, first: int, last: int) -> tuple[bytes, bytes]:
    """Return a document after two updates of its history. last: NOW for its latest one. Raises Gone, and sqlite3.Error."""
    updates = read_updates(history, name, last)
    numbers = {number for number, _content in updates}
    if first not in numbers or (last not in numbers and last != NOW):
        raise Gone(f"{name} after {first} or {last}")
    doc: Doc[Any] = Doc()
    _apply(doc, (content for number, content in updates if number <= first))
    before = doc.get_update()
    _apply(doc, (content for number, content in updates if number > first))
    return before, doc.get_update()


def _apply(doc: Doc[Any], updates: Iterable[bytes]) -> None:
    for update in updates:
        doc.apply_update(update)


def _be_nice(server: int) -> None:
    """Let those who type go first, if this is not the server's own process."""
    if os.getpid() != server:
        os.nice(NICE)


@dataclass
class Budget:
    """How many characters can still be shown."""

    left: int
    is_spent: bool = False

    def take(self, text: str) -> str:
        """Return as much of a text as can be shown."""
        shown = text[: self.left]
        self.left -= len(shown)
        self.is_spent = self.is_spent or len(shown) < len(text)
        return shown


Brief = dict[str, str]


def _pairs(old: YNotebook, new: YNotebook) -> list[tuple[Brief | None, Brief | None]]:
    """Return the cells of two states of a notebook: each cell of the second one with what it was, and removed cells where they were."""
    was, known = list(old.ycells), Cells(old)
    places = [known.place(cell) for cell in new.ycells]
    kept = set(places)
    removed = [index for index in range(len(was)) if index not in kept]
    found: list[tuple[Brief | None, Brief | None]] = []
    gone = 0
    for cell, place in zip(new.ycells, places, strict=True):
        while place is not None and gone < len(removed) and removed[gone] < place:
            found.append((_brief(was[removed[gone]]), None))
            gone += 1
        found.append((None if place is None else _brief(was[place]), _brief(cell)))
    return [*found, *((_brief(was[index]), None) for index in removed[gone:])]


def _brief(cell: Any) -> Brief:
    return {"id": str(cell["id"]), "type": str(cell["cell_type"]), "source": str(cell["source"])}


def _cell(old: Brief | None, new: Brief | None, budget: Budget) -> dict[str, Any]:
    """Return what is shown of a cell: its ID and type, whether it was added, removed or changed, and its text in parts.

    Each part is a list of what happened to it (same, added or removed) and its lines.
    """
    there = new or old
    assert there is not None
    if old is None or new is None:
        change = "added" if old is None else "removed"
        parts = [(change, there["source"])]
    else:
        change = "same" if old == {**new, "id": old["id"]} else "changed"
        parts = list(_parts(old["source"], new["source"]))
    shown = [[what, budget.take(text)] for what, text in parts if text]
    return {"id": there["id"], "type": there["type"], "change": change, "parts": shown}


def _parts(old: str, new: str) -> Iterable[tuple[str, str]]:
    lines, new_lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    place = 0
    for start, end, new_start, new_end in differences(lines, new_lines):
        yield "same", "".join(lines[place:start])
        yield "removed", "".join(lines[start:end])
        yield "added", "".join(new_lines[new_start:new_end])
        place = end
    yield "same", "".join(lines[place:])
