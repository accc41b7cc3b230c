# SPDX-License-Identifier: GPL-3.0-or-later
"""Let a viewer's websocket bring nothing into a document but its wish to see the document, and where the viewer is.

Of what a viewer sends, the first sync step passes, which asks for the document, and awareness: under the viewer's own name at the hub, and
for no other tab. Everything else is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from . import view_table

# Kinds of messages, and the kind of sync message that passes.
SYNC, AWARENESS = 0, 1
STEP_1 = 0
# In a viewer's awareness. The room then knows that it counts for nobody's saving.
VIEWER = "viewer"
MOST_CURSORS = 100
LONGEST_NUMBER = 9  # bytes; browsers know no larger numbers
LARGEST_TAB, LARGEST_CLOCK = 2**53, 2**32
LONGEST_AWARENESS = 10_000  # bytes, because everyone gets it
LONGEST_MESSAGE = 1_000_000  # bytes; the first sync step has a few for each person who has ever typed
# Messages per second that pass, and how many may do so at once. Of those above, the last one passes later.
AWARENESS_PACE = (10, 20)
STEP_PACE = (1, 5)  # the answer can be the whole document
MOST_TABS = 10_000
Deliver = Callable[[bytes], Any]


def may_watch(handler: Any) -> bool:
    """Return whether a viewer can have this websocket open."""
    return view_table.name_of(type(handler)) in view_table.SOCKETS


def is_of_room(handler: Any) -> bool:
    """Return whether a websocket is one of jupyter-collaboration: of a document, or of all pages."""
    return view_table.name_of(type(handler)) == view_table.ROOM


def ask_again(handler: Any) -> None:
    """Ask a document's tab for what it has and the server lacks, such as text that was typed while its person could only view."""
    room = getattr(handler, "room", None)
    if is_of_room(handler) and room is not None:
        from pycrdt import create_sync_message  # noqa: PLC0415  # a server without collaboration has the guard, too

        handler.write_message(create_sync_message(room.ydoc), binary=True)


class Tabs:
    """Knows whose the tabs are. A tab is a client ID of awareness in a room; nothing but the client ID tells tabs apart."""

    def __init__(self) -> None:
        self._people: dict[tuple[str, int], str] = {}

    def take(self, room: str, tab: int, person: str, held: bool) -> bool:
        """Note whose a tab is. Return False if it may be another person's. held: whether the room knows the tab already."""
        key = room, tab
        if self._people.get(key, "" if held else person) != person:
            return False
        self._people.pop(key, None)
        self._people[key] = person
        while len(self._people) > MOST_TABS:
            del self._people[next(iter(self._people))]
        return True

    def note(self, room: str, tab: int, person: str) -> None:
        """Note whose a tab is, on the word of a person who can edit."""
        self._people.setdefault((room, tab), person)


class Pace:
    """Delivers messages, but only so many a second. Of those that are too many, the last one is delivered as soon as possible."""

    def __init__(self, pace: tuple[float, int], deliver: Deliver) -> None:
        self._per_second, self._most = pace
        self._left, self._then = float(self._most), time.monotonic()
        self._deliver = deliver
        self._last = b""
        self._waiting: asyncio.TimerHandle | None = None

    def pass_on(self, message: bytes) -> None:
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._then) * self._per_second)
        self._then = now
        self._last = message
        if self._waiting is not None:
            return
        if self._left >= 1:
            self._send()
        else:
            pause = (1 - self._left) / self._per_second
            self._waiting = asyncio.get_running_loop().call_later(pause, self._send_late)

    def _send(self) -> None:
        self._left -= 1
        self._deliver(self._last)

    def _send_late(self) -> None:
        self._waiting = None
        self._send()

    def stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class Watcher:
    """What one websocket of jupyter-collaboration sends, or of the server's events.

    deliver: takes a message to the websocket's handler.
    """

    def __init__(self, handler: Any, tabs: Tabs, deliver: Deliver) -> None:
        self._handler = handler
        self._tabs = tabs
        self._is_room = is_of_room(handler)
        self._room = handler.request.path.rpartition("/")[2] if self._is_room else ""
        self._tab: int | None = None
        self._steps = Pace(STEP_PACE, deliver)
        self._awareness = Pace(AWARENESS_PACE, deliver)

    def note(self, message: Any) -> None:
        """Note the tab of a person who can edit. They may be a viewer later."""
        if not self._is_room or self._tab is not None or not _is(message, AWARENESS):
            return
        if len(told := _tabs(message)) == 1:
            self._tab = told[0][0]
            self._tabs.note(self._room, self._tab, self._person)

    def take(self, message: Any) -> None:
        """Pass on what a viewer may send, and drop the rest."""
        if not self._is_room:
            return
        if _is_step(message):
            self._steps.pass_on(message)
        elif _is(message, AWARENESS) and (own := self._own(message)) is not None:
            self._awareness.pass_on(own)

    def stop(self) -> None:
        self._steps.stop()
        self._awareness.stop()

    @property
    def _person(self) -> str:
        return str(self._handler.current_user.username)

    def _own(self, message: bytes) -> bytes | None:
        """Return the message with the state of the viewer's own tab only, as that of the person whom the hub knows; None if it lacks it."""
        told = _tabs(message) if len(message) <= LONGEST_AWARENESS else []
        if self._tab is None and len(told) == 1:  # a tab first tells its own state, alone
            held = told[0][0] in self._handler.room.awareness.states
            if self._tabs.take(self._room, told[0][0], self._person, held):
                self._tab = told[0][0]
        # Pages repeat what they hear of others. Nothing else of that is read.
        for tab, clock, text in told:
            if tab != self._tab:
                continue
            with contextlib.suppress(ValueError, RecursionError):
                state = json.loads(text)
                if state is None or isinstance(state, dict):
                    return _message(tab, clock, None if state is None else self._named(state))
        return None

    def _named(self, state: dict[str, Any]) -> dict[str, Any]:
        shown = {key: state[key] for key, is_valid in SHOWN.items() if key in state and is_valid(state[key])}
        return {**shown, "user": asdict(self._handler.current_user), VIEWER: True}


