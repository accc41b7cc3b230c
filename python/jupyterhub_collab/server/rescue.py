# SPDX-License-Identifier: GPL-3.0-or-later
"""Rescue text of a document that would be lost: restore it in the document if possible, or keep it in a copy next to the file.

The history keeps this work until it is done. If the server is killed first, it does the work when the document is opened again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from logging import Logger
from pathlib import PurePosixPath
from typing import Any

from jupyter_ydoc import YNotebook, YUnicode
from jupyter_ydoc.ybasedoc import YBaseDoc

from . import copies
from .file_on_disk import File
from .history import Due, History
from .late import Late, Unseen, gone_unseen, late, late_again, unseen
from .lately import Lately, text_of, words_of
from .merge import Merged, doc_of
from .notices import COPY_FAILED, COPY_KEPT, LOST, RESTORED, Notices
from .yjs_update import Ranges, without

# Nobody is assumed to have changed a copy that is less than this many seconds old.
NEW_SECONDS = 6


@dataclass(frozen=True)
class Before:
    """A document before an outside change is merged into it.

    text: its text. last_update, state: the position of the history (see `Rescue.before`).
    people: the document, used if the history is empty.
    due: the number of the work that is due if the merge removes anything.
    """

    text: str
    last_update: int
    state: bytes | None
    people: bytes
    due: int


@dataclass(frozen=True)
class Lost:
    """Content to keep in a copy: that of the document after update `last_update`.

    content: returns it, which takes time with a large document. due: the number of this work in the history.
    """

    content: Callable[[], Any]
    last_update: int
    due: int


class Rescue:
    """Rescues text of one document.

    model_of: returns the model with which the contents manager writes some content in the format of the file.
    doing: the numbers of the due work that the update being written completes.
    """

    def __init__(
        self,
        past: History,
        name: str,
        document: YBaseDoc,
        file: File,
        notices: Notices,
        log: Logger,
        model_of: Callable[[Any], Awaitable[dict[str, Any]]],
    ) -> None:
        self._past, self._name, self._document, self._file = past, name, document, file
        self._notices, self._log, self._model_of = notices, log, model_of
        self.lately = Lately(past, name, type(document))
        self.doing: Sequence[int] = ()
        self._late: list[tuple[int, Late]] = []  # text that was removed unseen, and is not restored yet
        self._not_typed: Ranges = {}
        self._restoring = asyncio.Lock()
        # When and where the last copy of such text was written, and of what.
        self._last_late: tuple[float, PurePosixPath, Unseen] | None = None

    async def go_on(self) -> None:
        """Do the work that was due when the server was killed. Call `restore` to restore the text that this finds."""
        for due in self._past.due(self._name):
            if due.is_copy:
                await self._keep_due(due)
            elif again := late_again(self._past.changes(self._name, 0), due.last_update):
                self._late += [(due.number, each) for each in again]
            else:
                self._past.done(due.number)

    # Text that another program removes from the file

    @contextlib.contextmanager
    def before(self, last_update: int, state: bytes | None, people: bytes) -> Iterator[Before]:
        """Yield what people have, before an outside change is merged into it. If the merge fails, nothing is due.

        last_update: the number of the last update in the history.
        state: what people have, if the history does not hold all of it.
        people: what people have now or had a moment ago, in case the history cannot be read.
        """
        text = text_of(self._document)
        self.lately.look(text)
        due = self._past.add_due(self._name, True, last_update, state)
        try:
            yield Before(text, last_update, state, people, due)
        except BaseException:
            self._past.done(due)
            raise

    def lost(self, before: Before, merged: Merged, unseen: Unseen | None = None) -> Lost | None:
        """Return what people had if any of it would be lost; None otherwise. unseen: text that the merge did not know."""
        rest = self._restore_now(unseen) if unseen else None
        gone = self.lately.lost(before.text, text_of(self._document))
        if rest is not None:
            return Lost(rest.get, before.last_update, before.due)
        if merged.has_lost:
            return Lost(lambda: merged.before, before.last_update, before.due)
        if gone:
            updates = self._updates(before.last_update, before.state, before.people)
            return Lost(lambda: self._had(updates).get(), before.last_update, before.due)
        self._past.done(before.due)
        return None

    def _updates(
        self, last_update: int, state: bytes | None, otherwise: bytes | None = None
    ) -> Sequence[bytes]:
        """Return what makes the document that people had after an update of the history.

        state: that document, if the history does not have it. otherwise: used if the history is empty.
        """
        if state is not None:
            return [state]
        updates = [update for update, _time in self._past.updates(self._name, last_update)]
        return updates if updates or otherwise is None else [otherwise]

    def _had(self, updates: Sequence[bytes]) -> YBaseDoc:
        return type(self._document)(doc_of(*updates))

    def _restore_now(self, found: Unseen) -> YBaseDoc | None:
        """Restore text in cells that were recreated. Return the document with the text that was not restored; None if there is none."""
        is_back, rest = found.restore(self._document)
        if is_back:
            self._notices.tell(RESTORED, self._file.path)
        return rest

    async def keep(self, lost: Lost) -> None:
        """Keep what people had in a copy, and tell them."""
        copy = await self._write_copy(lost)
        if isinstance(copy, PurePosixPath):
            self.lately.kept(lost.last_update)
            self._past.done(lost.due)
        self._tell_of(copy)

    async def _keep_due(self, due: Due) -> None:
        had = self._had(self._updates(due.last_update, due.state))
        if due.last_update < self._past.last(self._name) and self._lacks(had, due):
            content = had.get()
            if not copies.has(self._file._contents_manager, self._file.path, await self._model_of(content)):
                await self.keep(Lost(lambda: content, due.last_update, due.number))
                return
            self.lately.kept(due.last_update)  # the server was killed before it recorded the copy
        self._past.done(due.number)

    def _lacks(self, had: YBaseDoc, due: Due) -> bool:
        """Return whether the document lacks something that people had."""
        if not isinstance(had, YNotebook | YUnicode):
            return bool(had.get() != self._document.get())
        gone = words_of(text_of(had)) - words_of(text_of(self._document))
        return bool(gone if due.state is not None else gone & self.lately.known_at(due.last_update))

    # Text that people type into removed parts

    def nobody_typed(self, ranges: Ranges) -> None:
        """Do not look for these parts of the document when others remove them: the server has written them, and nobody would miss them."""
        for client, of_client in ranges.items():
            its = self._not_typed.setdefault(client, [])
            for start, end in of_client:
                if its and its[-1][1] == start:
                    its[-1] = (its[-1][0], end)
                else:
                    its.append((start, end))

    def take_in(self, event: Any, update: bytes) -> bool:
        """Record text that is lost with an update, for `restore`. Call this before the update is written to the history.

        event: of the document that has applied the update. update: as it was sent. Return whether there is such text.
        """
        if not (gone := without(gone_unseen(event, update), self._not_typed)):
            return False
        number = self._past.last(self._name)
        due = self._past.add_due(self._name, False, number)
        self._late += [(due, each) for each in late(event, update, gone, number)]
        return True

    async def restore(self) -> None:
        """Restore text that was removed before either side saw what the other did. If that is impossible, keep it in a copy.

        Restore all of it at once, and in order: text that was removed again in the meantime would appear twice.
        """
        async with self._restoring:
            updates, self._late = self._late, []
            if not updates:
                return
            changes, numbers = self._past.changes(self._name, 0), [number for number, _each in updates]
            try:
                found = await asyncio.to_thread(
                    lambda: list(unseen(changes, [each for _number, each in updates]))
                )
            except Exception as error:  # an error here must not keep the document from being saved
                self._past.done(*numbers)
                self._tell_lost(error)
                return
            for each, lost in self._restore_all(found, numbers):
                await self._keep_late(each, lost)

    def _restore_all(
        self, found: Sequence[Unseen | None], numbers: Sequence[int]
    ) -> list[tuple[Unseen, Lost]]:
        """Restore text in one update, which is either complete or absent if the server is killed. Return what could not be restored."""
        lost = []
        self.doing = numbers
        try:
            with self._document.ydoc.transaction():
                for each in found:
                    try:
                        if each is None:
                            raise LookupError("the history no longer has its cell")
                        is_back, rest = each.restore(self._document)
                    except Exception as error:
                        self._tell_lost(error)
                        continue
                    if is_back:
                        self._notices.tell(RESTORED, self._file.path)
                    if rest is not None:
                        due = self._past.add_due(self._name, True, each.number, each.whole)
                        lost.append((each, Lost(rest.get, each.number, due)))
        finally:
            self.doing = ()
            self._past.done(*numbers)  # even if there was no update: now only copies are due
        return lost

    def _tell_lost(self, error: Exception) -> None:
        self._log.error("Could not restore text in %s: %r", self._file.path, error, exc_info=error)
        self._notices.tell(LOST, self._file.path)

    async def _keep_late(self, found: Unseen, lost: Lost) -> None:
        """Keep text that cannot be restored in a copy.

        Overwrite the last copy if it is so new that nobody has changed it, and none of its text would be lost.
        """
        copy: PurePosixPath | str = ""
        is_told = False
        if self._last_late is not None:
            at, place, last = self._last_late
            if time.monotonic() - at < NEW_SECONDS and found.has_all_of(last):
                copy = await self._write_copy(lost, place)
                is_told = isinstance(copy, PurePosixPath)
        if not is_told:
            copy, at = await self._write_copy(lost), time.monotonic()
            self._tell_of(copy)
        if isinstance(copy, PurePosixPath):
            self._last_late = at, copy, found
            self._past.done(lost.due)

    # Copies

    async def _content(self, lost: Lost) -> Any:
        """Return what to keep in a copy, if possible without making others wait."""
        if isinstance(self._document, YNotebook | YUnicode):
            return await asyncio.to_thread(lost.content)
        return lost.content()

    async def _write_copy(self, lost: Lost, copy: PurePosixPath | None = None) -> PurePosixPath | str:
        """Write a new copy, or overwrite `copy`. Return its path, or why there is none."""
        manager = self._file._contents_manager
        try:
            model = await self._model_of(await self._content(lost))
            if copy is None:
                return await copies.write_new(manager, self._file.path, model)
            await copies.write(manager, copy, model)
        except Exception as error:
            self._log.error("Could not write a copy of %s: %r", self._file.path, error)
            return str(error)
        return copy

    def _tell_of(self, copy: PurePosixPath | str) -> None:
        """Tell people about a copy: its name, with its folder if that is not the file's, or why there is none."""
        if isinstance(copy, str):
            self._notices.tell(COPY_FAILED, self._file.path, copy)
            return
        is_elsewhere = copy.parent != PurePosixPath(self._file.path).parent
        self._notices.tell(COPY_KEPT, self._file.path, f"/{copy}" if is_elsewhere else copy.name)
