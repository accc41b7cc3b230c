# SPDX-License-Identifier: GPL-3.0-or-later
"""A notebook changed into another one cell by cell: what stays is not touched, so that people's cursors stay where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_ydoc import YNotebook
from pycrdt import Array, Doc, Map, Text

from .line_diff import longest_rising
from .notebook_bytes import ADDED

ChangeText = Callable[[Text, str], None]
# What else a cell of a document has is a plain value.
SHARED = {"id", "cell_type", "source", "metadata", "outputs", "execution_state"}


def change_notebook(document: YNotebook, content: dict[str, Any], change_text: ChangeText) -> set[str]:
    """Change a notebook into content, whose cells have ids. Returns which cells were made anew, such as to move them."""
    meta: Map[Any] = document._ymeta
    for key in ("nbformat", "nbformat_minor"):
        if key in content and meta.get(key) != content[key]:
            meta[key] = float(content[key])  # as all numbers are in a browser
    metadata = {key: value for key, value in ADDED.items() if key not in content.get("metadata", {})}
    _change_map(_map_in(meta, "metadata"), {**metadata, **content.get("metadata", {})})
    cells = content["cells"]
    if not cells and [str(cell["source"]) for cell in document.ycells] == [""]:
        return set()  # an empty notebook has one empty cell where people edit it
    return _change_cells(document, cells, change_text)


def cells_of(document: YNotebook) -> dict[str, Map[Any]]:
    """Return the shared cells of a notebook by their ids."""
    return {cell["id"]: cell for cell in document.ycells}


def known_cells(document: YNotebook) -> dict[str, Any]:
    """Return what tells the cells of a notebook from each other, by which those of its file are recognized."""
    return {
        "cells": [
            {"id": cell["id"], "cell_type": cell["cell_type"], "source": str(cell["source"])}
            for cell in document.ycells
        ]
    }


def carry_over(
    base: YNotebook, before: YNotebook, merged: YNotebook, made_anew: set[str], change_text: ChangeText
) -> None:
    """Put what people had typed into cells that were made anew into those that took their places.

    base: as the file held it; before: as people had it; merged: as they have it now.
    """
    was, typed, now = cells_of(base), cells_of(before), cells_of(merged)
    for name in made_anew & typed.keys() & now.keys() & was.keys():
        old, theirs, ours = (str(cells[name]["source"]) for cells in (was, typed, now))
        if theirs != old:
            change_text(now[name]["source"], _both(old, theirs, ours, change_text))


def _both(old: str, one: str, other: str, change_text: ChangeText) -> str:
    """Return a text with the changes of two sides."""
    first: Doc[Any] = Doc()
    text = first.get("text", type=Text)
    text += old
    second: Doc[Any] = Doc()
    second.apply_update(first.get_update())
    change_text(text, one)
    change_text(second.get("text", type=Text), other)
    first.apply_update(second.get_update())
    return str(text)


def _change_cells(document: YNotebook, cells: list[dict[str, Any]], change_text: ChangeText) -> set[str]:
    ycells: Array[Any] = document.ycells
    before = {cell.get("id") for cell in ycells}
    made_anew: set[str] = set()
    new = {cell["id"]: cell for cell in cells}
    seen: set[str] = set()
    for index in reversed(range(len(ycells))):
        name = ycells[index].get("id")
        if name in seen or name not in new or new[name]["cell_type"] != ycells[index]["cell_type"]:
            del ycells[index]
        else:
            seen.add(name)
    # Of the cells that stay, as many as possible stay where they are. The others are made anew: nothing in a shared list moves.
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
            made_anew.add(cell["id"])
    return made_anew & before


def _change_cell(ycell: Map[Any], cell: dict[str, Any], change_text: ChangeText) -> None:
    source, outputs = cell["source"], cell.get("outputs", [])
    same = str(ycell["source"]) == source
    change_text(ycell["source"], source)
    if isinstance(ycell.get("outputs"), Array):
        same = _change_outputs(ycell["outputs"], outputs) and same
    metadata = dict(cell.get("metadata", {}))
    shared = _map_in(ycell, "metadata")
    if same and "trusted" in shared:
        metadata["trusted"] = shared["trusted"]  # nobody from outside has had a hand in it
    _change_map(shared, metadata)
    _change_map(ycell, {key: value for key, value in cell.items() if key not in SHARED}, SHARED)


def _change_outputs(shared: Array[Any], outputs: list[dict[str, Any]]) -> bool:
    """Change the outputs of a cell from the first that differs on. Returns whether none did."""
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
    """Return an output as it is in a document, where text that comes bit by bit is shared itself."""
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
