# SPDX-License-Identifier: GPL-3.0-or-later
"""Find violations of the rules. Watches files all the time, and judges in quiet moments, when nobody types, no program runs, and all tabs
are connected.

**A word** is typed by a person. It counts if another person has seen it or a file has contained it; what only its author has seen may be
lost with the tab. If a person deletes a word, that is on purpose: it may be gone, and it may reappear, for example by `git checkout`.

lost      A word that counts is neither in its file nor in a copy next to it. Programs never delete on purpose what people typed within the
          last ten minutes: most of them read the file before that. If a program removes such words, people are promised a copy. Older
          words may be lost with what a program writes.
doubled   A word is in a file twice. No program writes a word twice.
needless  A copy is unnecessary. Each word of people in it is also in the document, or in an earlier copy, or was deleted by a person, as
          far as the server could know at that time.
bytes     The encoding, byte-order mark, line endings, end of the last line, or the initial lines and their order have changed; in a
          notebook, the indentation, order of keys, metadata, format, IDs or output.
differ    Two people, or people and the file, have different content although nothing has happened for a long time.
reload    A tab could not reconnect with its content.
stop      A server did not stop within ten seconds after it was asked to.

**Programs' words** are not protected: a program that writes what it read some time ago removes what others have written since. Words of
programs that disappear although no program removed them count as *overwritten*: a program that takes no lock may write in the same
milliseconds as the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .events import Item
from .files import words_of
from .people import Tab

LATELY = 600  # seconds for which the server protects words
SLACK = 5  # seconds
UNTOLD = 30  # seconds that the server may not know of a deletion, because the person is disconnected
LOOK = 0.05  # seconds between two checks of all files


@dataclass(frozen=True)
class Violation:
    rule: str
    file: str
    what: str
    history: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(
            [f"{self.rule}: {self.file}: {self.what}", *(f"    {line}" for line in self.history)]
        )


@dataclass
class Copy:
    """A copy next to a file.

    `missing` are people's words in it that were missing from the document at some time since, or from the file just before. A program that
    restores what it has removed may do so while the server writes the copy.
    """

    path: Path
    at: float
    words: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    is_judged: bool = False


class Judge:
    """Watch all files, and find violations."""

    def __init__(self, items: list[Item], tabs: list[Tab]) -> None:
        self.violations: list[Violation] = []
        self.copies: dict[tuple[int, str], Copy] = {}
        self.overwritten = 0
        self._items, self._tabs = items, tabs
        self._root = items[0].root
        self._told: set[tuple[str, str, str]] = set()
        self._old: set[str] = (
            set()
        )  # words that a program removed after the time for which words are protected
        self._typed: dict[str, Item] = {}

    async def look(self) -> None:
        while True:
            for item in self._items:
                self._look_at(item)
            self._look_for_copies()
            await asyncio.sleep(LOOK)

    def _look_at(self, item: Item) -> None:
        there = set(words_of(_read(item.path)))
        for each in there:
            if (word := item.words.get(each)) and not word.saved:
                word.saved = True
                item.note("file", f"contains {each}")
        for each in item.words.keys() - there:
            if item.words[each].saved:
                item.words[each].removed_at = time.monotonic()

    def _look_for_copies(self) -> None:
        for item in self._items:
            self._typed.update(dict.fromkeys(item.words, item))
        new: list[tuple[int, tuple[int, str], Path]] = []
        for path in self._root.rglob("*.before-*"):
            if path.name.startswith(".") or ".git" in path.parts:
                continue
            with contextlib.suppress(OSError):
                found = path.stat()
                new.append((found.st_mtime_ns, (found.st_ino, path.name), path))
        # In the order in which they were written: the second of two copies may be necessary for one word only.
        for _time, key, path in sorted(new):
            copy = self.copies.setdefault(key, Copy(path, time.monotonic()))
            copy.path = path
        for copy in self.copies.values():
            if not copy.is_judged:
                self._look_at_copy(copy)

    def _look_at_copy(self, copy: Copy) -> None:
        found = {word for word in words_of(_read(copy.path)) if word in self._typed}
        if found - copy.words and (item := self._item_of(copy, found)):
            item.note("server", f"writes the copy {copy.path.name}", after=found - copy.words)
        copy.words |= found
        if item := self._item_of(copy, found):
            there = [set(tab.words) for tab in self._tabs if tab.item is item and tab.is_there]
            for words in there:
                copy.missing |= copy.words - words
            removed = (word for word in found if word in item.words)
            copy.missing |= {
                word for word in removed if copy.at - SLACK < item.words[word].removed_at < copy.at
            }

    def _item_of(self, copy: Copy, words: set[str]) -> Item | None:
        for word in words:
            return self._typed[word]
        name = copy.path.name.partition(".before-")[0]
        return next((item for item in self._items if item.kind.name.partition(".")[0] in name), None)

    # In a quiet moment

    def judge(self) -> list[Violation]:
        """Return the new violations."""
        self._look_for_copies()
        found: list[Violation] = []
        for item in self._items:
            self._look_at(item)
            data = _read(item.path)
            found += self._judge_words(item, Counter(words_of(data)))
            found += [self._violation("bytes", item, problem) for problem in item.kind.problems(data)]
            self._count_overwritten(item, set(words_of(data)))
        found += self._judge_copies()
        new = [each for each in found if (each.rule, each.file, each.what) not in self._told]
        self._told |= {(each.rule, each.file, each.what) for each in new}
        self.violations += new
        return new

    def tell(self, rule: str, item: Item | None, what: str, word: str = "") -> Violation:
        """Record a violation that was found elsewhere."""
        found = self._violation(rule, item, what, word) if item else Violation(rule, "", what)
        self.violations.append(found)
        return found

    def _violation(self, rule: str, item: Item, what: str, word: str = "") -> Violation:
        return Violation(rule, item.kind.name, what, item.history(word))

    def _judge_words(self, item: Item, there: Counter[str]) -> list[Violation]:
        in_copies = {word for copy in self.copies.values() for word in copy.words}
        now, found = time.monotonic(), []
        for name, word in item.words.items():
            if there[name]:
                self._old.discard(name)
                continue
            if word.deleted or name in in_copies or name in self._old or not (word.seen or word.saved):
                continue
            if now - word.at > LATELY - SLACK and any(name not in written for _own, written in item.writes):
                self._old.add(name)
                continue
            found.append(self._violation("lost", item, name, name))
        found += [
            self._violation("doubled", item, f"{name} exists {times} times", name)
            for name, times in there.items()
            if times > 1
        ]
        return found

    def _count_overwritten(self, item: Item, there: set[str]) -> None:
        for number, (own, _written) in enumerate(item.writes):
            later = item.writes[number + 1 :]
            if own and own not in there | item.taken and all(own in written for _own, written in later):
                self.overwritten += 1
                item.note("judge", f"{own} was overwritten")
        item.writes.clear()

    def _judge_copies(self) -> list[Violation]:
        found: list[Violation] = []
        earlier: set[str] = set()
        for copy in sorted(self.copies.values(), key=lambda copy: copy.at):
            if not copy.is_judged and time.monotonic() - copy.at > SLACK:
                copy.is_judged = True
                item = self._item_of(copy, copy.words)
                words = item.words if item else {}
                there = set(words_of(_read(item.path))) if item else set()
                gone = {
                    word
                    for word in copy.missing | copy.words - there
                    if not words[word].deleted or words[word].deleted_at > copy.at - UNTOLD
                }
                if item and not gone - earlier:
                    again = sorted(gone & earlier)
                    why = (
                        f"no word of the copy {copy.path.name} was missing from the document, apart from words that people had deleted"
                        + (f" and words in an older copy: {again}" if again else "")
                    )
                    found.append(self._violation("needless", item, why))
                aside = self._root.parent / "copies"
                aside.mkdir(exist_ok=True)
                copy.path.rename(aside / f"{len(list(aside.iterdir()))} {copy.path.name}")
            earlier |= copy.words
        return found

    def forget(self, item: Item) -> None:
        """Forget a file's words and writes, so that they are not judged again."""
        item.words.clear()
        item.writes.clear()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
