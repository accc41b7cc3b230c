# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert between a file's bytes and the text that people have. Encoding, byte-order mark and line endings belong to the file.

In people's text, lines end with `\\n`, as in a browser's editors. `text_of` decodes a file's bytes. `bytes_of` encodes text into bytes that
differ from the file's only where the text has been changed.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter

from .line_diff import blocks

END = re.compile(r"\r\n|\r|\n")
# Longer marks come first, because the mark of UTF-32 begins with the mark of UTF-16.
MARKS = [
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]
MARK = "\ufeff"  # in a text
# A surrogate. In a text, it stands for a stray byte, as Python's error handler `surrogateescape` has it. In a notebook, it is half of a
# character that a program has cut in two, and that it writes as an escape. People have U+FFFD instead.
HALF = re.compile("[\ud800-\udfff]")
UNICODE = re.compile("[^\x00-\x7f\ud800-\udfff]+")


class NoText(ValueError):
    """The bytes are not text."""


def text_of(data: bytes) -> str:
    """Return the text that a file holds. Raises NoText if the file holds anything else."""
    if is_usual(data):
        return data.decode()
    data, _cut = _without_cut(data)
    mark, encoding = encoding_of(data)
    return END.sub("\n", _shown(data[len(mark) :], encoding))


def bytes_of(text: str, before: bytes) -> bytes:
    """Return the bytes of a text in the format of its file; in UTF-8 if the file's encoding lacks a character.

    before: the bytes of the file now.
    """
    text = (
        END.sub("\n", text) if "\r" in text else text
    )  # some programs put their own line endings into a document
    if is_usual(before):
        return text.encode()
    before, cut = _without_cut(before)
    try:
        mark, encoding = _encoding_for(text, before)
        old = before[len(mark) :].decode(encoding, "surrogateescape")
    except NoText:
        return text.encode()
    if mark and text.startswith(MARK) and not old.startswith(MARK):
        text = text.removeprefix(MARK)  # a pasted one has become that of the file
    new = _with_ends(with_halves(text, END.sub("\n", old)), old)
    if not mark and "\0" in new:
        encoding = "utf-8"  # in an encoding older than Unicode, it would not be text
    try:
        return mark + new.encode(encoding, "surrogateescape") + cut
    except UnicodeEncodeError:
        return new.encode()


def _without_cut(data: bytes) -> tuple[bytes, bytes]:
    """Split off an incomplete character at the end of UTF-8, such as in a file that is being written. Return the text and the rest."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not data[: error.start].isascii():
            return data[: error.start], data[error.start :]
    return data, b""


def is_usual(data: bytes) -> bool:
    """Return whether a file has the usual format: UTF-8, no byte-order mark, and the same line endings as people's text."""
    if b"\r" in data or data.startswith(tuple(mark for mark, _encoding in MARKS)):
        return False
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def with_halves(text: str, before: str) -> str:
    """Return a text with the surrogates of the text before it was changed, as far as it still has them. People have U+FFFD instead."""
    if before.isascii() or not HALF.search(before):
        return text
    exact, old, new = (each.split("\n") for each in (before, HALF.sub("\ufffd", before), text))
    kept: list[str] = []
    for is_same, (start, stop, new_start, new_stop) in blocks(old, new):
        if is_same:
            kept += exact[start:stop]
        elif new_start < new_stop:
            exact_part, old_part, new_part = (
                "\n".join(each) for each in (exact[start:stop], old[start:stop], new[new_start:new_stop])
            )
            characters = list(new_part)
            for is_there, (one, two, three, four) in blocks(old_part, new_part):
                characters[three:four] = exact_part[one:two] if is_there else characters[three:four]
            kept.append("".join(characters))
    return "\n".join(kept)


def encoding_of(data: bytes) -> tuple[bytes, str]:
    """Return the byte-order mark and the encoding of a file. With `surrogateescape`, the encoding represents the whole file without loss.

    Raises NoText if the file does not contain text.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark) and _is_lossless(data[len(mark) :], encoding):
            return mark, encoding
    if _is_lossless(data, "utf-8"):
        return b"", "utf-8"  # it may contain null characters, which people can paste
    if b"\0" in data:
        raise NoText("it does not contain text")
    if data.startswith(codecs.BOM_UTF8):
        return codecs.BOM_UTF8, "utf-8"
    text = data.decode("utf-8", "surrogateescape")
    # In any other encoding, hardly any of its letters would be one in UTF-8.
    if len(HALF.findall(text)) <= sum(map(len, UNICODE.findall(text))):
        return b"", "utf-8"
    return b"", _older_encoding_of(data)


def _older_encoding_of(data: bytes) -> str:
    """Return a Western European encoding from before Unicode. Windows-1252 assigns characters to most of the control codes of Latin-1."""
    return "cp1252" if _is_lossless(data, "cp1252") else "latin-1"


def _encoding_for(text: str, data: bytes) -> tuple[bytes, str]:
    """Return what `encoding_of` returns, unless people have the text in another encoding.

    They do if an earlier release has read it so, or if they have removed the letters that showed that it is UTF-8 with stray bytes.
    """
    mark, encoding = encoding_of(data)
    if mark or (encoding == "utf-8" and _is_lossless(data, encoding)):
        return mark, encoding
    letters = Counter("".join(UNICODE.findall(text)))

    def likeness(each: str) -> int:
        return (letters & Counter("".join(UNICODE.findall(_shown(data, each))))).total()

    return b"", max(encoding, _older_encoding_of(data) if encoding == "utf-8" else "utf-8", key=likeness)


def _shown(data: bytes, encoding: str) -> str:
    return HALF.sub("\ufffd", data.decode(encoding, "surrogateescape"))


def encoding_changes(before: bytes, after: bytes) -> bool:
    """Return whether the encoding of a file changes. before, after: its bytes."""
    if before.isascii() or after.isascii():
        return False  # ASCII is the same in all encodings
    try:
        old, new = (encoding_of(_without_cut(data)[0]) for data in (before, after))
    except NoText:
        return False
    return old != new


def _is_lossless(data: bytes, encoding: str) -> bool:
    try:
        return data.decode(encoding).encode(encoding) == data
    except UnicodeError:
        return False


def _with_ends(text: str, old: str) -> str:
    """Return a text with the line endings of an old one.

    New lines end like the others; if the old text mixes line endings, they end like the line before.
    """
    ends = END.findall(old)
    if not ends or set(ends) == {"\n"}:
        return text
    usual = Counter(ends).most_common(1)[0][0]
    if len(set(ends)) == 1:
        return text.replace("\n", usual)
    old_lines, new_lines = END.sub("\n", old).split("\n"), text.split("\n")
    kept: list[str] = []
    for _is_same, (start, stop, new_start, new_stop) in blocks(old_lines, new_lines):
        for number in range(new_start, new_stop):
            same = start + number - new_start
            is_there = same < stop and same < len(ends)
            kept.append(ends[same] if is_there else kept[-1] if kept else usual)
    return "".join(line + end for line, end in zip(new_lines, kept[: len(new_lines) - 1] + [""], strict=True))
