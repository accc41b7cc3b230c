# SPDX-License-Identifier: GPL-3.0-or-later
"""A notebook as a file holds it, and as people have it: the file keeps its own hand.

Programs write notebooks differently: indentation, the order of keys, text as one string or as lines, cells without ids. All of that
stays as it is in what nobody has changed, and what is new follows the rest of the file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Any

import nbformat
from nbformat.v4 import rwbase as _rwbase

from .text_bytes import blocks, bytes_of, text_of

Json = Any
formats: Any = nbformat  # which has no types
rwbase: Any = _rwbase
# Ids that people's copies need and the file has not: of a cell without one, and of a further cell with the id of another.
UNNAMED = "unnamed-"
REPEATED = re.compile(r"again-\d+-(?=.)")
LONGEST_ID = 64
# What jupyter_ydoc adds to a notebook's metadata where they are missing.
ADDED = {"kernelspec": {"name": "", "display_name": ""}, "language_info": {"name": ""}}
# What `nbformat` takes out of what it reads, and what a document keeps of a notebook.
TRANSIENT = {"orig_nbformat", "orig_nbformat_minor", "signature"}
KNOWN = {"cells", "metadata", "nbformat", "nbformat_minor"}
# What a cell without it and a cell with an empty one have in common.
NO_MORE_THAN_EMPTY = ("metadata", "source", "outputs", "execution_count", "attachments")
MISSING = object()


def notebook_of(data: bytes, like: Json | None = None) -> dict[str, Any]:
    """Return the notebook that a file holds; each cell has an id of its own. Raises ValueError where it holds none.

    like: the notebook as people had it when the file last held that. A cell without an id in the file gets the one it has there.
    """
    notebook = read(data)
    name_cells(notebook["cells"], like["cells"] if like else [])
    return notebook


def read(data: bytes) -> dict[str, Any]:
    """Return the notebook that a file holds, as `nbformat` has it, with no ids but those in the file."""
    raw = _parsed(data)
    if raw.get("nbformat") != 4:
        converted = formats.reads(json.dumps(raw), as_version=4)
        return dict(rwbase.strip_transient(converted))
    if not isinstance(raw.get("cells"), list):
        raise ValueError("it has no cells")
    for cell in raw["cells"]:
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            raise ValueError("one of its cells is none")
        cell.setdefault("metadata", {})
        cell.setdefault("source", "")
    raw.setdefault("metadata", {})
    notebook = rwbase.strip_transient(rwbase.rejoin_lines(formats.from_dict(raw)))
    return dict(_plain(notebook))


def bytes_of_notebook(notebook: Json, before: bytes) -> bytes:
    """Return the bytes of a notebook, as the file has it whose bytes were `before`; as `nbformat` has it where that is none."""
    new = _plain(notebook)
    new = rwbase.strip_transient(formats.from_dict(new))
    for cell in new["cells"]:
        _unname(cell)
    try:
        old, text = _parsed(before), text_of(before)
        if old.get("nbformat") != 4:
            raise ValueError
    except ValueError:
        return str(formats.writes(new, version=formats.NO_CONVERT) + "\n").encode()
    shaped = _shaped_notebook(_plain(new), old)
    if _same(shaped, old):
        return before
    ending = text[len(text.rstrip()) :]
    return bytes_of(_spliced(text, _written(old, text) + ending, _written(shaped, text) + ending), before)


# Cells without ids


def name_cells(cells: list[dict[str, Any]], known: list[dict[str, Any]]) -> None:
    """Give an id to each cell that has none of its own: that of the cell which it was when the file was last read."""
    seen: set[str] = set()
    nameless: list[dict[str, Any]] = []
    for cell in cells:
        if cell.get("id") and cell["id"] not in seen:
            seen.add(cell["id"])
        else:
            nameless.append(cell)
    if not nameless:
        return
    free = [cell for cell in known if cell.get("id") and cell["id"] not in seen]
    names = {id(new): old["id"] for old, new in aligned(free, nameless) if _may_be(old, new)}
    for number, cell in enumerate(cells):
        if all(cell is not each for each in nameless):
            continue
        own = cell.get("id")
        name = names.get(id(cell)) or _new_name(own, number, cell, seen)
        seen.add(name)
        cell["id"] = name


def aligned(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterable[tuple[Any, Any]]:
    """Yield which cells are the same ones in two notebooks, in order, by what is in them."""
    matcher = SequenceMatcher(
        None, [_key(cell) for cell in old], [_key(cell) for cell in new], autojunk=False
    )
    for tag, start, stop, new_start, new_stop in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(old[start:stop], new[new_start:new_stop], strict=True)
        elif tag == "replace":
            yield from _alike(old[start:stop], new[new_start:new_stop])


def _alike(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterable[tuple[Any, Any]]:
    """Yield pairs of cells that were changed into each other: in order, and each with the first that is like it."""
    if len(old) == len(new):
        yield from (
            (one, other) for one, other in zip(old, new, strict=True) if _key(one)[0] == _key(other)[0]
        )
        return
    place = 0
    for one in old:
        for number in range(place, len(new)):
            texts = _key(one)[1], _key(new[number])[1]
            if _key(one)[0] == _key(new[number])[0] and SequenceMatcher(None, *texts).quick_ratio() > 0.6:
                yield one, new[number]
                place = number + 1
                break


def _key(cell: dict[str, Any]) -> tuple[str, str]:
    source = cell.get("source", "")
    return str(cell.get("cell_type")), source if isinstance(source, str) else "".join(source)


def _may_be(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Return whether a cell may keep its id: a repeated one says which id the file has."""
    return new.get("id") is None or _in_file(old["id"]) == new["id"]


