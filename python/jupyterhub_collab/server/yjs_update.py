# SPDX-License-Identifier: GPL-3.0-or-later
"""Decode the parts of Yjs updates that pycrdt does not show: clocks, removed ranges, text, what was removed at once, and what they build on.

The encoding is version 1 of https://github.com/yjs/yjs, with the values of https://github.com/dmonad/lib0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from pycrdt import Decoder

# Ranges of clocks by client. The end of a range does not belong to it.
Ranges = dict[int, list[tuple[int, int]]]

# The first byte of a struct: what it is, and which of an item's fields follow.
GARBAGE, SKIP = 0, 10
CONTENT, HAS_KEY, HAS_RIGHT, HAS_LEFT = 0x1F, 0x20, 0x40, 0x80
DELETED, JSON, BINARY, STRING, EMBED, FORMAT, TYPE, ANY, DOCUMENT = range(1, 10)
XML_ELEMENT, XML_HOOK = 3, 5  # types that have a name
# The first byte of a value. Some values have a fixed number of further bytes: undefined, null, numbers, false and true.
BUFFER, ARRAY, OBJECT, TEXT, INTEGER = 116, 117, 118, 119, 125
SIZES = {127: 0, 126: 0, 124: 4, 123: 8, 122: 8, 121: 0, 120: 0}


def clocks_of(state: bytes) -> dict[int, int]:
    """Return a state vector's clocks by client."""
    read = Decoder(state).read_var_uint
    return {read(): read() for _each in range(read())}


def ranges_of(delete_set: bytes) -> Ranges:
    """Return the ranges of a delete set."""
    read = Decoder(delete_set).read_var_uint
    found: Ranges = {}
    for _client in range(read()):
        client = read()
        for _range in range(read()):
            start = read()
            found.setdefault(client, []).append((start, start + read()))
    return found


def added(before: bytes, after: bytes) -> Ranges:
    """Return what was added to a document between two states."""
    known = clocks_of(before)
    since = {client: (known.get(client, 0), clock) for client, clock in clocks_of(after).items()}
    return {client: [its] for client, its in since.items() if its[0] < its[1]}


def without(ranges: Ranges, others: Ranges) -> Ranges:
    """Return the ranges without what is also in `others`."""
    left: Ranges = {client: [] for client in ranges}
    for client, of_client in ranges.items():
        gaps = [0, *(edge for other in sorted(others.get(client, [])) for edge in other)]
        for start, end in of_client:
            edges = [*gaps, max(end, gaps[-1])]
            for gap, following in list(pairwise(edges))[::2]:
                if max(start, gap) < min(end, following):
                    left[client].append((max(start, gap), min(end, following)))
    return {client: of_client for client, of_client in left.items() if of_client}


def garbage_of(update: bytes) -> Ranges:
    """Return what an update has only as garbage: it was added to a part that was already removed.

    Raises ValueError if the update has content of an unknown kind.
    """
    return _of_kind(update, lambda kind: kind == GARBAGE)


def text_of(update: bytes) -> Ranges:
    """Return the text that an update adds. Raises ValueError if it has content of an unknown kind."""
    return _of_kind(update, lambda kind: kind not in (GARBAGE, SKIP) and kind & CONTENT == STRING)


def _of_kind(update: bytes, is_it: Callable[[int], bool]) -> Ranges:
    found: Ranges = {}
    for client, start, end, kind in _Reader(update).structs():
        if is_it(kind):
            found.setdefault(client, []).append((start, end))
    return found


def clocks_after(known: dict[int, int], update: bytes) -> dict[int, int] | None:
    """Return the clocks of an update's authors after it; None if it builds on something that a document lacks.

    known: the document's clocks by client. Raises ValueError if the update has content of an unknown kind.
    """
    reader, after = _Reader(update), dict[int, int]()

    def end_of(client: int) -> int:
        return after.get(client) or known.get(client, 0)

    for client, start, end, kind in reader.structs():
        if kind != SKIP:
            if start > end_of(client):
                return None
            after[client] = max(end, end_of(client))
    removed = ranges_of(reader.stream[reader.i0 :])
    needed = reader.needed + [(client, end - 1) for client, its in removed.items() for _start, end in its]
    return after if all(clock < end_of(client) for client, clock in needed) else None


class _Reader(Decoder):
    def __init__(self, update: bytes) -> None:
        super().__init__(update)
        self.needed: list[
            tuple[int, int]
        ] = []  # what the items that were read refer to: clients and their clocks

    def structs(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield each struct of an update: its client, its first clock, the one after its last, and its kind. Then the delete set is next."""
        for _client in range(self.read_var_uint()):
            structs, client, clock = self.read_var_uint(), self.read_var_uint(), self.read_var_uint()
            for _struct in range(structs):
                kind = self.byte()
                length = self.read_var_uint() if kind in (GARBAGE, SKIP) else self.item(kind)
                yield client, clock, clock + length, kind
                clock += length

    def byte(self) -> int:
        self.skip(1)
        return self.stream[self.i0 - 1]

    def skip(self, count: int) -> None:
        self.i0 += count
        self.length -= count

    def item(self, kind: int) -> int:
        """Read the rest of an item, and return how many clocks it has."""
        for has in (HAS_LEFT, HAS_RIGHT):
            if kind & has:
                self._id()
        if not kind & (HAS_LEFT | HAS_RIGHT):
            if self.read_var_uint() == 1:
                self.read_message()  # the name of a root
            else:
                self._id()
            if kind & HAS_KEY:
                self.read_message()
        return self._content(kind & CONTENT)

    def _id(self) -> None:
        self.needed.append((self.read_var_uint(), self.read_var_uint()))

    def _content(self, kind: int) -> int:
        if kind == DELETED:
            return self.read_var_uint()
        if kind == STRING:
            return len(self.read_var_string().encode("utf-16-le")) // 2
        if kind in (JSON, ANY):
            count = self.read_var_uint()
            for _value in range(count):
                self.read_message() if kind == JSON else self._value()
            return count
        if kind in (BINARY, EMBED):
            self.read_message()
        elif kind == FORMAT:
            self.read_message()
            self.read_message()
        elif kind == TYPE:
            if self.read_var_uint() in (XML_ELEMENT, XML_HOOK):
                self.read_message()
        elif kind == DOCUMENT:
            self.read_message()
            self._value()
        else:
            raise ValueError(f"an update has content of an unknown kind: {kind}")
        return 1

    def _value(self) -> None:
        kind = self.byte()
        if kind in SIZES:
            self.skip(SIZES[kind])
        elif kind == INTEGER:
            self.read_var_uint()
        elif kind in (TEXT, BUFFER):
            self.read_message()
        elif kind in (OBJECT, ARRAY):
            for _each in range(self.read_var_uint()):
                if kind == OBJECT:
                    self.read_message()
                self._value()
        else:
            raise ValueError(f"an update has a value of an unknown kind: {kind}")
