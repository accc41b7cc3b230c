# SPDX-License-Identifier: GPL-3.0-or-later
"""Merge a file that another program has written with what people have typed in the meantime.

Take the document as the file last held it (the base), and change this copy into what the file holds now. Then apply the changes to the
document that people have open, as if another person had made them. The document's own type merges them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_ydoc import YNotebook, YUnicode
from jupyter_ydoc.ybasedoc import YBaseDoc
from pycrdt import Doc, Text

from .merge_notebook import (
    Sides,
    cells_of,
    change_notebook,
    known_cells,
    name_repeated_cells,
    new_names,
    rename_cells,
)
from .merge_text import change_text


@dataclass(frozen=True)
class Merged:
    """The result of a merge.

    had_more: whether people had typed something that the file had never held.
    has_lost: whether any of that is gone.
    before: the document's content as people had it, if `had_more`.
    """

    had_more: bool
    has_lost: bool = False
    before: Any = None


def merge(base: Doc[Any], people: YBaseDoc, content: Any, is_known: bool = True) -> tuple[Merged, bytes]:
    """Merge what a file holds now into what people have. Return the result, and the update that was applied to `people`.

    base: the document as the file held it. It is changed into `content`.
    people: the document as people have it. It is changed into the result.
    is_known: whether it is known what the file held; otherwise, `base` is what people have, and they may have typed all that is removed.
    """
    kind = type(people)
    # Read these states first: a document type may write into a document as soon as it is created from it.
    state, theirs = base.get_state(), people.ydoc.get_state()
    changed = kind(base)
    if isinstance(changed, YNotebook) and isinstance(people, YNotebook):
        # Before their content is read: that would name them differently on both sides.
        name_repeated_cells(changed)
        people.ydoc.apply_update(base.get_update(state))
        name_repeated_cells(people)
    had_more = not is_known or changed.get() != people.get()
    if isinstance(changed, YNotebook) and isinstance(people, YNotebook):
        names = new_names(changed, content)
        rename_cells(changed, names)
        people.ydoc.apply_update(base.get_update(state))
        rename_cells(people, names)  # includes cells that people have recreated
    was, before = (
        kind(doc_of(base.get_update())),
        kind(doc_of(people.ydoc.get_update())) if had_more else people,
    )
    change_into(changed, content)
    people.ydoc.apply_update(base.get_update(state))
    if had_more and is_known:
        sides = [was, before, changed, people]
        notebooks = [each for each in sides if isinstance(each, YNotebook)]
        if len(notebooks) == len(sides):
            Sides(*notebooks).carry_over(change_text)
    update = people.ydoc.get_update(theirs)
    if not had_more:
        return Merged(False), update
    if not is_known:
        gone = lines_of(before.get()) - lines_of(people.get())
        lost = any(line.strip() for line in gone)
    else:
        lost = has_lost(was, before, people)
    return Merged(True, lost, before.get()), update


def doc_of(*updates: bytes) -> Doc[Any]:
    """Return a document made from updates."""
    doc: Doc[Any] = Doc()
    for update in updates:
        doc.apply_update(update)
    return doc


def change_into(document: YBaseDoc, content: Any) -> None:
    """Change a document into `content`, but only where they differ. What is the same is not touched."""
    with document.ydoc.transaction():
        if isinstance(document, YUnicode):
            change_text(document.ydoc.get("source", type=Text), content)
        elif isinstance(document, YNotebook):
            change_notebook(document, content, change_text)
        else:
            _refuse_broken(document.get(), content)
            document.set(content)  # only the type itself knows what it holds


def _refuse_broken(before: Any, after: Any) -> None:
    """Raise ValueError if a JSON file no longer holds JSON, such as a half-written file. Its type would treat it as empty."""
    if _is_json(before) and not _is_json(after):
        raise ValueError("it is no longer valid JSON")


def are_same(one: Any, other: Any) -> bool:
    """Return whether two contents are the same. The order of keys in JSON does not count, because shared maps have no order."""
    if one == other:
        return True
    return _is_json(one) and _is_json(other) and bool(json.loads(one) == json.loads(other))


def _is_json(content: Any) -> bool:
    try:
        return isinstance(content, str) and isinstance(json.loads(content), dict | list)
    except ValueError:
        return False


def changes(base: Doc[Any], document_class: type[YBaseDoc], content: Any) -> bytes:
    """Change a document into content, and return the update that does it."""
    before = base.get_state()
    change_into(document_class(base), content)
    return base.get_update(before)


def likeness(document: YBaseDoc) -> Any:
    """Return what identifies the parts of a document in its file; None if the document has no parts."""
    return known_cells(document) if isinstance(document, YNotebook) else None


def lines_of(content: Any) -> Counter[str]:
    """Return the lines that people have typed into a document, with how often each occurs."""
    if isinstance(content, str):
        return Counter(content.splitlines())
    if isinstance(content, dict) and "cells" in content:
        return Counter(line for cell in content["cells"] for line in _joined(cell["source"]).splitlines())
    return Counter()


def is_cut_off(content: Any, whole: Any) -> bool:
    """Return whether a text is only the beginning of another one. (A notebook that is cut off cannot be read at all.)"""
    return isinstance(content, str) and content != whole and str(whole).startswith(content)


def has_lost(base: YBaseDoc, before: YBaseDoc, after: YBaseDoc) -> bool:
    """Return whether something is gone that people had typed, and that the file had never held.

    base: the document as the file held it. before, after: the document as people had it before the merge, and as they have it now.
    """
    if isinstance(before, YUnicode):
        return False  # only text that the file held is removed; what people typed in between stays
    if isinstance(base, YNotebook) and isinstance(before, YNotebook) and isinstance(after, YNotebook):
        was, typed, now = cells_of(base), cells_of(before), cells_of(after)
        return any(
            _is_missing(str(was[name]["source"]) if name in was else "", str(cell["source"]), now.get(name))
            for name, cell in typed.items()
        )
    typed_lines = lines_of(before.get()) - lines_of(base.get())
    return any(line.strip() for line in typed_lines - lines_of(after.get()))


def _is_missing(base: str, typed: str, cell: Any) -> bool:
    if typed == base or not typed.strip():
        return False
    if cell is None:
        return any(line.strip() for line in lines_of(typed) - lines_of(base))
    return False  # its text was merged, or carried over


def _joined(source: str | Sequence[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
