# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people who have all files open and edit them, and what JupyterLab does in their tabs."""

from __future__ import annotations

import asyncio
import random
import time

import httpx
from websockets.exceptions import WebSocketException

from local_server import LocalServer
from people.errors import NotGiven
from people.room import Room

from .events import Item, Word, Words
from .files import places_in, words_in

# The pause in seconds before JupyterLab's first attempt to reconnect. It doubles after each failure, up to the longest pause.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.5
PACE = 0.25  # average seconds between two actions of a person
# The close code for tabs that cannot resume with their content: JupyterLab asks the user to reopen the document. After any other error,
# a tab that once had the document tries again.
RELOAD = 1003
NEW_CELL, NEW_LINE = 0.05, 0.1


class Tab:
    """A file open in one person's browser. It reconnects automatically, with its content and session."""

    def __init__(self, server: LocalServer, item: Item, who: str) -> None:
        self.item, self.who = item, who
        self.reloads = 0  # how often it had to be reopened, which loses what only it had
        self.refusals: list[str] = []
        self._server = server
        self._room: Room | None = None
        self.has_had_it = False
        self._has_it = False  # whether the tab has received the document from the server
        self._offline_until = 0.0
        self._stays = asyncio.create_task(self._stay())

    async def _stay(self) -> None:
        failed = 0
        while True:
            try:
                if self._room is None:
                    await self._open()
                await asyncio.sleep(max(0, self._offline_until - time.monotonic()))
                assert self._room is not None
                await self._room.join()
            except NotGiven as no:
                failed = failed + 1 if no.status < 1000 else 0
                self.refusals.append(f"{no.status} {no.sentence}")
                if no.status == RELOAD:
                    self.item.note(self.who, f"must reopen it: {no.sentence}")
                    self.reloads += self._has_it  # otherwise there was nothing to lose
                    await self.close_document()
            except (OSError, TimeoutError, WebSocketException, httpx.HTTPError) as no:
                failed += 1
                self.refusals.append(type(no).__name__)
            else:
                failed, self._has_it, self.has_had_it = 0, True, True
                self.refusals.clear()
                self.item.note(self.who, "is connected", after=self.words)
                while self.is_there:
                    await self._room.changed_since(self._room.changes, 3600)
                self.item.note(self.who, f"is disconnected {self._room.closed_by_server or ''}")
            await asyncio.sleep(min(FIRST_PAUSE * 2**failed, LONGEST_PAUSE))

    async def _open(self) -> None:
        seat = await asyncio.to_thread(self._server.seat, self.item.place, self.who)
        self._room = Room(seat)
        self._room.watch(self._shown)

    def _shown(self, text: str) -> None:
        for each in words_in(text):
            word = self.item.words.get(each)
            if word and word.who != self.who and not word.seen:
                word.seen = True
                self.item.note(self.who, f"sees {each}")

    @property
    def is_there(self) -> bool:
        return self._room is not None and self._room.is_joined

    @property
    def text(self) -> str:
        room = self._room
        if room is None:
            return ""
        if self.item.kind.is_notebook:
            return "\n".join(str(cell["source"]) for cell in room._require_notebook().ycells)
        return room.text

    @property
    def words(self) -> list[str]:
        return words_in(self.text)

    def type(self, word: str, dice: random.Random) -> None:
        """Insert a word at a random place outside other words."""
        room = self._room
        if room is None or not self._has_it or (self.item.kind.is_notebook and not room.cell_count):
            return
        self.item.words[word] = Word(self.who, time.monotonic())
        self.item.note(self.who, "types" if self.is_there else "types while disconnected", after=[word])
        if self.item.kind.is_notebook and dice.random() < NEW_CELL:
            room.append_cell(word)
            return
        cell = dice.randrange(room.cell_count) if self.item.kind.is_notebook else None
        text = room.read(cell)
        place = dice.choice(places_in(text))
        # Not where the last line has no end: if a program removed it, the end that this person typed would be the last line's.
        has_end = self.item.kind.is_notebook or text.endswith("\n")
        starts_line = has_end and place < len(text) and (place == 0 or text[place - 1] == "\n")
        room.insert(place, word + "\n" if starts_line and dice.random() < NEW_LINE else word, cell)

    def delete(self, dice: random.Random) -> None:
        """Delete a random word on purpose."""
        room = self._room
        if room is None or not self._has_it or not (there := self.words):
            return
        word = dice.choice(there)
        self.item.taken.add(word)
        if word in self.item.words:
            self.item.words[word].deleted_at = time.monotonic()
        self.item.note(self.who, "deletes", before=[word])
        for cell in range(room.cell_count) if self.item.kind.is_notebook else [None]:
            if (place := room.read(cell).find(word)) >= 0:
                room.delete(place, len(word), cell)

    async def lose_connection(self, seconds: float) -> None:
        self._offline_until = time.monotonic() + seconds
        if self.is_there and self._room is not None:
            await self._room.drop()

    async def close_document(self) -> None:
        """Close the document. `_stay` opens it again."""
        room, self._room, self._has_it = self._room, None, False
        if room is not None:
            await (room.leave() if room.is_joined else room.vanish())

    async def reopen(self) -> None:
        """Close the tab, and open the file again."""
        await self._end()
        self.item.note(self.who, "closes and reopens it")
        await self.close_document()
        self._stays = asyncio.create_task(self._stay())

    def hurry(self) -> None:
        self._offline_until = 0.0

    async def _end(self) -> None:
        while not self._stays.done():
            # In Python 3.11, `asyncio.wait_for` loses a cancellation if what it waits for ends at the same moment.
            self._stays.cancel()
            await asyncio.wait([self._stays], timeout=1)

    async def close(self) -> None:
        await self._end()
        if self._room is not None:
            await self._room.vanish()
            self._room = None


class Person:
    """A person who has all files open. Their words start with the first letter of their name."""

    def __init__(
        self, server: LocalServer, items: list[Item], who: str, words: Words, dice: random.Random
    ) -> None:
        self.who = who
        self.tabs = [Tab(server, item, who) for item in items]
        self._words, self._dice = words, dice

    async def work(self) -> None:
        """Type, delete, lose the connection, or reopen a tab, again and again."""
        dice = self._dice
        while True:
            await asyncio.sleep(dice.uniform(0.2, 1.8) * PACE)
            tab = dice.choice(self.tabs)
            match dice.random():
                case chance if chance < 0.85:
                    tab.type(self._words.new(self.who[0]), dice)
                case chance if chance < 0.93:
                    tab.delete(dice)
                # Finish these even if the round ends in the meantime.
                case chance if chance < 0.98:
                    await asyncio.shield(tab.lose_connection(dice.uniform(0, 3)))
                case _:
                    await asyncio.shield(tab.reopen())

    async def close(self) -> None:
        await asyncio.gather(*(tab.close() for tab in self.tabs))
