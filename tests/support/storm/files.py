# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten files of every type: their content, where words can be inserted, and which of their bytes must not change."""

from __future__ import annotations

import codecs
import json
import random
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

# A word starts with its writer's letter, and is unique.
WORD = re.compile(r"<[a-z]\d{5}>")
MOST_IN_LINE = 3  # words per line; the formatter breaks longer lines


def words_in(text: str) -> list[str]:
    return WORD.findall(text)


def words_of(data: bytes) -> list[str]:
    """Return the words in a file of any type. Words are ASCII."""
    return words_in(data.decode("latin-1"))


class Kind(ABC):
    """A type of file. Its methods change its bytes as programs do, and `problems` finds unwanted changes."""

    name: str

    @property
    def is_notebook(self) -> bool:
        return self.name.endswith(".ipynb")

    @abstractmethod
    def made(self) -> bytes:
        """Return the file's initial content."""

    @abstractmethod
    def text_of(self, data: bytes) -> str:
        """Return the text that people see. Raise ValueError if the bytes are not a valid file of this type."""

    @abstractmethod
    def with_word(self, data: bytes, word: str, dice: random.Random) -> bytes:
        """Return the content with one more word."""

    @abstractmethod
    def without(self, data: bytes, word: str) -> bytes:
        """Return the content without one of its words."""

    @abstractmethod
    def formatted(self, data: bytes) -> bytes:
        """Return the content after formatting, with the same words."""

    @abstractmethod
    def appended(self, data: bytes, word: str) -> bytes | None:
        """Return the bytes that a job appends, or None if the whole file must be written."""

    @abstractmethod
    def problems(self, data: bytes) -> list[str]:
        """Return the unwanted changes to the file's own bytes."""


@dataclass(frozen=True)
class Text(Kind):
    """A text file. `mark` is its byte-order mark, and `end` its line ending."""

    name: str
    text: str
    encoding: str = "utf-8"
    mark: bytes = b""
    end: str = "\n"

    def made(self) -> bytes:
        return self._bytes_of(self.text)

    def _bytes_of(self, text: str) -> bytes:
        return self.mark + text.replace("\n", self.end).encode(self.encoding)

    def text_of(self, data: bytes) -> str:
        return data.removeprefix(self.mark).decode(self.encoding).replace(self.end, "\n")

    def with_word(self, data: bytes, word: str, dice: random.Random) -> bytes:
        text = self.text_of(data)
        place = dice.choice(places_in(text))
        return self._bytes_of(text[:place] + word + text[place:])

    def without(self, data: bytes, word: str) -> bytes:
        return data.replace(word.encode(), b"")

    def formatted(self, data: bytes) -> bytes:
        many = re.compile(f"((?:{WORD.pattern}){{{MOST_IN_LINE}}})(?={WORD.pattern})")
        return self._bytes_of(many.sub(r"\1\n", self.text_of(data)))

    def appended(self, data: bytes, word: str) -> bytes | None:
        has_end = not self.text or self.text.endswith("\n")
        line = f"job {word}\n" if has_end else f"\njob {word}"
        return line.replace("\n", self.end).encode(self.encoding)

    def problems(self, data: bytes) -> list[str]:
        try:
            text = self.text_of(data)
        except UnicodeDecodeError as error:
            return [f"is no longer {self.encoding}: {error}"]
        found = []
        if not data.startswith(self.mark) or (self.mark and data.count(self.mark) != 1):
            found.append("the byte-order mark has changed")
        if self._bytes_of(text) != data or "\r" in text:
            found.append("line endings have changed")
        # If a program removes the last line and its end, what people typed into it stays, as a last line without an end.
        is_typed = WORD.sub("", text.rpartition("\n")[2]) == "" and not text.endswith("\n")
        if self.text and self.text.endswith("\n") != text.endswith("\n") and not is_typed:
            found.append("the end of the last line has changed")
        place = 0
        for line in self.text.split("\n"):
            if line and (text.count(line) != 1 or text.find(line) < place):
                found.append(f"{line[:40]!r} exists {text.count(line)} times, or in another order")
            place = max(place, text.find(line))
        return found


