# SPDX-License-Identifier: GPL-3.0-or-later
"""Decode the parts of Yjs updates that pycrdt does not show: clocks, removed ranges, and what was removed at once.

The encoding is version 1 of https://github.com/yjs/yjs, with the values of https://github.com/dmonad/lib0.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    numbers = _numbers(state)
    return {next(numbers): next(numbers) for _each in range(next(numbers))}


def ranges_of(delete_set: bytes) -> Ranges:
    """Return the ranges of a delete set."""
    numbers = _numbers(delete_set)
    found: Ranges = {}
    for _client in range(next(numbers)):
        client = next(numbers)
        for _range in range(next(numbers)):
            start = next(numbers)
            found.setdefault(client, []).append((start, start + next(numbers)))
    return found


def garbage_of(update: bytes) -> Ranges:
    """Return what an update has only as garbage: it was added to a part that was already removed.

    Raises ValueError if the update has content of an unknown kind.
    """
    reader = _Reader(update)
    found: Ranges = {}
    for _client in range(reader.number()):
        structs, client, clock = reader.number(), reader.number(), reader.number()
        for _struct in range(structs):
            kind = reader.byte()
            length = reader.number() if kind in (GARBAGE, SKIP) else reader.item(kind)
            if kind == GARBAGE:
                found.setdefault(client, []).append((clock, clock + length))
            clock += length
    return found


def _numbers(data: bytes) -> Iterator[int]:
    reader = _Reader(data)
    while reader.has_more:
        yield reader.number()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def has_more(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def number(self) -> int:
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def bytes(self) -> bytes:
        length = self.number()
        self._at += length
        return self._data[self._at - length : self._at]

    def item(self, kind: int) -> int:
        """Read the rest of an item, and return how many clocks it has."""
        for has in (HAS_LEFT, HAS_RIGHT):
            if kind & has:
                self._id()
        if not kind & (HAS_LEFT | HAS_RIGHT):
            if self.number() == 1:
                self.bytes()  # the name of a root
            else:
                self._id()
            if kind & HAS_KEY:
                self.bytes()
        return self._content(kind & CONTENT)

    def _id(self) -> None:
        self.number()
        self.number()

    def _content(self, kind: int) -> int:
        if kind == DELETED:
            return self.number()
        if kind == STRING:
            return len(self.bytes().decode().encode("utf-16-le")) // 2
        if kind in (JSON, ANY):
            count = self.number()
            for _value in range(count):
                self.bytes() if kind == JSON else self._value()
            return count
        if kind in (BINARY, EMBED):
            self.bytes()
        elif kind == FORMAT:
            self.bytes()
            self.bytes()
        elif kind == TYPE:
            if self.number() in (XML_ELEMENT, XML_HOOK):
                self.bytes()
        elif kind == DOCUMENT:
            self.bytes()
            self._value()
        else:
            raise ValueError(f"an update has content of an unknown kind: {kind}")
        return 1

    def _value(self) -> None:
        kind = self.byte()
        if kind in SIZES:
            self._at += SIZES[kind]
        elif kind == INTEGER:
            self.number()
        elif kind in (TEXT, BUFFER):
            self.bytes()
        elif kind in (OBJECT, ARRAY):
            for _each in range(self.number()):
                if kind == OBJECT:
                    self.bytes()
                self._value()
        else:
            raise ValueError(f"an update has a value of an unknown kind: {kind}")
