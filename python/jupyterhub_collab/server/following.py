# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a document when another program has written its file: worked out from both as they were at one moment.

With a large document that takes its time. A thread does it then, with a copy of the document, and the server gets the outcome as the
update of one more person, who has not seen what was typed meanwhile.
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

# A larger file is followed in a thread.
LARGE = 500_000
# A file is compared with what people had before, as long as that takes no more than reading so many bytes.
MOST_COMPARED = 5_000_000
NOTHING = b"\0\0"  # an update without changes


@dataclass(frozen=True)
class Form:
    """How the content of a document is the bytes of its file, and the other way round. kind: the document's class."""

    file_format: str
    file_type: str
    kind: type[YBaseDoc]

    @property
    def is_ours(self) -> bool:
        """Whether any thread may do this. Documents of other types may want to be where they were made."""
        return issubclass(self.kind, YUnicode | YNotebook)

    def bytes_of(self, content: Any, found: Found) -> bytes | None:
        """Return the bytes with which the file would hold some content, where it holds what is `found`."""
        if found.data is None:
            return None
        if not self.is_ours:
            # Its type writes it in its own way: only what has been changed since is a reason to write.
            unchanged = self.kind()
            unchanged.set(content_of(found, self.file_format, self.file_type))
            if are_same(unchanged.get(), content):
                return found.data
        return bytes_of(content, found.like or found.data, self.file_format, self.file_type)

    async def bytes_slowly(self, content: Any, found: Found) -> bytes | None:
        """Return what `bytes_of` does, while others go on."""
        if self.is_ours:
            return await asyncio.to_thread(self.bytes_of, content, found)
        return self.bytes_of(content, found)

    def holds(self, found: Found, document: YBaseDoc) -> bool:
        """Return whether a file holds a document as it is."""
        content = document.get()
        if found.data is None:
            theirs = self.kind()
            theirs.set(content_of(found, self.file_format, self.file_type, likeness(document)))
            return bool(content == theirs.get())
        return self.bytes_of(content, found) == found.data

    async def holds_slowly(self, found: Found, document: YBaseDoc) -> bool:
        """Return what `holds` does, while others go on. Nobody may change the document meanwhile."""
        if found.data is None:
            return self.holds(found, document)
        return await self.bytes_slowly(document.get(), found) == found.data


@dataclass(frozen=True)
class Base:
    """What people have typed, by what the file held. updates: make the document as the file held it; since: those that have come since.

    is_known: whether that is known; else it is the document as people have it.
    """

    updates: Sequence[bytes]
    since: Sequence[bytes]
    is_known: bool

    @classmethod
    def of(cls, on_disk: OnDisk, held: Sequence[bytes], since: Sequence[bytes]) -> Base:
        """Return what people have typed by what is known of the file. held: the updates that it held; since: those after them."""
        more = [] if on_disk.more is None else [on_disk.more]
        return cls([*(held if on_disk.state is None else [on_disk.state]), *more], since, is_known=True)

    def document(self) -> Doc[Any]:
        return doc_of(*self.updates)

    def likeness(self, kind: type[YBaseDoc]) -> Any:
        """Return by what the parts of the document are recognized in its file."""
        return likeness(kind(self.document())) if kind is YNotebook else None


@dataclass(frozen=True)
class Followed:
    """What follows from what the file holds.

    update: makes the document so; NOTHING where it stays as it is. more: makes of what the file held what it holds; None where that is all
    of the document.
    """

    merged: Merged
    update: bytes = NOTHING
    more: bytes | None = None


def follow(
    form: Form, people: YBaseDoc, base: Base, found: Found, content_of: Callable[[YBaseDoc], Any]
) -> Followed:
    """Merge what the file holds into what people have, which is changed.

    content_of: returns the content of the file, by the document as the file held it.
    """
    was = base.document()
    held = was.get_state()
    # Some types write into a document as soon as they are made of it: the base must not have that before it is merged.
    content = content_of(YNotebook(was) if form.kind is YNotebook else people)
    if form.holds(found, people):
        # It is what people have: one of them has saved it past this server, or another server has merged it.
        return Followed(Merged(False))
    if base.is_known and (then := _was_in(form, base, found)):
        # One who has not all that people have typed by now has saved it past this server.
        return Followed(Merged(False), more=then.get_update(held))
    merged, update = merge(was, people, content, base.is_known)
    return Followed(merged, update, was.get_update(held))


def _was_in(form: Form, base: Base, found: Found) -> Doc[Any] | None:
    """Return what people had at some moment since the file was last read or written, if that is what it holds now."""
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
    """When a document was copied.

    changes: how many there had been; generation: of the history; place: where the history was; is_known: whether it is known what the file
    held then.
    """

    changes: int
    generation: int
    place: tuple[int, bytes | None]
    is_known: bool


@dataclass(frozen=True)
class Aside:
    """The outcome for a document, worked out with a copy of it.

    taken: when it was copied; people: the copy; texts: of its cells. gone: the cells that go; after: the document without them. is_in:
    whether the file holds it then; written: the fingerprint of that content.
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
        """Return whether nobody has taken out or put in a cell since: what the file has done to it would go with it.

        generation: of the history, which may have begun anew.
        """
        return generation == self.taken.generation and _texts_of(document).keys() == self.texts.keys()

    def unseen(self, document: YBaseDoc, number: int) -> Unseen | None:
        """Return what people have typed meanwhile into cells that go with the update; None where they have not.

        document: as it is without the update; number: of its last update in the history.
        """
        if not isinstance(document, YNotebook) or not self.gone:
            return None
        now = texts_of(document)
        if all(now[identity] == self.texts[identity] for identity in self.gone & now.keys()):
            return None
        return Unseen(self.people, document.ydoc.get_update(), self.after, False, frozenset(), number)


def follow_aside(form: Form, taken: Taken, people: bytes, base: Base, found: Found, content: Any) -> Aside:
    """Do what `follow` does with a copy of the document. people: the document; content: of the file."""
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
