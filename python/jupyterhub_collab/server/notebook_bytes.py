# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert between a file's bytes and the notebook that people have. The file keeps its format.

Programs write notebooks differently: indentation, the order of keys, text as one string or as lines, cells without IDs. Everything that
nobody has changed stays as it is. Everything new follows the format of the rest.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, islice, pairwise, zip_longest
from typing import Any, NamedTuple

import nbformat
from nbformat.v4 import rwbase as _rwbase

from .fingerprint import fingerprint
from .line_diff import blocks
from .text_bytes import HALF, bytes_of, is_usual, text_of, with_halves

Json = Any
formats: Any = nbformat  # has no type hints
rwbase: Any = _rwbase
# How IDs begin that people's copies need and the file does not have: of a cell without an ID, and of a cell that repeats another's ID.
UNNAMED = "unnamed-"
REPEATED = re.compile(r"again-\d+-(?=.)")
# What jupyter_ydoc adds to a notebook's metadata if it is missing.
ADDED = {"kernelspec": {"name": "", "display_name": ""}, "language_info": {"name": ""}}
# The metadata that `nbformat` removes when it reads a notebook.
TRANSIENT = {"orig_nbformat", "orig_nbformat_minor", "signature"}
# The type that people have of an output without a type. Jupyter can neither sign nor save it otherwise.
UNTYPED = ""
# The types of cells that JupyterLab knows.
TYPES = ("code", "markdown", "raw")
# The keys of a notebook that a document keeps.
KNOWN = {"cells", "metadata", "nbformat", "nbformat_minor"}
# The keys of a cell for which a missing value means the same as an empty one, and which values are empty.
NO_MORE_THAN_EMPTY = ("metadata", "source", "outputs", "execution_count", "attachments")
EMPTY: tuple[Json, ...] = (None, "", [], {})
MISSING = object()
# A token of JSON, with the white space before it.
TOKEN = re.compile(r'(\s*)("[^"\\]*(?:\\.[^"\\]*)*"|[^\s"\[\]{},:]+|[\[\]{},:])')
# A character in a string of JSON, which may be escaped, or the string's end.
CHARACTER = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|.", re.DOTALL)
# How `nbformat` writes notebooks, as arguments of `json.dumps`.
USUAL = {"indent": 1, "separators": (",", ": "), "sort_keys": True, "ensure_ascii": False}
# The older formats that `nbformat` converts.
OLDER = (2, 3)
LINE = re.compile(r"[^\n]*\n|[^\n]+")
MOST_TOKENS = 100_000


class Token(NamedTuple):
    """A token of JSON, or a part of one.

    white: the white space before it; None inside a string.
    """

    white: str | None
    bare: str


@dataclass(frozen=True)
class Form:
    """A notebook as a file has it.

    text: the decoded file.
    raw: its parsed JSON.
    cells: where each cell begins and ends in `text`.
    read: each cell as people have it, except for IDs: only those that can be the ID of a cell.
    style: how the JSON is formatted, as arguments of `json.dumps`.
    is_usual: whether the file has the usual format (see `text_bytes.is_usual`).
    """

    text: str
    raw: Json
    cells: list[tuple[int, int]]
    read: list[Json]
    style: dict[str, Any]
    is_usual: bool


# The last forms, up to this many bytes of files, so that a file that is written again and again is not parsed each time.
_last: list[tuple[bytes, Form]] = []
MOST_KEPT = 50_000_000


def form_of(data: bytes) -> Form:
    """Return the form of a notebook of format 4. Raises ValueError if the file does not hold one."""
    for known, form in list(_last):
        if known is data or known == data:
            return form
    usual = is_usual(data)
    text = data.decode() if usual else text_of(data)
    raw, cells = parsed(text)
    if raw.get("nbformat") != 4:
        raise ValueError("it is not a notebook of format 4")
    if not isinstance(raw.get("cells"), list):
        raise ValueError("it has no cells")
    if not isinstance(raw.get("metadata", {}), dict):
        raise ValueError("its metadata is not valid")
    return _remember(data, Form(text, raw, cells, _read_cells(raw["cells"]), _style_of(text), usual))


