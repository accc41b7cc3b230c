# SPDX-License-Identifier: GPL-3.0-or-later
"""What people have typed into a document lately. No other program takes that out without a copy, though the file has held it.

The program may have read the file before, and not know what it takes out. The document's history says what was typed when, so that a
server that has been started again knows as much.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from itertools import groupby

from jupyter_ydoc import YNotebook
from jupyter_ydoc.ybasedoc import YBaseDoc

from .history import Change, History
from .merge import doc_of

LATELY = 600  # seconds
# The history is gone through step by step as long as that takes no more than reading so many characters. Else all counts as typed.
MOST_READ = 5_000_000
WORD = re.compile(r"\w+")


class Lately:
    """Words that people have typed into one document lately, and that it holds."""

    def __init__(self, past: History, name: str, kind: type[YBaseDoc]) -> None:
        self._past, self._name, self._kind = past, name, kind
        self._words: dict[str, float] = {}  # and when
        self._seen: int | None = None  # up to which update of the history, ...
        self._text: str | None = None  # ... and the document's text then, where that is known
        self._whole: set[int] = set()  # updates of which nobody knows any more what of them was typed

    def begin_again(self, number: int, is_anew: bool, has_typed: bool) -> None:
        """Note that an update of the history is all that the document is.

        is_anew: whether there are no others; has_typed: whether people have typed what the history did not have.
        """
        if has_typed:
            self._whole.add(number)
        self._text = None  # it may have words that the history has only now
        if is_anew:
            self._seen = 0 if has_typed else number

    def look(self, text: str) -> None:
        """Take in what people have typed since this was called the last time. text: of the document."""
        now = time.time()
        self._words = {word: at for word, at in self._words.items() if now - at < LATELY}
        first = self._seen
        if first is None:
            # What the document was when it was first opened is not typed, and what is in a copy need not be in another one.
            first = max(
                self._past.last_before(self._name, now - LATELY),
                self._past.first(self._name),
                self._past.copied(self._name),
            )
        changes = self._past.changes(self._name, first)
        before, self._text = self._text, text
        self._seen = changes[-1].number if changes else first
        if before is not None and all(map(self._is_typed, changes)):
            if changes:
                self._note(before, text, changes[-1].time)
        elif any(map(self._is_typed, changes)):
            self._go_through(first, changes)

    def lost(self, before: str, after: str) -> set[str]:
        """Return which of the words are nowhere any more, once someone else has changed the text of the document. They are forgotten.

        To be called when the history has that change and nothing else has come since `look`.
        """
        self._seen, self._text = self._past.last(self._name), after
        if not self._words:
            return set()
        lost = self._gone(_changed(before, after)[0], after)
        for word in lost:
            del self._words[word]
        return lost

    def known_at(self, number: int) -> set[str]:
        """Return the words that people had typed, and that are in no copy, after the update with a number: for a server that was killed then.

        Whenever that was: what of it the file has held nobody knows any more.
        """
        first = max(self._past.first(self._name), self._past.copied(self._name))
        changes = [change for change in self._past.changes(self._name, first) if change.number <= number]
        then = Lately(self._past, self._name, self._kind)
        if any(map(self._is_typed, changes)):
            then._go_through(first, changes)
        return set(then._words)

    def kept(self, last_update: int) -> None:
        """Note that there is a copy of the document as it was after an update, with all of the words in it."""
        self._words.clear()
        self._past.set_copied(self._name, max(last_update, self._past.copied(self._name)))

    def _gone(self, removed: Counter[str], text: str) -> set[str]:
        return {word for word in removed if word in self._words and word not in text}

    def _is_typed(self, change: Change) -> bool:
        return change.is_typed or change.number in self._whole

    def _go_through(self, first: int, changes: list[Change]) -> None:
        doc = doc_of(*(update for update, _time in self._past.updates(self._name, first)) if first else ())
        text = text_of(self._kind(doc))
        runs = [(is_typed, list(run)) for is_typed, run in groupby(changes, self._is_typed)]
        if len(runs) * len(text) > MOST_READ:
            runs = [(True, changes)]
        for is_typed, run in runs:
            for change in run:
                doc.apply_update(change.update)
            new = text_of(self._kind(doc))
            if is_typed:
                self._note(text, new, run[-1].time)
            else:
                for word in self._gone(_changed(text, new)[0], new):
                    del self._words[word]
            text = new

    def _note(self, before: str, after: str, when: float) -> None:
        """Note what people have typed."""
        removed, added = _changed(before, after)
        for word in removed:
            self._words.pop(word, None)
        self._words.update(dict.fromkeys(added, when))


def text_of(document: YBaseDoc) -> str:
    """Return what people may have typed into a document, as one text."""
    if isinstance(document, YNotebook):
        return "\n".join(str(cell["source"]) for cell in document.ycells)
    content = document.get()
    return content if isinstance(content, str) else ""


def words_of(text: str) -> set[str]:
    """Return the words of a text."""
    return set(WORD.findall(text))


def _changed(old: str, new: str) -> tuple[Counter[str], Counter[str]]:
    """Return which words have been taken out of a text, and which were put in, each as often."""
    old_lines, new_lines = Counter(old.splitlines()), Counter(new.splitlines())
    removed, added = _count_words(old_lines - new_lines), _count_words(new_lines - old_lines)
    return removed - added, added - removed


def _count_words(lines: Counter[str]) -> Counter[str]:
    return Counter(word for line in lines.elements() for word in WORD.findall(line))
