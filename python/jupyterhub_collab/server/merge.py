# SPDX-License-Identifier: GPL-3.0-or-later
"""Merges a file that another program has written with what people have typed meanwhile.

It takes a copy of the document as it was when the file last held it, and changes that copy into what the file holds now. Then it applies
the changes to the document that people have open, as if another person had made them. The document's own type merges them.
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

from .merge_notebook import Sides, cells_of, change_notebook, known_cells, new_names, rename_cells
from .merge_text import change_text


@dataclass(frozen=True)
class Merged:
    """What came of a merge. had_more: whether people had typed what the file had never held; has_lost: whether some of that is gone.

    before: the document as people had it, where they had more.
    """

    had_more: bool
    has_lost: bool = False
    before: Any = None


def merge(base: Doc[Any], people: YBaseDoc, content: Any, is_known: bool = True) -> tuple[Merged, bytes]:
    """Merge what a file holds now into what people have. base: the document as the file held it, which is changed into content.

    is_known: whether that is known; else base is what people have, and all that goes may be what they have typed.
    Returns what came of it, and the update that has been applied to people's document.
    """
    kind = type(people)
    # Before a type is made of them, which may write into them.
    state, theirs = base.get_state(), people.ydoc.get_state()
    changed = kind(base)
    had_more = not is_known or changed.get() != people.get()
    if isinstance(changed, YNotebook) and isinstance(people, YNotebook):
        names = new_names(changed, content)
        rename_cells(changed, names)
        people.ydoc.apply_update(base.get_update(state))
        rename_cells(people, names)  # also those that people have made anew
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
    """Return a document that is made of updates."""
    doc: Doc[Any] = Doc()
    for update in updates:
        doc.apply_update(update)
    return doc


def change_into(document: YBaseDoc, content: Any) -> None:
    """Change a document into content, with no more changes than there are: what is the same stays what it is."""
    with document.ydoc.transaction():
        if isinstance(document, YUnicode):
            change_text(document.ydoc.get("source", type=Text), content)
        elif isinstance(document, YNotebook):
            change_notebook(document, content, change_text)
        else:
            _refuse_broken(document.get(), content)
            document.set(content)  # only the type itself knows what it holds


def _refuse_broken(before: Any, after: Any) -> None:
    """Raise ValueError where a file of JSON is so no more, as one that is half written: its type would take it for empty."""
    if _is_json(before) and not _is_json(after):
        raise ValueError("it cannot be read as JSON any more")


def are_same(one: Any, other: Any) -> bool:
    """Return whether two contents are the same. In JSON the order of keys says nothing, and shared maps have none."""
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
    """Return by what the parts of a document are recognized in its file."""
    return known_cells(document) if isinstance(document, YNotebook) else None


def lines_of(content: Any) -> Counter[str]:
    """Return what people have typed into a document, as lines, each as often as it is there."""
    if isinstance(content, str):
        return Counter(content.splitlines())
    if isinstance(content, dict) and "cells" in content:
        return Counter(line for cell in content["cells"] for line in _joined(cell["source"]).splitlines())
    return Counter()


def is_cut_off(content: Any, whole: Any) -> bool:
    """Return whether a text is the beginning of another one and no more. (A notebook that is cut off cannot be read at all.)"""
    return isinstance(content, str) and content != whole and str(whole).startswith(content)


def has_lost(base: YBaseDoc, before: YBaseDoc, after: YBaseDoc) -> bool:
    """Return whether something that people had typed, and the file never held, is not there any more.

    base: the document as the file held it; before and after: as people had it and have it.
    """
    if isinstance(before, YUnicode):
        return False  # what is taken out is what the file held: the text between stays
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