def _read_cells(raw: list[Json]) -> list[Json]:
    """Return cells as people have them, except for missing IDs. Raises ValueError if JupyterLab could not show one."""
    try:
        cells = [{"metadata": {}, **cell, "source": cell.get("source") or ""} for cell in raw]
        cells = plain(rwbase.rejoin_lines(formats.from_dict({"cells": cells})))["cells"]
        for cell in cells:
            cell["metadata"].pop("trusted", None)
            if not _is_name(cell.get("id")):
                cell.pop("id", None)
            texts = [cell["source"]]
            for output in cell.setdefault("outputs", []) if cell["cell_type"] == "code" else ():
                if output.setdefault("output_type", UNTYPED) == "stream":
                    texts.append(output.setdefault("text", ""))
            if cell["cell_type"] not in TYPES or not all(isinstance(text, str) for text in texts):
                raise TypeError
    except (AttributeError, KeyError, TypeError) as error:  # such as null instead of a list
        raise ValueError("one of its cells is not valid") from error
    return list(cells)


def _remember(data: bytes, form: Form) -> Form:
    kept, size = [(data, form)], len(data)
    for known in _last:
        size += len(known[0])
        if size <= MOST_KEPT:
            kept.append(known)
    _last[:] = kept
    return form


def notebook_of(data: bytes, like: Json | None = None) -> dict[str, Any]:
    """Return the notebook that a file holds, with a unique ID for each cell. Raises ValueError if the file does not hold a notebook.

    like: the notebook as people had it when the file last held it. A cell without an ID in the file gets the ID that it has there.
    """
    notebook = read(data)
    name_cells(notebook["cells"], like["cells"] if like else [])
    return notebook


def read(data: bytes) -> dict[str, Any]:
    """Return the notebook that a file holds, as `nbformat` reads it, with only the IDs that are in the file.

    Raises ValueError if the file does not hold a notebook.
    """
    try:
        form = form_of(data)
    except ValueError:
        raw, _cells = parsed(text_of(data))
        if raw.get("nbformat") == 4:
            raise
        return _converted(raw)
    notebook = {"metadata": {}, "nbformat_minor": 0, **form.raw, "cells": form.read}
    notebook = plain(notebook)
    for key in TRANSIENT:
        notebook["metadata"].pop(key, None)
    return dict(notebook)


def _converted(raw: Json) -> dict[str, Any]:
    """Return a notebook of an older format in format 4.4, without the IDs that `nbformat` makes up at each read.

    Raises ValueError if the format is unknown, or `nbformat` would lose text. It takes a notebook that does not say its format for one of
    the oldest, whose cells had no source.
    """
    if (number := raw.get("nbformat")) not in OLDER:
        raise ValueError(f"its format (nbformat) is {json.dumps(number)}, and only {OLDER[0]} to 4 are known")
    try:
        sheets = [sheet["cells"] for sheet in raw["worksheets"]]
        if any(cell["cell_type"] == "code" and "source" in cell for cells in sheets for cell in cells):
            raise ValueError("one of its cells is not valid")
        found = dict(plain(rwbase.strip_transient(formats.reads(json.dumps(raw), as_version=4))))
    except ValueError:
        raise
    except Exception as error:  # whatever `nbformat` meets
        raise ValueError("one of its cells is not valid") from error
    cells = [{key: value for key, value in cell.items() if key != "id"} for cell in found["cells"]]
    return {**found, "nbformat_minor": min(4, found["nbformat_minor"]), "cells": _read_cells(cells)}