@dataclass(frozen=True)
class Notebook(Kind):
    """A notebook with its own indentation, final newline and key order.

    Cells have IDs if `minor` is 5 or greater (nbformat 4.5). `lines` says whether sources are lists of lines.
    """

    name: str
    minor: int
    indent: int
    newline: str
    lines: bool
    keys: tuple[str, ...]
    metadata: tuple[tuple[str, Any], ...]
    count: int = 3

    def _anchor(self, number: int) -> str:
        return f"# cell {number} of {self.name}, für 中\n"

    def made(self) -> bytes:
        cells = [self._cell(self._anchor(number), f"cell-{number}") for number in range(self.count)]
        cells[0]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["kept\n"]}]
        parts = {
            "cells": cells,
            "metadata": dict(self.metadata),
            "nbformat": 4,
            "nbformat_minor": self.minor,
        }
        return self._bytes_of({key: parts[key] for key in self.keys})

    def _cell(self, source: str, name: str) -> dict[str, Any]:
        text: Any = source.splitlines(keepends=True) if self.lines else source
        cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": text}
        return {**cell, "id": name} if self.minor >= 5 else cell

    def _bytes_of(self, content: dict[str, Any]) -> bytes:
        return (json.dumps(content, indent=self.indent, ensure_ascii=False) + self.newline).encode()

    def _read(self, data: bytes) -> Any:
        content = json.loads(data)
        if not isinstance(content, dict) or "cells" not in content:
            raise ValueError("not a notebook")
        return content

    def text_of(self, data: bytes) -> str:
        return "\n".join("".join(cell["source"]) for cell in self._read(data)["cells"])

    def with_word(self, data: bytes, word: str, dice: random.Random) -> bytes:
        content = self._read(data)
        if dice.random() < 0.3:
            content["cells"].insert(
                dice.randint(0, len(content["cells"])), self._cell(word, f"new-{word[1:-1]}")
            )
        else:
            cell = dice.choice(content["cells"])
            self._set(cell, "".join(cell["source"]) + word)
        return self._bytes_of(content)

    def _set(self, cell: dict[str, Any], source: str) -> None:
        cell["source"] = source.splitlines(keepends=True) if isinstance(cell["source"], list) else source

    def without(self, data: bytes, word: str) -> bytes:
        content = self._read(data)
        for cell in content["cells"]:
            self._set(cell, "".join(cell["source"]).replace(word, ""))
        # Remove cells that are empty now.
        content["cells"] = [cell for cell in content["cells"] if "".join(cell["source"]).strip()]
        return self._bytes_of(content)

    def formatted(self, data: bytes) -> bytes:
        content = self._read(data)
        many = re.compile(f"((?:{WORD.pattern}){{{MOST_IN_LINE}}})(?={WORD.pattern})")
        for cell in content["cells"]:
            self._set(cell, many.sub(r"\1\n", "".join(cell["source"])))
        return self._bytes_of(content)

    def appended(self, data: bytes, word: str) -> bytes | None:
        return None

    def problems(self, data: bytes) -> list[str]:
        try:
            content = self._read(data)
        except ValueError as error:
            return [f"cannot be read: {error}"]
        found = []
        if self._bytes_of(content) != data:
            found.append("the indentation or the end of the file has changed")
        if tuple(content) != self.keys:
            found.append(f"the keys have changed to {tuple(content)}")
        if list(content["metadata"].items()) != list(self.metadata):
            found.append(f"the metadata have changed to {content['metadata']}")
        if content["nbformat_minor"] != self.minor:
            found.append(f"the nbformat has changed to 4.{content['nbformat_minor']}")
        ids = [cell["id"] for cell in content["cells"] if "id" in cell]
        if len(ids) != (len(content["cells"]) if self.minor >= 5 else 0) or len(set(ids)) != len(ids):
            found.append(f"wrong cell IDs: {ids}")
        place, sources = -1, ["".join(cell["source"]) for cell in content["cells"]]
        for number in range(self.count):
            # A word may have been added at the end of the line.
            at = [index for index, source in enumerate(sources) if self._anchor(number).rstrip() in source]
            if len(at) != 1 or at[0] <= place:
                found.append(f"cell {number} is at the positions {at}")
            place = max([place, *at])
        if not any(cell.get("outputs") for cell in content["cells"]):
            found.append("the output is gone")
        return found


def places_in(text: str) -> list[int]:
    """Return the positions where a word can be inserted: at the start of a line, and after another word."""
    starts = [found.end() for found in re.finditer("\n", text) if found.end() < len(text)]
    return [0, *starts, *(found.end() for found in WORD.finditer(text))]


def ten_files() -> list[Kind]:
    metadata = (
        ("zebra", {"b": 1, "a": [1, 2]}),
        ("kernelspec", {"name": "python3", "display_name": "Python 3", "language": "python"}),
    )
    return [
        Notebook(
            "new.ipynb", 5, 1, "\n", True, ("cells", "metadata", "nbformat", "nbformat_minor"), metadata
        ),
        Notebook(
            "old.ipynb", 4, 2, "", False, ("nbformat", "nbformat_minor", "metadata", "cells"), metadata[:1]
        ),
        Text("windows.py", "import os\n# für\nprint(1)\n", end="\r\n"),
        Text("mark.md", "# Title\n\n- one\n- zwei für\n", mark=codecs.BOM_UTF8),
        Text("latin.txt", "Straße\nmüde\nfür\n", encoding="latin-1"),
        Text("open-end.txt", "first line\nlast line without an end"),
        Text("table.csv", "name;value\nalpha;1\nbeta;2\n"),
        Text("settings.json", '{\n  "one": 1,\n  "two": [\n    2\n  ]\n}\n'),
        Text("empty.txt", ""),
        Text("all scripts ü中.txt", "Ελλάδα 中文 עברית 😀\n" + "long " * 4000 + "line\nend\n"),
    ]
