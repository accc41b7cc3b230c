# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what a kernel outputs into a cell of a shared notebook, as JupyterLab's pages do."""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from jupyter_ydoc.utils import cast_all
from pycrdt import Array, Map, Text

# The kernel's messages that JupyterLab shows as output of a cell.
OUTPUTS = frozenset(
    ("stream", "display_data", "execute_result", "error", "clear_output", "update_display_data")
)
# How many display IDs are remembered, and how many outputs of one.
MOST_DISPLAYS = 1000
MOVES = re.compile("[\b\r\n]")
Content = dict[str, Any]
Output = tuple[str, Content]  # the type of a message and its content


class Screen:
    """The last line of a stream, as a terminal shows it after backspaces and carriage returns.

    The lines before it cannot change any more.
    """

    def __init__(self, line: str = "") -> None:
        self.line = line
        self._at = len(line)

    def print(self, text: str) -> str:
        """Print a text. Return what stands now in the stream from the beginning of the line that was the last one."""
        done: list[str] = []
        start = 0
        for found in MOVES.finditer(text):
            self._put(text[start : found.start()])
            start = found.end()
            if found[0] == "\n":
                done += (self.line, "\n")
                self.line, self._at = "", 0
            elif found[0] == "\r":
                self._at = 0
            elif self._at > 0:
                self._at -= 1
                self.line = self.line[: self._at] + self.line[self._at + 1 :]
        self._put(text[start:])
        return "".join((*done, self.line))

    def _put(self, text: str) -> None:
        self.line = self.line[: self._at] + text + self.line[self._at + len(text) :]
        self._at += len(text)


class CellOutputs:
    """The outputs of one execution of a cell. Call all methods within a transaction.

    Shared objects are looked up each time: pycrdt corrupts memory if an object is used that someone has removed.

    displays: the outputs of all cells of this kernel that `update_display_data` can change.
    """

    def __init__(self, cell: str, displays: Displays) -> None:
        self._cell, self._displays = cell, displays
        self._clears_next = False
        self._screen = Screen()
        # The stream that is being written: its place among the outputs, and how long it is, in bytes.
        self._place, self._length = -1, 0

    def write(self, outputs: Array[Any], taken: Iterable[Output]) -> None:
        """Write outputs to the end of a cell's shared list."""
        for kind, content in joined(taken):
            if kind == "clear_output":
                self._clears_next = bool(content.get("wait"))
                if not self._clears_next:
                    self.clear(outputs)
                continue
            if self._clears_next:
                self.clear(outputs)
            if kind == "stream":
                self._print(outputs, content)
            else:
                self._append(outputs, kind, content)

    def clear(self, outputs: Array[Any]) -> None:
        self._clears_next, self._place = False, -1
        if len(outputs):
            outputs.clear()

    def _append(self, outputs: Array[Any], kind: str, content: Content) -> None:
        output = _in_shared_form(kind, content)
        outputs.append(Map(output))
        if kind != "error" and (display := display_of(content)) is not None:
            self._displays.add(display, self._cell, len(outputs) - 1, output["data"])

    def _print(self, outputs: Array[Any], content: Content) -> None:
        """Continue the last output if it is the same stream. Otherwise, begin another one."""
        name, text = content["name"], content["text"]
        place = len(outputs) - 1
        last: Any = outputs[place] if place >= 0 else None
        shown = last.get("text") if _is_stream(last, name) else None
        if not isinstance(shown, Text):
            self._screen = Screen()
            shown = Text(self._screen.print(text))
            outputs.append(Map({"output_type": "stream", "name": name, "text": shown}))
            self._place, self._length = place + 1, len(shown)
            return
        if place != self._place or len(shown) != self._length:
            # A person has cleared the cell, or another page has written into it.
            whole = str(shown)
            self._screen, self._place = Screen(whole[whole.rfind("\n") + 1 :]), place
        was = self._screen.line
        now = self._screen.print(text)
        same = _alike(was, now)
        if gone := len(was[same:].encode()):
            del shown[len(shown) - gone : len(shown)]
        if now[same:]:
            shown += now[same:]
        self._length = len(shown)


@dataclass
class Display:
    """Where an output with a display ID was last seen: its cell, its place there, and the digest of its data."""

    cell: str
    place: int
    data: str