def _is_converted(notebook: Json, cells: list[Json], before: bytes) -> bool:
    """Return whether a file holds a notebook of an older format with the same content. cells: the notebook's, as a file may have them."""
    try:
        old = read(before)
    except ValueError:
        return False
    metadata = {**ADDED, **old["metadata"]} == {**ADDED, **notebook["metadata"]}
    return metadata and [_in_a_file(cell) for cell in old["cells"]] == _without_blank(cells, old["cells"])


def bytes_of_notebook(notebook: Json, before: bytes) -> bytes:
    """Return the bytes of a notebook in the format of its file; in that of `nbformat` if the file does not hold a notebook of format 4.

    A notebook of an older format that nobody has changed stays as it is.

    before: the bytes of the file now.
    """
    try:
        form = form_of(before)
    except ValueError:
        cells = [_in_a_file(cell) for cell in notebook["cells"]]
        if _is_converted(notebook, cells, before):
            return before
        top = {key: value for key, value in notebook["metadata"].items() if key not in TRANSIENT}
        new = plain({**notebook, "metadata": top, "cells": [_split_cell(plain(cell)) for cell in cells]})
        return (_written(new, USUAL) + "\n").encode()
    names = {cell["id"] for cell in form.read if "id" in cell}
    cells = [_in_a_file(cell, names) for cell in notebook["cells"]]
    top = _shaped_top({key: plain(value) for key, value in notebook.items() if key != "cells"}, form.raw)
    cells = _without_blank(cells, form.read)
    places = _places(cells, form)
    for cell, place in zip(cells, places, strict=True):
        if place is not None and "id" in form.read[place]:
            cell.setdefault("id", form.read[place]["id"])
    raw, texts = _shaped_cells(cells, places, form)
    is_like_before = cells and form.cells and _same(top, {**form.raw, "cells": []})
    between = _separators(places, form) if is_like_before else []
    text = _joined(texts, between, form) if is_like_before else _as_a_whole({**top, "cells": raw}, form)
    if text == form.text:
        return before
    after = text.encode() if form.is_usual else bytes_of(text, before)
    if is_like_before:
        begin, at = form.cells[0][0], []
        for each, separator in zip(texts, [*between, ""], strict=True):
            at.append((begin, begin + len(each)))
            begin += len(each) + len(separator)
        _remember(after, Form(text, {**top, "cells": raw}, at, cells, form.style, form.is_usual))
    return after


def _in_a_file(cell: Json, names: Iterable[str] = ()) -> Json:
    """Return a cell as a file may have it: without an ID from this module, and without what only an editor needs.

    names: the IDs that are in the file. It may have one from this module: JupyterLab's "Save as" writes what people have.
    """
    cell = {**cell, "metadata": {key: value for key, value in cell["metadata"].items() if key != "trusted"}}
    if cell.get("id") not in names:
        _unname(cell)
    return cell


# Cells without IDs


def name_cells(cells: list[dict[str, Any]], known: list[dict[str, Any]]) -> None:
    """Give an ID to each cell that does not have a unique one: the ID that it had when the file was last read, if any.

    known: the cells at that time.
    """
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
    """Yield pairs of cells that are the same in two notebooks, in order, judged by their content."""
    keys, new_keys = [_key(cell) for cell in old], [_key(cell) for cell in new]
    for is_same, (start, stop, new_start, new_stop) in blocks(keys, new_keys):
        if is_same:
            yield from zip(old[start:stop], new[new_start:new_stop], strict=True)
        elif start < stop and new_start < new_stop:
            yield from _alike(old[start:stop], new[new_start:new_stop])


