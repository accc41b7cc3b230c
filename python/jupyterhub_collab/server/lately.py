# SPDX-License-Identifier: GPL-3.0-or-later
"""Track what people typed into a document recently, for `rescue`.

If another program removes it, `rescue` keeps it in a copy, even if the file has held it. The program may have read the file earlier, and
not know what it removes. The document's history says what was typed when, so a restarted server knows as much.
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
# The history is read step by step only if that reads at most this many characters. Otherwise, everything counts as typed.
MOST_READ = 5_000_000
# Signs count as words, too, such as emoji. Those of ASCII do not: formatters replace quotation marks and brackets.
WORD = re.compile(r"\w+|[^\x00-\x7f\s\w]+")


class Lately:
    """The words that people typed into one document recently, and that are still in it."""

    def __init__(self, past: History, name: str, kind: type[YBaseDoc]) -> None:
        self._past, self._name, self._kind = past, name, kind
        self._words: dict[str, float] = {}  # with the time at which each was typed
        self._seen: int | None = None  # the last update of the history that is included, ...
        self._text: str | None = None  # ... and the document's text after it, if known
        self._whole: set[int] = set()  # updates in which typed text cannot be told from other text

    def begin_again(self, number: int, is_anew: bool, has_typed: bool) -> None:
        """Record that update `number` of the history holds the whole document.

        is_anew: whether the history has no other updates. has_typed: whether people typed something that the history did not have.
        """
        if has_typed:
            self._whole.add(number)
        self._text = None  # it may include typed words that the history did not have until now
        if is_anew:
            self._seen = 0 if has_typed else number

    def look(self, text: str) -> None:
        """Include what people typed since the last call. text: the document's current text."""
        now = time.time()
        self._words = {word: at for word, at in self._words.items() if now - at < LATELY}
        first, before = self._seen, self._text
        old = self._past.last_before(self._name, now - LATELY)
        if first is None:
            # The text with which the document was first opened is not typed. Text that is in a copy does not need another one.
            first, before = max(old, self._past.first(self._name), self._past.copied(self._name)), None
        elif first < old:
            first, before = old, None  # what was typed up to then was not typed recently
        changes = self._past.changes(self._name, first)
        self._text = text
        self._seen = changes[-1].number if changes else first
        if not any(map(self._is_typed, changes)):
            return
        if before is not None:
            # The server's own changes in this range are not text, or restore what people typed. `lost` moves `_seen` past each merge.
            self._note(before, text, changes[-1].time)
        else:
            self._go_through(first, changes)

    def lost(self, before: str, after: str) -> set[str]:
        """Return which of the words are gone after another program has changed the document's text, and forget them.

        Call this when the history has that change, and no other change since `look`.
        """
        self._seen, self._text = self._past.last(self._name), after
        if not self._words:
            return set()
        lost = self._gone(_changed(before, after)[0], after)
        for word in lost:
            del self._words[word]
        return lost

    def known_at(self, number: int) -> set[str]:
        """Return, for a server that was killed after update `number`, the words that people had typed until then and that are in no copy.

        Words count however old they are, because it is unknown which of them the file has held.
        """
        first = max(self._past.first(self._name), self._past.copied(self._name))
        changes = [change for change in self._past.changes(self._name, first) if change.number <= number]
        then = Lately(self._past, self._name, self._kind)
        if any(map(self._is_typed, changes)):
            then._go_through(first, changes)
        return set(then._words)

    def kept(self, last_update: int) -> None:
        """Record that a copy of the document after update `last_update` exists, which has all of the words."""
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
        """Record what people typed."""
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
    """Return which words were removed from a text, and which were added, with how often."""
    old_lines, new_lines = Counter(old.splitlines()), Counter(new.splitlines())
    removed, added = _count_words(old_lines - new_lines), _count_words(new_lines - old_lines)
    return removed - added, added - removed


def _count_words(lines: Counter[str]) -> Counter[str]:
    return Counter(word for line in lines.elements() for word in WORD.findall(line))
