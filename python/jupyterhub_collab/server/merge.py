# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that was written from outside while people have it open, merged with what they have typed meanwhile.

The way: take the document as it was when the file last held it, change that copy into what the file holds now, and hand the changes
to the document that people have, as if one more person had made them elsewhere. The document's own type merges them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from jupyter_ydoc.ybasedoc import YBaseDoc
from pycrdt import Doc, Text

from .line_diff import differences


def change_into(document: YBaseDoc, content: Any) -> None:
    """Change a document into content, with no more changes than there are: what is the same stays what it is."""
    with document.ydoc.transaction():
        if isinstance(content, str):
            _change_text(document.ydoc.get("source", type=Text), content)
        elif isinstance(content, dict) and "cells" in content:
            new = {cell["id"]: cell for cell in content["cells"] if "id" in cell}
            for ycell in document.ycells:  # type: ignore[attr-defined]
                if cell := new.get(ycell.get("id")):
                    _change_text(ycell["source"], _joined(cell["source"]))
    # Everything else of a notebook: cells that come, go and move, their outputs, metadata. A text is done already.
    document.set(content)


def changes(base: Doc[Any], document_class: type[YBaseDoc], content: Any) -> bytes:
    """Change a document into content, and return the update that does it."""
    before = base.get_state()
    change_into(document_class(base), content)
    return base.get_update(before)


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


def has_lost(before: Any, after: Any) -> bool:
    """Return whether something that people had typed is not there any more."""
    return any(line.strip() for line in lines_of(before) - lines_of(after))


def _joined(source: str | Sequence[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _change_text(text: Text, new: str) -> None:
    """Change a shared text line by line; within lines that differ, from the first to the last character that does."""
    old = str(text)
    if old == new:
        return
    old_lines, new_lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    # From the end, so that what is before a change keeps its place. Places are counted in bytes of UTF-8.
    places = [0]
    for line in old_lines:
        places.append(places[-1] + len(line.encode()))
    for old_start, old_end, new_start, new_end in reversed(differences(old_lines, new_lines)):
        before = "".join(old_lines[old_start:old_end])
        after = "".join(new_lines[new_start:new_end])
        same = _common(before, after)
        same_end = _common(before[same:][::-1], after[same:][::-1])
        place = places[old_start] + len(before[:same].encode())
        removed = len(before[same : len(before) - same_end].encode())
        added = after[same : len(after) - same_end]
        if removed:
            del text[place : place + removed]
        if added:
            text.insert(place, added)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many elements two sequences have in common at their start."""
    number = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        number += 1
    return number