def _alike(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterable[tuple[Any, Any]]:
    """Yield pairs of an old cell and the first new cell that resembles it, in order."""
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
    """Return whether a new cell can have the ID of an old one. If the file repeats an ID, it must be the ID that the old cell repeats."""
    return new.get("id") is None or _in_file(old["id"]) == new["id"]


def _in_file(name: str) -> str | None:
    return None if name.startswith(UNNAMED) else REPEATED.sub("", name, count=1)


def _without_blank(cells: list[Json], before: list[Json]) -> list[Json]:
    """Return cells without the empty one that an editor shows for a notebook without cells. before: the cells of the file."""
    if before or len(cells) != 1 or _key(cells[0]) != ("code", ""):
        return cells
    return cells if cells[0]["metadata"] or cells[0].get("outputs") else []


def _is_name(value: Json) -> bool:
    """Return whether a value can be the ID of a cell. Some programs write null, an empty text or a number."""
    return isinstance(value, str) and value != ""


def _new_name(own: str | None, number: int, cell: dict[str, Any], seen: set[str]) -> str:
    # The same each time the file is read, because tabs that reconnect have it from an earlier time.
    digest = hashlib.sha256(json.dumps([number, _key(cell)]).encode()).hexdigest()[:12]
    counter = 0
    while True:
        counter += 1
        name = f"again-{counter}-{own}" if own else f"{UNNAMED}{digest}{'x' * (counter - 1)}"
        if name not in seen:
            return name


def _unname(cell: dict[str, Any]) -> None:
    if "id" in cell and (name := _in_file(cell["id"])) != cell["id"]:
        del cell["id"]
        if name:
            cell["id"] = name


# The format of the file


def _shaped_top(new: Json, old: Json) -> Json:
    """Return everything but the cells of a notebook, in the format of the file."""
    metadata, before = new.setdefault("metadata", {}), old.get("metadata", {})
    for key, value in ADDED.items():
        if key not in before and metadata.get(key) == value:
            del metadata[key]
    for key in TRANSIENT & before.keys():
        metadata[key] = before[key]
    new = {**{key: value for key, value in old.items() if key not in KNOWN}, **new}
    if "metadata" not in old and not metadata:
        del new["metadata"]
    if "nbformat_minor" not in old and not new.get("nbformat_minor"):
        new.pop("nbformat_minor", None)
    return _shaped({**new, "cells": []}, {**old, "cells": []})


def _places(new: list[Json], form: Form) -> list[int | None]:
    """Return the index in the file of each cell; None if it is new."""
    pairs = dict(_pairs(form.read, new))
    return [pairs.get(number) for number in range(len(new))]


def _shaped_cells(new: list[Json], places: list[int | None], form: Form) -> tuple[list[Json], list[str]]:
    """Return cells in the format of the file, and their texts in it. places: see `_places`."""
    old = form.raw["cells"]
    as_lines = next((isinstance(cell.get("source"), list) for cell in old if cell.get("source")), True)
    usual = next((list(cell) for cell in old), None)
    raw, texts = [], []
    for cell, place in zip(new, places, strict=True):
        if place is None:
            raw.append(_new_cell(plain(cell), as_lines, usual))
            texts.append(_written_in(form, raw[-1]))
        elif cell == form.read[place]:
            raw.append(old[place])
            texts.append(form.text[slice(*form.cells[place])])
        else:
            raw.append(_shaped_cell(plain(cell), old[place]))
            written = form.text[slice(*form.cells[place])]
            texts.append(_spliced(written, _written_in(form, old[place]), _written_in(form, raw[-1])))
    return raw, texts


def _separator(form: Form) -> str:
    """Return the text between two cells of a file."""
    if len(form.cells) > 1:
        return form.text[form.cells[0][1] : form.cells[1][0]]
    return "," + _before_cells(form)


def _before_cells(form: Form) -> str:
    """Return the white space between the bracket and the first cell of a file."""
    begin = form.cells[0][0]
    return form.text[form.text.rindex("[", 0, begin) + 1 : begin]


def _separators(places: list[int | None], form: Form) -> list[str]:
    """Return the texts between cells: those of the file between cells that are still next to each other. places: see `_places`."""
    found = []
    for place, following in pairwise(places):
        if place is not None and following == place + 1:
            found.append(form.text[form.cells[place][1] : form.cells[following][0]])
        else:
            found.append(_separator(form))
    return found


def _joined(texts: list[str], separators: list[str], form: Form) -> str:
    # Join only once: people wait each time the whole text is copied.
    parts = [part for pair in zip(texts, [*separators, ""], strict=True) for part in pair]
    return "".join([form.text[: form.cells[0][0]], *parts, form.text[form.cells[-1][1] :]])


def _written_in(form: Form, cell: Json) -> str:
    """Return the text of a cell, indented like the cells of a file."""
    written = _written(cell, form.style)
    pad = _before_cells(form).rpartition("\n")[2] if form.cells else ""
    return written.replace("\n", "\n" + pad)


def _as_a_whole(notebook: Json, form: Form) -> str:
    """Return the text of a notebook in which more than its cells has changed."""
    if _same(notebook, form.raw):
        return form.text
    ending = form.text[len(form.text.rstrip()) :]
    old, new = _written(form.raw, form.style) + ending, _written(notebook, form.style) + ending
    return _spliced(form.text, old, new)


def _pairs(old: list[Json], new: list[Json]) -> Iterable[tuple[int, int]]:
    """Yield the indexes, in the new and in the old notebook, of cells that are the same."""
    by_id: dict[str, list[int]] = {}
    for place, cell in enumerate(old):
        by_id.setdefault(cell.get("id", ""), []).append(place)
    if not any("id" in cell for cell in new):
        by_id = {"": list(range(len(old)))}  # a document of format 4.4 has no IDs, but its file may have some
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
    # A cell whose type has been changed has other keys.
    for key in NO_MORE_THAN_EMPTY if new["cell_type"] == old["cell_type"] else ():
        if new.get(key) in EMPTY and old.get(key) in EMPTY:
            new.pop(key, None)
            new |= {key: old[key]} if key in old else {}
    for key in ("id", "execution_state"):
        if key in old and key not in new:
            new[key] = old[key]  # what people have lacks them
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
    """Return a cell with its texts split into lines, as `nbformat` writes them."""
    one = formats.from_dict({"cells": [cell]})
    one["cells"][0].setdefault("outputs", [])
    found = plain(rwbase.split_lines(one))["cells"][0]
    for output in found["outputs"]:
        if output["output_type"] == UNTYPED:
            del output["output_type"]
    if "outputs" not in cell:
        del found["outputs"]
    return found


def _shaped(new: Json, old: Json, split: Json = MISSING) -> Json:
    """Return a new value with the old value's order of keys and notation. split: the new value with its texts split into lines."""
    split = new if split is MISSING else split
    if isinstance(new, dict) and isinstance(old, dict):
        names = {key: plain(key) for key in old}
        shaped = {
            key: _shaped(new[name], old[key], split[name]) for key, name in names.items() if name in split
        }
        return {**shaped, **{key: split[key] for key in sorted(split.keys() - names.values())}}
    if isinstance(new, str) and isinstance(old, list) and all(isinstance(line, str) for line in old):
        return old if plain("".join(old)) == new else _lines(new, old)
    if isinstance(old, str | int | float) and new == plain(old) and type(new) is type(plain(old)):
        return old
    if isinstance(new, str) and isinstance(old, str):
        return with_halves(new, old)
    if isinstance(new, list) and isinstance(old, list):
        return [
            _shaped(value, old[place], split[place]) if place < len(old) else split[place]
            for place, value in enumerate(new)
        ]
    if new == old and type(new) in (int, float) and type(old) in (int, float):
        return old  # in a browser, 1 and 1.0 are the same number
    return split


def _lines(text: str, like: list[str]) -> list[str]:
    """Return the lines of a text. Some programs, such as VS Code, end lines at line feeds only, Python also at U+2028 and others.

    like: the lines before. They may be divided in another way, or not at all.
    """
    joined = "".join(like)
    text = with_halves(text, joined)
    if like == joined.splitlines(keepends=True):
        return text.splitlines(keepends=True)
    if like == LINE.findall(joined):
        return LINE.findall(text)
    parts = _divided(text, joined, list(accumulate(map(len, like[:-1]))))
    if any("\n" in line[:-1] for line in like):
        return parts
    return [line for part in parts for line in LINE.findall(part) or [part]]


def _divided(text: str, before: str, places: list[int]) -> list[str]:
    """Return a text divided in the same places as before it was changed, as far as they still exist."""
    kept, ends = _kept_characters(before, text), []
    for place in places:
        # What is new between two lines belongs to the first one, unless that ends with a line feed.
        if before[place - 1 : place] == "\n":
            ends += [kept[place - 1] + 1] if place - 1 in kept else []
        elif place in kept:
            ends.append(kept[place])
    return [text[start:stop] for start, stop in pairwise([0, *ends, len(text)])]


def _kept_characters(before: str, text: str) -> dict[int, int]:
    """Return where the characters are that a text still has; nothing if comparing the two would take long."""
    kept: dict[int, int] = {}
    is_short = max(len(before), len(text)) <= MOST_TOKENS
    for is_same, (start, stop, new_start, new_stop) in blocks(before, text) if is_short else ():
        if is_same:
            kept.update(zip(range(start, stop), range(new_start, new_stop), strict=True))
    return kept


def _written(value: Json, style: dict[str, Any]) -> str:
    """Return a value as JSON in a style."""
    written = json.dumps(value, **style)
    return written if written.isascii() else HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", written)


def _style_of(text: str) -> dict[str, Any]:
    """Return the style of a JSON text, as arguments of `json.dumps`."""
    style: dict[str, Any] = {"ensure_ascii": text.isascii() and "\\u" in text}
    if indent := re.match(r"\s*\{\n([ \t]*)", text):
        separators = (",", ": " if re.search(r'"\s*: ', text) else ":")
        return {**style, "indent": indent[1], "separators": separators}
    spaced = re.match(r'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:( ?)', text)
    space = spaced[1] if spaced else ""
    return {**style, "separators": ("," + space, ":" + space)}


def _spliced(text: str, old: str, new: str) -> str:
    """Return a text with a change applied. old, new: the same text in our format, before and after the change."""
    if text == old:
        return new
    if old == new:
        return text
    lines, old_lines, new_lines = text.split("\n"), old.split("\n"), new.split("\n")
    if not _have_same_lines(lines, old_lines):
        return _spliced_tokens(text, old, new)
    kept: list[str] = []
    for is_same, (start, stop, new_start, new_stop) in blocks(old_lines, new_lines):
        if is_same:
            kept += lines[start:stop]
        else:
            parts = (lines[start:stop], old_lines[start:stop], new_lines[new_start:new_stop])
            kept += [] if new_start == new_stop else [_spliced_tokens(*("\n".join(part) for part in parts))]
    return "\n".join(kept)


def _have_same_lines(one: list[str], other: list[str]) -> bool:
    """Return whether two formats of the same JSON break its lines in the same places. The number of lines alone does not tell."""
    if len(one) != len(other):
        return False
    pairs = ((line, same) for line, same in zip(one, other, strict=True) if line != same)
    return len(one) == 1 or all(_count_tokens(line) == _count_tokens(same) for line, same in pairs)


def _count_tokens(text: str) -> int:
    return sum(1 for _each in TOKEN.finditer(text))


def _first_tokens(text: str) -> list[Token]:
    """Return the tokens of a text, but only one more than are compared, because there may be millions."""
    return [Token(each[1], each[2]) for each in islice(TOKEN.finditer(text), MOST_TOKENS + 1)]


def _characters(tokens: list[Token]) -> list[Token]:
    """Return tokens with each string divided into its characters, but only one more than are compared."""
    found: list[Token] = []
    for white, bare in tokens:
        if bare.startswith('"'):
            characters = islice(CHARACTER.finditer(bare, 1), MOST_TOKENS + 1)
            found += [Token(white, '"'), *(Token(None, each[0]) for each in characters)]
        else:
            found.append(Token(white, bare))
        if len(found) > MOST_TOKENS:
            break
    return found


def _spliced_tokens(text: str, old: str, new: str) -> str:
    """Return what `_spliced` returns, but compare tokens instead of lines, because much of a line may be unchanged."""
    kept = _spliced_lists(*(_first_tokens(each) for each in (text, old, new)))
    if kept is None:
        return new
    return "".join((each.white or "") + each.bare for each in kept) + text[len(text.rstrip()) :]


def _spliced_lists(
    tokens: list[Token], old: list[Token], new: list[Token], *, are_whole: bool = True
) -> list[Token] | None:
    """Return tokens with a change applied; None if they cannot be compared.

    old, new: the same tokens in our format, before and after the change. are_whole: whether strings are not divided into characters.
    """
    if len(tokens) != len(old) or max(len(old), len(new)) > MOST_TOKENS:
        return None
    kept: list[Token] = []
    bare, old_bare, new_bare = ([each.bare for each in part] for part in (tokens, old, new))
    for is_same, (start, stop, new_start, new_stop) in blocks(old_bare, new_bare):
        if is_same:
            kept += tokens[start:stop]
            continue
        parts = tokens[start:stop], old[start:stop], new[new_start:new_stop]
        if are_whole and bare[start:stop] != old_bare[start:stop]:
            finer = _spliced_lists(*map(_characters, parts), are_whole=False)
            if finer is not None:
                kept += finer
                continue
        for before, each in zip_longest(parts[0][: len(parts[2])], parts[2]):
            is_between = before and before.white is not None and each.white is not None
            kept.append(each._replace(white=before.white) if is_between else each)
    return kept


def parsed(text: str) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """Parse a notebook. Return it, and where each of its cells begins and ends in the text. Raises ValueError if it is not valid JSON."""
    decode, skip = json.JSONDecoder().raw_decode, re.compile(r"[ \t\n]*")
    found: dict[str, Any] = {}
    cells: list[tuple[int, int]] = []

    def at(place: int, expected: str) -> int:
        """Return the place after one of the expected characters and the white space behind it. Raises ValueError if it is missing."""
        if text[place : place + 1] not in expected or place >= len(text):
            raise ValueError(f"a {expected[0]} is missing at character {place}")
        return skip.match(text, place + 1).end()  # type: ignore[union-attr]

    place = at(skip.match(text, 0).end(), "{")  # type: ignore[union-attr]
    while text[place : place + 1] != "}":
        key, place = decode(text, place)
        place = at(skip.match(text, place).end(), ":")  # type: ignore[union-attr]
        if key == "cells" and text[place : place + 1] == "[":
            found[key], cells = [], []
            place = at(place, "[")
            while text[place : place + 1] != "]":
                cell, end = decode(text, place)
                found[key].append(cell)
                cells.append((place, end))
                place = skip.match(text, end).end()  # type: ignore[union-attr]
                place = place if text[place : place + 1] == "]" else at(place, ",")
            place += 1
        else:
            found[key], place = decode(text, place)
        place = skip.match(text, place).end()  # type: ignore[union-attr]
        place = place if text[place : place + 1] == "}" else at(place, ",")
    if text[place + 1 :].strip():
        raise ValueError("there is text after the end of the notebook")
    return found, cells


def plain(value: Json) -> Json:
    """Return a copy of a JSON value with only the plain types that a document can hold. pycrdt panics when it gets any other value.

    Integers beyond 64 bits become floats, infinite numbers and NaN become None, and surrogates become U+FFFD.
    """
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return value if value.isascii() else HALF.sub("\ufffd", value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        value = float(value) if abs(value) <= sys.float_info.max else math.inf
    if isinstance(value, float) and not math.isfinite(value):
        return None  # as browsers write it, and plotting programs expect it
    return value


def _same(one: Json, other: Json) -> bool:
    return bool(fingerprint(one) == fingerprint(other))