class Displays:
    """The outputs of a kernel that have a display ID. The oldest ones are forgotten."""

    def __init__(self) -> None:
        self._all: OrderedDict[str, list[Display]] = OrderedDict()

    def add(self, display: str, cell: str, place: int, data: Any) -> None:
        self._all.setdefault(display, []).append(Display(cell, place, _digest(data)))
        self._all.move_to_end(display)
        del self._all[display][:-MOST_DISPLAYS]
        while len(self._all) > MOST_DISPLAYS:
            self._all.popitem(last=False)

    def update(self, outputs_of: Callable[[str], Array[Any] | None], content: Content) -> None:
        """Change all outputs with the display ID of an `update_display_data`, as far as they are still there.

        outputs_of: returns a cell's outputs; None if the cell is gone.
        """
        display = display_of(content)
        new = _in_shared_form("display_data", content)
        for each in self._all.get(display, []) if display is not None else []:
            outputs = outputs_of(each.cell)
            place = None if outputs is None else _place_of(outputs, each)
            if outputs is None or place is None:
                continue
            # JupyterLab notices only outputs that are added, and shows them at the end. So all from this one on are added again.
            tail = [outputs[index].to_py() for index in range(place, len(outputs))]
            tail[0] |= {"data": new["data"], "metadata": new["metadata"]}
            del outputs[place : len(outputs)]
            outputs.extend([_created(each) for each in tail])
            each.place, each.data = place, _digest(new["data"])


def _place_of(outputs: Array[Any], display: Display) -> int | None:
    """Return the place of an output; None if it is gone. The others before it may be gone, too."""
    for place in range(min(display.place, len(outputs) - 1), -1, -1):
        output = outputs[place]
        data = output.get("data") if isinstance(output, Map) else None
        if data is not None and _digest(data) == display.data:
            return place
    return None


def _digest(data: Any) -> str:
    plain = data.to_py() if isinstance(data, Map) else data
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=repr).encode()).hexdigest()


def joined(taken: Iterable[Output]) -> Iterable[Output]:
    """Yield outputs with adjacent texts of the same stream joined."""
    name, texts = "", list[str]()
    for kind, content in taken:
        if kind == "stream" and texts and content["name"] == name:
            texts.append(content["text"])
            continue
        if texts:
            yield "stream", {"name": name, "text": "".join(texts)}
            texts = []
        if kind == "stream":
            name, texts = content["name"], [content["text"]]
        else:
            yield kind, content
    if texts:
        yield "stream", {"name": name, "text": "".join(texts)}


def display_of(content: Content) -> str | None:
    """Return the display ID of an output."""
    display = (content.get("transient") or {}).get("display_id")
    return display if isinstance(display, str) else None


def is_valid(kind: str, content: Any) -> bool:
    """Return whether an output has the parts that it must have. Kernels may be faulty."""
    if not isinstance(content, dict):
        return False
    match kind:
        case "stream":
            return isinstance(content.get("text"), str) and content.get("name") in ("stdout", "stderr")
        case "display_data" | "execute_result" | "update_display_data":
            return isinstance(content.get("data"), dict)
        case "error":
            return isinstance(content.get("traceback"), list)
    return kind == "clear_output"


def _in_shared_form(kind: str, content: Content) -> dict[str, Any]:
    """Convert an output to the form of shared notebooks. Numbers are floats there, because JavaScript has no integers."""
    output: dict[str, Any] = {"output_type": kind}
    if kind == "error":
        output |= {each: content.get(each, "") for each in ("ename", "evalue", "traceback")}
    else:
        output |= {"data": dict(content["data"]), "metadata": dict(content.get("metadata") or {})}
        if kind == "execute_result":
            output["execution_count"] = content.get("execution_count")
    cast_all(output, int, float)
    return output


def _created(output: dict[str, Any]) -> Map[Any]:
    if output.get("output_type") == "stream":
        output["text"] = Text(output["text"])
    return Map(output)


def _is_stream(output: Any, name: str) -> bool:
    return isinstance(output, Map) and output.get("output_type") == "stream" and output.get("name") == name


def _alike(one: str, two: str) -> int:
    """Return how many characters two texts have in common at the beginning."""
    if two.startswith(one):
        return len(one)
    return next(
        (i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two))
    )
