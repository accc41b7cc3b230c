# SPDX-License-Identifier: GPL-3.0-or-later
"""Work out how a document changes when another program has written its file, given the state of both at one moment.

This takes time with a large file. Then a thread, or for the largest files another process (`apart`), does it with a copy of the document.
The server applies the result like an update of one more person, who has not seen what was typed in the meantime.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_ydoc import YNotebook, YUnicode
from jupyter_ydoc.ybasedoc import YBaseDoc
from pycrdt import Doc

from .file_content import Found, bytes_of, content_of
from .fingerprint import fingerprint
from .history import OnDisk
from .late import Unseen
from .merge import Merged, are_same, doc_of, likeness, merge
from .merge_notebook import texts_of

# A file of at least this many bytes is followed in a thread, from `apart.VERY_LARGE` on in another process if possible.
LARGE = 500_000
# A file is compared with what people had at earlier moments only if the comparison reads at most this many bytes.
MOST_COMPARED = 5_000_000
NOTHING = b"\0\0"  # an update without changes


@dataclass(frozen=True)
class Form:
    """Converts between a document's content and its file's bytes. kind: the document's class."""

    file_format: str
    file_type: str
    kind: type[YBaseDoc]

    @property
    def is_ours(self) -> bool:
        """Whether any thread can convert the content. Documents of other types may work only in the thread that created them."""
        return issubclass(self.kind, YUnicode | YNotebook)

    def bytes_of(self, content: Any, found: Found) -> bytes | None:
        """Return the file's bytes for some content; None if only the contents manager knows them. found: what the file holds now."""
        if found.data is None:
            return None
        if not self.is_ours:
            # The type formats content in its own way, so a different format alone is no reason to write the file.
            unchanged = self.kind()
            unchanged.set(content_of(found, self.file_format, self.file_type))
            if are_same(unchanged.get(), content):
                return found.data
        return bytes_of(content, found.like or found.data, self.file_format, self.file_type)

    async def bytes_slowly(self, content: Any, found: Found) -> bytes | None:
        """Return what `bytes_of` returns, without making others wait."""
        if self.is_ours:
            return await asyncio.to_thread(self.bytes_of, content, found)
        return self.bytes_of(content, found)

    def holds(self, found: Found, document: YBaseDoc) -> bool:
        """Return whether a file holds a document's current content."""
        content = document.get()
        if found.data is None:
            theirs = self.kind()
            theirs.set(content_of(found, self.file_format, self.file_type, likeness(document)))
            return bool(content == theirs.get())
        return self.bytes_of(content, found) == found.data

    async def holds_slowly(self, found: Found, document: YBaseDoc) -> bool:
        """Return what `holds` returns, without making others wait. The document must not change in the meantime."""
        if found.data is None:
            return self.holds(found, document)
        return await self.bytes_slowly(document.get(), found) == found.data


@dataclass(frozen=True)
class Base:
    """The document as the file last held it: the base of a merge.

    updates: the updates that make this document.
    since: the updates that people have made since.
    is_known: whether it is known what the file held; otherwise, `updates` make the document as people have it.
    """

    updates: Sequence[bytes]
    since: Sequence[bytes]
    is_known: bool

    @classmethod
    def of(cls, on_disk: OnDisk, held: Sequence[bytes], since: Sequence[bytes]) -> Base:
        """Return the base of a file that is known. held: the updates that it holds; since: the later ones."""
        more = [] if on_disk.more is None else [on_disk.more]
        return cls([*(held if on_disk.state is None else [on_disk.state]), *more], since, is_known=True)

    def document(self) -> Doc[Any]:
        return doc_of(*self.updates)

    def likeness(self, kind: type[YBaseDoc]) -> Any:
        """Return what identifies the parts of the document in its file."""
        return likeness(kind(self.document())) if kind is YNotebook else None


