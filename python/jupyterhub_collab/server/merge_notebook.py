# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a notebook into another one cell by cell. Cells that stay are not touched, so people's cursors stay where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from uuid import uuid4

from jupyter_ydoc import YNotebook
from pycrdt import Array, Assoc, Doc, Map, Text

from .line_diff import longest_rising
from .notebook_bytes import ADDED, aligned

# If more than this share of two cells' texts is the same, one cell was made from the other.
ALIKE = 0.6
ChangeText = Callable[[Text, str], None]
# All other fields of a document's cell are plain values.
SHARED = {"id", "cell_type", "source", "metadata", "outputs", "execution_state"}


def change_notebook(document: YNotebook, content: dict[str, Any], change_text: ChangeText) -> None:
    """Change a notebook into `content`, whose cells all have IDs."""
    meta: Map[Any] = document._ymeta
    for key in ("nbformat", "nbformat_minor"):
        if key in content and meta.get(key) != content[key]:
            meta[key] = float(content[key])  # like all numbers in a browser
    metadata = {key: value for key, value in ADDED.items() if key not in content.get("metadata", {})}
    _change_map(_map_in(meta, "metadata"), {**metadata, **content.get("metadata", {})})
    cells = content["cells"]
    if not cells and [str(cell["source"]) for cell in document.ycells] == [""]:
        return  # in an editor, an empty notebook has one empty cell
    _change_cells(document, cells, change_text)


def cells_of(document: YNotebook) -> dict[str, Map[Any]]:
    """Return the shared cells of a notebook, by ID."""
    return {cell["id"]: cell for cell in document.ycells}


def known_cells(document: YNotebook) -> dict[str, Any]:
    """Return what identifies the cells of a notebook: ID, type and source. The cells of its file are recognized by these."""
    return {
        "cells": [
            {"id": cell["id"], "cell_type": cell["cell_type"], "source": str(cell["source"])}
            for cell in document.ycells
        ]
    }


def new_names(document: YNotebook, content: dict[str, Any]) -> dict[str, str]:
    """Return the IDs of cells that have a new ID in `content`, with the new ID. Some programs give new IDs to all cells."""
    cells = known_cells(document)["cells"]
    names, new = {cell["id"] for cell in cells}, {cell["id"] for cell in content["cells"]}
    pairs = aligned(
        [cell for cell in cells if cell["id"] not in new],
        [cell for cell in content["cells"] if cell["id"] not in names],
    )
    return {old["id"]: other["id"] for old, other in pairs if _are_alike(old["source"], other["source"])}


def _are_alike(one: str, other: str) -> bool:
    return one == other or SequenceMatcher(None, one, other).quick_ratio() > ALIKE


def rename_cells(document: YNotebook, names: dict[str, str]) -> None:
    """Give cells new IDs. The shared cells stay the same, with people's cursors in them."""
    with document.ydoc.transaction():
        for cell in document.ycells:
            if cell["id"] in names:
                cell["id"] = names[cell["id"]]


def name_repeated_cells(document: YNotebook) -> None:
    """Give a new ID to each cell that repeats the ID of another one. Two people who move a cell at the same moment make two of it."""
    seen: set[str] = set()
    with document.ydoc.transaction():
        for cell in document.ycells:
            if cell["id"] in seen:
                cell["id"] = str(uuid4())
            seen.add(cell["id"])