def _is(message: Any, kind: int) -> bool:
    return isinstance(message, bytes) and message[:1] == bytes([kind])


def _is_step(message: Any) -> bool:
    """Return whether a message is the first sync step, complete and nothing else."""
    if not _is(message, SYNC) or message[1:2] != bytes([STEP_1]):
        return False
    try:
        reader = _Reader(message[2:])
        reader.part()
        return reader.is_at_end
    except ValueError:
        return False


class _Reader:
    """Reads a message. Raises ValueError for anything that no page sends, such as numbers of a million digits."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    @property
    def is_at_end(self) -> bool:
        return self._place == len(self._data)

    def number(self) -> int:
        found = 0
        for index, byte in enumerate(self._data[self._place : self._place + LONGEST_NUMBER]):
            found |= (byte & 127) << 7 * index
            if byte < 128:
                self._place += index + 1
                return found
        raise ValueError("not a number")

    def part(self) -> bytes:
        length = self.number()
        start, self._place = self._place, self._place + length
        if self._place > len(self._data):
            raise ValueError("cut off")
        return self._data[start : self._place]


def tabs_in(message: bytes) -> list[tuple[int, int, bytes]]:
    """Return the tabs in an awareness message, each with its clock, and its state as JSON. Raises ValueError if no page sends such a message."""
    outer = _Reader(message[1:])
    reader = _Reader(outer.part())
    tabs = []
    for _each in range(reader.number()):
        tab, clock, state = reader.number(), reader.number(), reader.part()
        if tab >= LARGEST_TAB or clock >= LARGEST_CLOCK:
            raise ValueError("too large")
        tabs.append((tab, clock, state))
    if not (reader.is_at_end and outer.is_at_end):
        raise ValueError("too long")
    return tabs


def _tabs(message: bytes) -> list[tuple[int, int, bytes]]:
    """Return the tabs in an awareness message; none if the message is not valid."""
    with contextlib.suppress(ValueError):
        return tabs_in(message)
    return []


def _message(tab: int, clock: int, state: Any) -> bytes | None:
    try:
        told = json.dumps(state, allow_nan=False).encode()  # browsers cannot read NaN
    except ValueError:
        return None
    return message_of([(tab, clock, told)])


def message_of(tabs: list[tuple[int, int, bytes]]) -> bytes:
    """Return an awareness message with the states of some tabs, each with its clock, and its state as JSON."""
    parts = [_number(tab) + _number(clock) + _number(len(state)) + state for tab, clock, state in tabs]
    body = b"".join([_number(len(parts)), *parts])
    return bytes([AWARENESS]) + _number(len(body)) + body


def _number(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(128 | number & 127)
        number >>= 7
    return bytes([*parts, number])


# Pages rely on the form of each other's states: one that they do not expect would break their editors.


def _are_cursors(found: Any) -> bool:
    return (
        isinstance(found, list)
        and len(found) <= MOST_CURSORS
        and all(
            isinstance(each, dict)
            and {*each} <= {"anchor", "head", "primary", "empty"}
            and _is_place(each.get("anchor"))
            and _is_place(each.get("head"))
            for each in found
        )
    )


def _is_place(found: Any) -> bool:
    """Return whether something is a relative position of Yjs."""
    return (
        isinstance(found, dict)
        and {*found} <= {"type", "tname", "item", "assoc"}
        and all(_is_id(found.get(name)) for name in ("type", "item"))
        and isinstance(found.get("tname"), str | None)
        and isinstance(found.get("assoc"), int | None)
    )


def _is_count(found: Any) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and found >= 0


def _is_id(found: Any) -> bool:
    is_id = isinstance(found, dict) and {*found} == {"client", "clock"}
    return found is None or (is_id and all(_is_count(each) for each in found.values()))


def _is_text(found: Any) -> bool:
    return isinstance(found, str | None)


def _are_texts(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


# What a viewer's awareness may say, besides who the viewer is.
SHOWN: dict[str, Callable[[Any], bool]] = {
    "cursors": _are_cursors,
    "current": _is_text,
    "documents": _are_texts,
}