@dataclass(frozen=True)
class Followed:
    """How the document follows its file.

    update: changes the document accordingly; NOTHING if the document stays as it is.
    more: changes what the file held into what it holds; None if the file holds the whole document.
    """

    merged: Merged
    update: bytes = NOTHING
    more: bytes | None = None


def follow(
    form: Form, people: YBaseDoc, base: Base, found: Found, content_of: Callable[[YBaseDoc], Any]
) -> Followed:
    """Merge what the file holds into `people`, the document as people have it.

    content_of: returns the content of the file, given the document as the file held it.
    """
    was = base.document()
    held = was.get_state()
    # Some types write into a document as soon as they are created from it. The base must not contain that before the merge.
    content = content_of(YNotebook(was) if form.kind is YNotebook else people)
    if form.holds(found, people):
        # The file holds what people have: one of them has saved it without this server, or another server has merged it.
        return Followed(Merged(False))
    if base.is_known and (then := _was_in(form, base, found)):
        # Someone who did not have the latest changes has saved the document without this server.
        return Followed(Merged(False), more=then.get_update(held))
    merged, update = merge(was, people, content, base.is_known)
    return Followed(merged, update, was.get_update(held))


def _was_in(form: Form, base: Base, found: Found) -> Doc[Any] | None:
    """Return the state of the document, since the file was last read or written, that equals what the file holds now; None if none does."""
    if not form.is_ours or found.data is None or len(found.data) * len(base.since) > MOST_COMPARED:
        return None
    then = base.document()
    for update in base.since:
        then.apply_update(update)
        if form.bytes_of(form.kind(then).get(), found) == found.data:
            return then
    return None


@dataclass(frozen=True)
class Taken:
    """The moment at which a document was copied.

    changes: how many changes there had been.
    generation, place: the history's generation and position.
    is_known: whether the document is known as the file held it.
    """

    changes: int
    generation: int
    place: tuple[int, bytes | None]
    is_known: bool


@dataclass(frozen=True)
class Aside:
    """How a document follows its file, worked out with a copy.

    taken: when the document was copied.
    people: the copy, as an update.
    texts: the texts of the copy's cells.
    gone: the cells that the update removes.
    after: the document without these cells.
    is_in: whether the file holds the document after the update.
    written: the fingerprint of that document.
    """

    taken: Taken
    people: bytes
    followed: Followed
    texts: dict[tuple[int, int], str]
    gone: set[tuple[int, int]]
    after: bytes
    is_in: bool
    written: Any

    def fits(self, document: YBaseDoc, generation: int) -> bool:
        """Return whether the update still fits: nobody has added or removed a cell since, and the history has the same generation.

        A removed cell may have been recreated elsewhere. What the file changed in it would be lost.
        """
        return generation == self.taken.generation and _texts_of(document).keys() == self.texts.keys()

    def unseen(self, document: YBaseDoc, number: int) -> Unseen | None:
        """Return what people have typed in the meantime into cells that the update removes; None if they have not.

        document: before the update is applied. number: of its last update in the history.
        """
        if not isinstance(document, YNotebook) or not self.gone:
            return None
        now = texts_of(document)
        if all(now[identity] == self.texts[identity] for identity in self.gone & now.keys()):
            return None
        return Unseen(self.people, document.ydoc.get_update(), self.after, False, frozenset(), number)


def follow_aside(form: Form, taken: Taken, people: bytes, base: Base, found: Found, content: Any) -> Aside:
    """Run `follow` on a copy of the document. people: the document; content: the file's."""
    copy = form.kind(doc_of(people))
    texts = _texts_of(copy)
    followed = follow(form, copy, base, found, lambda _was: content)
    gone = texts.keys() - _texts_of(copy).keys()
    after = copy.ydoc.get_update() if gone else b""
    return Aside(
        taken, people, followed, texts, gone, after, form.holds(found, copy), fingerprint(copy.get())
    )


def _texts_of(document: YBaseDoc) -> dict[tuple[int, int], str]:
    return texts_of(document) if isinstance(document, YNotebook) else {}