@dataclass(frozen=True)
class Sides:
    """The sides of a three-way merge of a notebook, and its result.

    base: the notebook as the file held it.
    people: as people have it.
    file: as the file holds it now.
    merged: as people have it, with the changes of both sides.
    """

    base: YNotebook
    people: YNotebook
    file: YNotebook
    merged: YNotebook

    def carry_over(self, change_text: ChangeText) -> None:
        """If one side has recreated a cell, such as to move it, apply the other side's changes to the new cell.

        Nothing in a shared list can move. Without this, the changes to the old cell would be lost, or the cell would appear twice.
        """
        was, theirs, files = cells_of(self.base), cells_of(self.people), cells_of(self.file)
        for name, old in was.items():
            here, there = theirs.get(name), files.get(name)
            if there is None:
                continue
            if here is None:
                if str(there["source"]) != str(old["source"]):
                    _bring_back(self.file, list(files).index(name), self.merged)
                continue
            is_new, is_new_there = (_identity(each) != _identity(old) for each in (here, there))
            if is_new or is_new_there:
                self._make_one(name, _identity(here if is_new else there), change_text)

    def _make_one(self, name: str, kept: Any, change_text: ChangeText) -> None:
        """Keep one cell with the ID `name`, the one with identity `kept`, and apply the changes of both sides to it."""
        old, here, there = (cells_of(each)[name] for each in (self.base, self.people, self.file))
        cells, others = self.merged.ycells, [_identity(each) for each in (old, here, there)]
        for index in reversed(range(len(cells))):
            identity = _identity(cells[index])
            if cells[index]["id"] == name and identity != kept and identity in others:
                del cells[index]
        cell = next(each for each in cells if each["id"] == name and _identity(each) == kept)
        was, theirs, files = (each.to_py() or {} for each in (old, here, there))
        source = _both(was["source"], theirs["source"], files["source"], change_text)
        changed = {key: value for key, value in files.items() if value != was.get(key)}
        _change_cell(cell, {**theirs, **changed, "source": source}, change_text)


def _bring_back(source: YNotebook, index: int, notebook: YNotebook) -> None:
    """Insert a cell of another notebook that people have removed, because it has text that they had not seen."""
    there = [cell["id"] for cell in notebook.ycells]
    order = [cell["id"] for cell in source.ycells]
    if order[index] in there:
        return
    before = [each for each in order[:index] if each in there]
    place = there.index(before[-1]) + 1 if before else 0
    notebook.ycells.insert(place, notebook.create_ycell(source.get_cell(index)))


def restore_cells(
    seen: YNotebook,
    whole: YNotebook,
    then: YNotebook,
    people: YNotebook,
    change_text: ChangeText,
    bring_back: bool,
) -> bool:
    """Restore text of cells that were removed by a person who had not seen it. Return whether all of the text was restored.

    seen: the notebook as that person had seen it.
    whole: the notebook with the text.
    then: the notebook once the cells were removed.
    people: the notebook as people have it now. It is changed.
    bring_back: whether to insert cells that were not recreated; otherwise, their text is not restored.
    """
    old, stayed = texts_of(seen), texts_of(then)
    is_whole = True
    for index, cell in enumerate(whole.ycells):
        identity, name, text = _identity(cell), cell["id"], str(cell["source"])
        if identity in stayed or text == old.get(identity, ""):
            continue
        if name in (now := cells_of(people)):
            source = now[name]["source"]
            change_text(source, _both(old.get(identity, ""), str(source), text, change_text))
        elif bring_back:
            _bring_back(whole, index, people)
        else:
            is_whole = is_whole and not text.strip()
    return is_whole


def texts_of(document: YNotebook) -> dict[tuple[int, int], str]:
    """Return the texts of a notebook's cells, by identity."""
    return {_identity(cell): str(cell["source"]) for cell in document.ycells}


def _identity(cell: Map[Any]) -> tuple[int, int]:
    """Return the identity of a shared cell: the same in all copies of the document, and different for a recreated cell."""
    place = cell["source"].sticky_index(0, Assoc.BEFORE).to_json()["type"]
    return place["client"], place["clock"]


def _both(old: str, one: str, other: str, change_text: ChangeText) -> str:
    """Return a text with the changes of two sides."""
    first: Doc[Any] = Doc(client_id=1)  # fixed, so that the same texts always give the same result
    text = first.get("text", type=Text)
    text += old
    second: Doc[Any] = Doc(client_id=2)
    second.apply_update(first.get_update())
    change_text(text, one)
    change_text(second.get("text", type=Text), other)
    first.apply_update(second.get_update())
    return str(text)


def _change_cells(document: YNotebook, cells: list[dict[str, Any]], change_text: ChangeText) -> None:
    ycells: Array[Any] = document.ycells
    new = {cell["id"]: cell for cell in cells}
    seen: set[str] = set()
    for index in reversed(range(len(ycells))):
        name = ycells[index].get("id")
        if name in seen or name not in new or new[name]["cell_type"] != ycells[index]["cell_type"]:
            del ycells[index]
        else:
            seen.add(name)
    # Keep as many cells as possible in place. Recreate the others, because nothing in a shared list can move.
    order = {cell["id"]: place for place, cell in enumerate(cells)}
    places = [order[cell["id"]] for cell in ycells]
    kept = set(longest_rising(places))
    for index in reversed(range(len(ycells))):
        if index not in kept:
            del ycells[index]
    for place, cell in enumerate(cells):
        if place < len(ycells) and ycells[place]["id"] == cell["id"]:
            _change_cell(ycells[place], cell, change_text)
        else:
            ycells.insert(place, document.create_ycell(cell))


