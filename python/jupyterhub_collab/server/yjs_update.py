# SPDX-License-Identifier: GPL-3.0-or-later
"""Decode the parts of Yjs updates that pycrdt does not show: clocks, removed ranges, and what was removed at once.

The encoding is version 1 of https://github.com/yjs/yjs, with the values of https://github.com/dmonad/lib0.
"""

from __future__ import annotations

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


def garbage_of(update: bytes) -> Ranges:
    """Return what an update has only as garbage: it was added to a part that was already removed.

    Raises ValueError if the update has content of an unknown kind.
    """
    reader = _Reader(update)
    found: Ranges = {}
    for _client in range(reader.read_var_uint()):
        structs, client, clock = reader.read_var_uint(), reader.read_var_uint(), reader.read_var_uint()
        for _struct in range(structs):
            kind = reader.byte()
            length = reader.read_var_uint() if kind in (GARBAGE, SKIP) else reader.item(kind)
            if kind == GARBAGE:
                found.setdefault(client, []).append((clock, clock + length))
            clock += length
    return found


class _Reader(Decoder):
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
        self.read_var_uint()
        self.read_var_uint()

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