def _in_file(name: str) -> str | None:
    return None if name.startswith(UNNAMED) else REPEATED.sub("", name, count=1)


def _new_name(own: str | None, number: int, cell: dict[str, Any], seen: set[str]) -> str:
    # The same each time that the file is read: tabs that come back have it from an earlier time.
    digest = hashlib.sha256(json.dumps([number, _key(cell)]).encode()).hexdigest()[:12]
    counter = 0
    while True:
        counter += 1
        name = f"again-{counter}-{own}"[:LONGEST_ID] if own else f"{UNNAMED}{digest}{'x' * (counter - 1)}"
        if name not in seen:
            return name


def _unname(cell: dict[str, Any]) -> None:
    if "id" in cell and (name := _in_file(cell["id"])) != cell["id"]:
        del cell["id"]
        if name:
            cell["id"] = name


# The file's own hand


def _shaped_notebook(new: Json, old: Json) -> Json:
    cells = new.pop("cells")
    if not old["cells"] and [_key(cell) for cell in cells] == [("code", "")]:
        cells = []  # which people's editors put into an empty one
    metadata, before = new["metadata"], old.get("metadata", {})
    for key, value in ADDED.items():
        if key not in before and metadata.get(key) == value:
            del metadata[key]
    for key in TRANSIENT & before.keys():
        metadata[key] = before[key]
    new = {**{key: value for key, value in old.items() if key not in KNOWN}, **new}
    if "metadata" not in old and not metadata:
        del new["metadata"]
    shaped = _shaped({**new, "cells": []}, {**old, "cells": []})
    as_lines = next(
        (isinstance(cell.get("source"), list) for cell in old["cells"] if cell.get("source")), True
    )
    pairs = dict(_pairs(old["cells"], cells))
    usual = next((list(cell) for cell in old["cells"]), None)
    shaped["cells"] = [
        _shaped_cell(cell, old["cells"][pairs[number]])
        if number in pairs
        else _new_cell(cell, as_lines, usual)
        for number, cell in enumerate(cells)
    ]
    return shaped