def _change_cell(ycell: Map[Any], cell: dict[str, Any], change_text: ChangeText) -> None:
    source, outputs = cell["source"], cell.get("outputs", [])
    same = str(ycell["source"]) == source
    change_text(ycell["source"], source)
    if isinstance(ycell.get("outputs"), Array):
        same = _change_outputs(ycell["outputs"], outputs) and same
    metadata = dict(cell.get("metadata", {}))
    shared = _map_in(ycell, "metadata")
    if same and "trusted" in shared:
        metadata["trusted"] = shared["trusted"]  # nothing was changed from outside
    _change_map(shared, metadata)
    _change_map(ycell, {key: value for key, value in cell.items() if key not in SHARED}, SHARED)


class Cells:
    """Finds the cells that another state of the same notebook has."""

    def __init__(self, document: YNotebook) -> None:
        cells = list(document.ycells)
        self._identities = {_identity(cell): index for index, cell in enumerate(cells)}
        self._names = {cell["id"]: index for index, cell in enumerate(cells)}

    def place(self, cell: Map[Any]) -> int | None:
        """Return the index of a cell of the other state; None if it is not here. It may have another ID here, or be recreated with its ID."""
        found = self._identities.get(_identity(cell))
        return self._names.get(cell["id"]) if found is None else found


def restore_cell(then: YNotebook, index: int, document: YNotebook, change_text: ChangeText) -> None:
    """Change one cell of a notebook into what it was. Insert it if it has been removed.

    then: an earlier state of the notebook. index: of the cell in it.
    """
    old, now = list(then.ycells)[: index + 1], Cells(document)
    cell, place = content_of_cell(old[-1]), now.place(old[-1])
    if place is None:
        before = (now.place(each) for each in reversed(old[:-1]))
        document.ycells.insert(
            next((each + 1 for each in before if each is not None), 0), document.create_ycell(cell)
        )
    elif document.ycells[place]["cell_type"] != cell["cell_type"]:
        name = document.ycells[place]["id"]
        del document.ycells[place]
        document.ycells.insert(place, document.create_ycell({**cell, "id": name}))
    else:
        _change_cell(document.ycells[place], cell, change_text)


def content_of_cell(cell: Map[Any]) -> dict[str, Any]:
    """Return the content of a shared cell as documents have it: with its ID even if its file has none, and numbers as browsers write them."""
    return {key: value for key, value in (cell.to_py() or {}).items() if key != "execution_state"}


def _change_outputs(shared: Array[Any], outputs: list[dict[str, Any]]) -> bool:
    """Change the outputs of a cell, starting with the first one that differs. Return whether all were the same."""
    old = shared.to_py() or []
    same = next(
        (number for number, (one, other) in enumerate(zip(old, outputs, strict=False)) if one != other),
        min(len(old), len(outputs)),
    )
    if same == len(old) == len(outputs):
        return True
    del shared[same:]
    shared.extend([_shared_output(output) for output in outputs[same:]])
    return False


def _shared_output(output: dict[str, Any]) -> Map[Any]:
    """Return an output as documents hold it: the text of a stream, which grows bit by bit, is a shared text."""
    text = output.get("text", "")
    is_stream = output.get("output_type") == "stream"
    return Map({**output, "text": Text("".join(text))} if is_stream else dict(output))


def _change_map(shared: Map[Any], new: dict[str, Any], besides: set[str] | None = None) -> None:
    old = shared.to_py() or {}
    for key in old.keys() - new.keys() - (besides or set()):
        if key == "attachments" and not old[key]:
            continue
        del shared[key]
    for key, value in new.items():
        if key not in old or old[key] != value:
            shared[key] = value


def _map_in(parent: Map[Any], key: str) -> Map[Any]:
    if not isinstance(parent.get(key), Map):
        parent[key] = Map(parent.get(key) or {})
    found: Map[Any] = parent[key]
    return found