def _pairs(old: list[Json], new: list[Json]) -> Iterable[tuple[int, int]]:
    """Yield the places of cells in the new and in the old notebook that are the same ones."""
    by_id: dict[str, list[int]] = {}
    for place, cell in enumerate(old):
        by_id.setdefault(cell.get("id", ""), []).append(place)
    rest = []
    for number, cell in enumerate(new):
        if cell.get("id") and by_id.get(cell["id"]):
            yield number, by_id[cell["id"]].pop(0)
        else:
            rest.append(number)
    left = by_id.get("", [])
    places = {id(old[place]): place for place in left}
    numbers = {id(new[number]): number for number in rest}
    for one, other in aligned([old[place] for place in left], [new[number] for number in rest]):
        yield numbers[id(other)], places[id(one)]


def _shaped_cell(new: Json, old: Json) -> Json:
    for key in NO_MORE_THAN_EMPTY:
        if key not in old and key in new and not new[key]:
            del new[key]
        if key not in new and key in old and not old[key]:
            new[key] = old[key]
    if "trusted" in old.get("metadata", {}):
        new["metadata"]["trusted"] = old["metadata"]["trusted"]
    return _shaped(new, old, _split_cell(new))


def _new_cell(cell: Json, as_lines: bool, usual: list[str] | None) -> Json:
    split = _split_cell(cell)
    if not as_lines:
        split["source"] = cell["source"]
    order = [*(usual or []), *sorted(split)]
    return {key: split[key] for key in dict.fromkeys(order) if key in split}


def _split_cell(cell: Json) -> Json:
    """Return a cell with its texts as lines, as `nbformat` writes them."""
    one = formats.from_dict({"cells": [cell]})
    one["cells"][0].setdefault("outputs", [])
    found = _plain(rwbase.split_lines(one))["cells"][0]
    if "outputs" not in cell:
        del found["outputs"]
    return found


def _shaped(new: Json, old: Json, split: Json = MISSING) -> Json:
    """Return something new with the old one's order of keys and way to write texts. split: the new one with texts as lines."""
    split = new if split is MISSING else split
    if isinstance(new, dict) and isinstance(old, dict):
        shaped = {key: _shaped(new[key], old[key], split[key]) for key in old if key in new}
        return {**shaped, **{key: split[key] for key in sorted(new) if key not in old}}
    if isinstance(new, str) and isinstance(old, list) and all(isinstance(line, str) for line in old):
        return old if "".join(old) == new else new.splitlines(keepends=True)
    if isinstance(new, str) and isinstance(old, str):
        return new
    if isinstance(new, list) and isinstance(old, list):
        return [
            _shaped(value, old[place], split[place]) if place < len(old) else split[place]
            for place, value in enumerate(new)
        ]
    if new == old and type(new) in (int, float) and type(old) in (int, float):
        return old  # 1 and 1.0 are one number to a browser
    return split


def _written(value: Json, text: str) -> str:
    """Return a value as JSON, as another text of JSON is written."""
    indent = re.match(r"\{\n([ \t]*)", text)
    form: dict[str, Any] = {"ensure_ascii": text.isascii() and "\\u" in text}
    if indent:
        form["indent"] = indent[1]
        separators = (",", ": " if re.search(r'"\s*: ', text) else ":")
    else:
        spaced = re.match(r'\{\s*"(?:[^"\\]|\\.)*"\s*:( ?)', text)
        space = spaced[1] if spaced else ""
        separators = ("," + space, ":" + space)
    return json.dumps(value, separators=separators, **form)


def _spliced(text: str, old: str, new: str) -> str:
    """Return a text with what differs between two others, which are the text, written as we would, before and after a change."""
    if text == old:
        return new
    lines, old_lines, new_lines = text.split("\n"), old.split("\n"), new.split("\n")
    if len(lines) != len(old_lines):
        return new
    kept: list[str] = []
    for tag, start, stop, new_start, new_stop in blocks(old_lines, new_lines):
        kept += lines[start:stop] if tag == "equal" else new_lines[new_start:new_stop]
    return "\n".join(kept)


def _parsed(data: bytes) -> dict[str, Any]:
    found = json.loads(text_of(data))
    if not isinstance(found, dict):
        raise ValueError("it is no notebook")
    return found


def _plain(value: Json) -> Json:
    """Return a copy of what JSON can hold, of plain types."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _same(one: Json, other: Json) -> bool:
    return bool(json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))
