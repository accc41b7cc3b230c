# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that people have open, kept so that nothing they have typed is lost.

Takes the place of `jupyter_server_ydoc.rooms.DocumentRoom`, whose ways of loading, saving and ending it replaces:

- An update is in the server's history before anyone else gets it; a server that starts again goes on from there.
- What has changed is saved a moment later, however many changes go on coming.
- What many people type at once goes to each of them as one message.
- A file that someone else has written is merged with what people have typed since it was last read or written.

Which file that is, `file_identity` says; what it holds, `file_on_disk`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import EndOfStream, WouldBlock
from jupyter_server_ydoc import rooms
from jupyter_server_ydoc.utils import SERVER_SESSION, LogLevel, OutOfBandChanges
from jupyter_ydoc import ydocs
from jupyter_ydoc.ybasedoc import YBaseDoc
from pycrdt import (
    TransactionEvent,
    YMessageType,
    YSyncMessageType,
    create_update_message,
    merge_updates,
    read_message,
)
from tornado.web import HTTPError

from . import apart, copies, saving
from .editing import current_edit, editing_as
from .file_content import Found
from .file_on_disk import File, Unfinished, says_gone
from .fingerprint import fingerprint
from .following import LARGE, NOTHING, Aside, Base, Followed, Form, Taken, follow, follow_aside
from .history import RETRY_SECONDS, History, OnDisk
from .merge import Merged, is_cut_off, likeness, lines_of
from .notices import (
    BEGUN_ANEW,
    ENCODED,
    GONE,
    MERGED,
    NOT_KEPT,
    NOT_SAVED,
    Notices,
)
from .rescue import Lost, Rescue
from .text_bytes import encoding_changes

if TYPE_CHECKING:
    from pycrdt import Channel

# A document is saved no later than this many seconds after its first unsaved change, ...
LONGEST_SAVE_DELAY = 4
# ... and saving it takes no more than this part of a processor's time; then it may be so many seconds.
SHARE_OF_SAVING = 0.04
LONGEST_SAVE_DELAY_OF_LARGE = 15
# Sending takes no more than about this part of a processor's time: what is typed meanwhile goes as one message.
SHARE_OF_SENDING = 0.25
# How often a document is written once more because someone else wrote the file meanwhile.
ATTEMPTS = 5
T = TypeVar("T")
# What JupyterLab takes for the reason to ask someone to open a document anew.
UNKNOWN_SESSION = {"reason": "unknown_session", "sessionId": "", "reloadable": True}
# A room whose start has failed never begins: who waits for it is told, and does not wait for ever.
START_SECONDS = 30
NOT_OPENED = {
    "reason": "initialization_error",
    "reloadable": True,
    "errorReason": "The document did not open in time. Close it and open it again.",
}


class Room(rooms.DocumentRoom):
    """One document: a file, its content as people have it, and its history. `use` gives all of them what they have in common."""

    _past: History
    _notices: Notices
    _active: Callable[[], None]
    _file: File
    ready: bool

    @classmethod
    def use(cls, past: History, notices: Notices, active: Callable[[], None]) -> None:
        """Tell all rooms of the server its history, how people are told something, and whom to tell that they are at work."""
        cls._past, cls._notices, cls._active = past, notices, staticmethod(active)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # An event of the document tells all of what has changed, which is worked out anew for each keystroke and not needed.
        self._document.unobserve()
        self.ystore = None  # the history is ours
        self._begun = asyncio.Event()  # whether all that a room does in the background has begun
        self._writing = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None
        self._changes = 0
        self._saved_changes = 0
        self._is_complete = False  # whether the history holds all that the document is, ...
        self._generation = 0  # ... that of this generation
        self._completing: asyncio.Task[None] | None = None
        self._on_disk = OnDisk("", 0)
        self._found = Found("")  # what the file held when it was last read or written
        self._written: Any = None  # what tells the content that the file holds from others
        self._told: dict[int, Any] = {}  # what each tab has last told about its user
        self._incoming: bytes | None = None  # the update that is being applied, as its author sent it
        self._form = Form(self._file_format, self._file_type, self._kind)
        self._rescue = Rescue(
            self._past,
            self._room_id,
            self._document,
            self._file,
            self._notices,
            self.log,
            self._model_of,
        )
        self._has_typed = False  # whether people have typed since the file was last changed from outside
        self.on_message = self._take_in
        self.awareness.observe(self._on_awareness)

    # Beginning

    async def start(self, **options: Any) -> None:
        """Do what a room does in the background. What fails in it ends no other room: a server has all of them in one group of tasks."""
        while not self._stopped.is_set():
            try:
                await super().start(**options)
            except Exception as error:
                self.log.error("The document %s begins again: %r", self._room_id, error, exc_info=error)
                self._task_group = None
                await asyncio.sleep(RETRY_SECONDS)

    async def _start(self, task_status: Any) -> None:
        await super()._start(task_status)
        self._begun.set()

    # Loading

    async def initialize(self) -> None:
        """Load the document: from its history where there is one, with what has been done to the file since."""
        if self.ready:
            return
        known = self._past.on_disk(self._room_id)
        found = await self._find_written()
        content, unreadable = None, None
        try:
            content = await self._content_slowly(found)
        except HTTPError as error:
            if known is None:
                raise
            unreadable = error  # it was cut off, or has the marks of a conflict
        if known is not None and known.writing and found.hash != known.hash:
            found = await self._file.with_form_of(known.hash, found)
        async with self._update_lock:
            if self.ready:
                return  # for someone else who came at the same time
            if known is not None and not self._restore():
                known = None
            if known is None:
                # A server that was killed while it loaded the document has begun to write it down. Nobody has had that.
                self._past.forget(self._room_id)
                await self._load(content, found)
            else:
                self._on_disk = known
                if unreadable and not known.writing and not self._has_unsaved:
                    raise unreadable
                self._found = found
                await self._rescue.go_on()
                if (lost := await self._resume(known, content, found)) is not None:
                    await self._rescue.keep(lost)
            if self._document.dirty:
                self._document.dirty = False
            self.ydoc.observe(self._remember)
            self.ready = True
        await self._rescue.restore()
        if self._past.failure:
            self._notices.tell(NOT_KEPT, self._file.path, self._past.failure)
        elif self._past.lost:
            self._notices.tell(BEGUN_ANEW, self._file.path, self._past.lost)
        self._emit(LogLevel.INFO, "initialize", "Room initialized")
        if self._changes:
            self._keep_saved()

    async def _load(self, content: Any, found: Found) -> None:
        """Begin with the file."""
        if content is None:
            raise HTTPError(500, f"{self._file.path} cannot be read, and its history is damaged")
        # Each of these steps takes its time with a large document, and others are at work in theirs.
        await self._apply_deterministic_source_content(content)
        await asyncio.sleep(0)
        await self._write_whole()
        await asyncio.sleep(0)
        if not self._is_complete:
            self._complete(RETRY_SECONDS)
        self._set_on_disk(OnDisk(found.hash, *self._place()), found)
        self._written = fingerprint(self._document.get())

    async def _resume(self, known: OnDisk, content: Any, found: Found) -> Lost | None:
        """Go on from where the document was, with what has happened to its file since.

        content: of the file; None where that cannot be read. Returns what people had where some of that is nowhere any more.
        """
        if content is None and not known.writing:
            self._found = Found("")  # what it will hold when it can be read again is followed
            self._changes += 1
            return None
        if known.writing and found.hash != known.hash:
            # The server was killed while it wrote the file, and the file may be complete or cut off.
            self._on_disk = OnDisk(known.hash, known.writing)
            written = self._kind(self._base().document()).get()
            if content is None or is_cut_off(content, written):
                self._changes += 1
                return None
            if lines_of(content) == lines_of(written):
                self._set_on_disk(OnDisk(found.hash, known.writing), found)
        unsaved = self._has_unsaved
        lost = None
        if found.hash != self._on_disk.hash:
            aside = await self._look_aside(found)
            lost = self._follow(found, aside)[1]
        if unsaved and not await self._form.holds_slowly(found, self._document):
            self._changes += 1
        else:
            self._written = fingerprint(self._document.get())
        return lost

    def _restore(self) -> bool:
        """Have the document as the history has it. Returns whether it has: what is damaged there is forgotten, and the file is taken."""
        updates = [content for content, _time in self._past.updates(self._room_id)]
        try:
            if not updates:
                raise ValueError("it is empty")
            self.ydoc.apply_update(merge_updates(*updates))
        except Exception as error:
            self.log.error("The history of %s is damaged (%r): it begins anew", self._file.path, error)
            self._past.forget(self._room_id)
            self._notices.tell(BEGUN_ANEW, self._file.path, "was damaged")
            return False
        self._is_complete, self._generation = True, self._past.generation
        return True

    async def _find(self) -> Found:
        """Return what the file holds."""
        return await self._file.find(self._file_format, self._file_type)

    async def _content_slowly(self, found: Found, like: Any = None) -> Any:
        """Return the content of the file as the document takes it. like: the document as it was when the file last held it."""
        return await self._file.content_slowly(found, self._file_format, self._file_type, like)

    async def _find_written(self) -> Found:
        """Return what `_find` does, once it is written."""
        while True:
            with contextlib.suppress(Unfinished):
                return await self._find()
            await asyncio.sleep(0.2)

    @property
    def _kind(self) -> type[YBaseDoc]:
        """The class of the document."""
        kind: type[YBaseDoc] = ydocs.get(self._file_type, rooms.YFILE)
        return kind

    def _base(self) -> Base:
        """Return what is known of the document as the file held it when it was last read or written."""
        since = self._past.since(self._room_id, self._on_disk.last_update)
        if self._has_no_base:
            return Base([self.ydoc.get_update()], since, is_known=False)
        held = self._past.updates(self._room_id, self._on_disk.last_update)
        has_state = self._on_disk.state is not None
        return Base.of(self._on_disk, [] if has_state else [update for update, _time in held], since)

    @property
    def _has_unsaved(self) -> bool:
        """Whether people have typed, as far as anyone knows, what the file did not hold."""
        return self._has_no_base or bool(self._kind(self._base().document()).get() != self._document.get())

    @property
    def _has_no_base(self) -> bool:
        """Whether nobody knows any more what of the document the file held: the history has begun anew meanwhile."""
        is_there = self._on_disk.last_update and self._generation == self._past.generation
        return self._on_disk.state is None and not is_there

    # What people type

    def _remember(self, event: TransactionEvent) -> None:
        """Write an update down, which is sent to the others afterwards, and have it saved. What follows does not put that off."""
        if self._incoming is not None and self._rescue.take_in(event, self._incoming):
            # As it was sent: what it put into a part that is gone is not in the document, and so not in what that tells of it.
            self._write_down(self._incoming)
            self.create_task(self._rescue.restore())
        else:
            self._write_down(event.update)
        if self._update_lock.locked():
            return  # it is the room itself that notes something
        self._active()
        self._changes += 1
        self._has_typed = True
        states = [state for state in self.awareness.states.values() if state]
        if not states or any(state.get("autosave", True) for state in states):
            self._keep_saved()

    def _write_down(self, update: bytes) -> None:
        """Append an update to the history; all of the document where something is missing there."""
        if self._is_complete and self._generation == self._past.generation:
            # What the room itself does is nobody's, though it may do so in a task that someone's typing has begun.
            edit = None if self._update_lock.locked() else current_edit(self._past, self._room_id)
            self._is_complete = bool(self._past.add(self._room_id, update, edit, self._rescue.doing))
            if not self._is_complete:
                self._notices.tell(NOT_KEPT, self._file.path, self._past.failure)
        if not self._is_complete or self._generation != self._past.generation:
            self._complete()

    def _complete(self, seconds: float = 0) -> None:
        """Write all of the document down in so many seconds, unless that is about to happen.

        Not at once: while someone is told of a change of a document, all of it cannot be had.
        """

        async def complete() -> None:
            pause = seconds
            while not self._is_complete or self._generation != self._past.generation:
                await asyncio.sleep(pause)
                await self._write_whole()
                pause = RETRY_SECONDS  # where the disk is full it is not tried again at each keystroke

        if self._completing is None or self._completing.done():
            self._completing = asyncio.create_task(complete())

    async def _write_whole(self) -> None:
        generation, state = self._generation, self.ydoc.get_state()
        number = await self._past.add_slowly(self._room_id, self.ydoc.get_update())
        missed = self.ydoc.get_update(state)  # what came meanwhile
        self._is_complete = bool(number and (missed == NOTHING or self._past.add(self._room_id, missed)))
        self._generation = self._past.generation
        if generation:
            self._rescue.lately.begin_again(number, generation < self._generation, self._has_typed)
        if not self._is_complete:
            self._notices.tell(NOT_KEPT, self._file.path, self._past.failure)
        elif 0 < generation < self._generation:
            self._past.visit(self._room_id, SERVER_SESSION)
            # Nothing is known there of what the file holds, so it is written.
            self._set_on_disk(OnDisk(self._on_disk.hash, 0))
            self._written, self._changes = None, self._changes + 1
            if self._past.failure:
                self._notices.tell(NOT_KEPT, self._file.path, self._past.failure)
            elif self._past.lost:
                self._notices.tell(BEGUN_ANEW, self._file.path, self._past.lost)
            self._keep_saved()

    async def _broadcast_updates(self) -> None:
        """Send to everyone what has happened. What has come together meanwhile is one message.

        Else many people who type make as many messages for each of them, which the server cannot send from some number of people on;
        what they see is then later and later.
        """
        async with self._update_receive_stream as stream:
            async for update in stream:
                updates = [update]
                with contextlib.suppress(WouldBlock, EndOfStream):
                    while True:
                        updates.append(stream.receive_nowait())
                message = create_update_message(merge_updates(*updates) if len(updates) > 1 else update)
                began = time.thread_time()
                for client in list(self.clients):
                    await client.send(message)  # which does not wait for the client
                took = time.thread_time() - began
                await asyncio.sleep(took / SHARE_OF_SENDING - took)

    def _on_awareness(self, topic: str, event: tuple[dict[str, list[int]], Any]) -> None:
        """Take someone who moves for someone at work. A tab that is only there tells the same again and again."""
        for client in [*event[0]["added"], *event[0]["updated"]] if topic == "change" else []:
            state = self.awareness.states.get(client)
            if self._told.get(client, state) != state:
                self._active()
            self._told[client] = state

    # Saving

    def _keep_saved(self) -> None:
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._save_until_quiet())

    async def _save_until_quiet(self) -> None:
        if self._save_delay is None:
            return
        pause = min(self._save_delay, LONGEST_SAVE_DELAY)
        while self._saved_changes < self._changes:
            await asyncio.sleep(pause)
            began = time.process_time()
            # What has begun is brought to its end also where the room ends: else nobody knew what the file holds.
            saved = await asyncio.shield(self._background(self.flush()))
            took = (time.process_time() - began) / SHARE_OF_SAVING
            pause = min(self._save_delay, LONGEST_SAVE_DELAY) if saved else LONGEST_SAVE_DELAY
            pause = max(pause, min(took, LONGEST_SAVE_DELAY_OF_LARGE))

    def _background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)
        return task

    def _save_to_disc(self) -> asyncio.Task[None]:
        """Save now, as someone has asked for it, whom the task tells by an error that it could not be done."""
        return asyncio.create_task(self._save_by_hand())

    async def _save_by_hand(self) -> None:
        if not await self.flush(by_hand=True):
            raise OSError(f"{self._file.path} could not be saved")

    async def flush_changes(self) -> None:
        """Restore text that was removed unseen, write the document into its file if it does not hold it, and any copy to its end."""
        await self._rescue.restore()
        if self.ready and self._saved_changes < self._changes:
            await self.flush()
        async with self._writing:
            pass  # who follows the file, and keeps what it no longer holds, has done so

    async def flush(self, by_hand: bool = False) -> bool:
        """Write the document into its file. Returns whether the file holds it now; why not is in the log, and people are told."""
        async with self._writing:
            try:
                return await self._write(by_hand)
            except Unfinished:
                return False
            except Exception as error:
                self.log.error("Error saving file: %s: %r", self._document.path, error, exc_info=error)
                self._emit(LogLevel.ERROR, None, f"Error saving file: {self._document.path}\n{error!r}")
                if (
                    not says_gone(error) and not self._file.is_gone
                ):  # which is told as soon as it is seen, whether someone types or not
                    self._notices.tell_once(NOT_SAVED, self._file.path, _reason_of(error))
                return False

    async def _write(self, by_hand: bool) -> bool:
        for _attempt in range(ATTEMPTS):
            changed, number, state, content = await self._snapshot()
            digest = await asyncio.to_thread(fingerprint, content)
            if digest == self._written and not by_hand:
                self._saved_changes = changed  # it was nothing that the file holds
                number = await self._mark_saved(changed, number)
                # A file that was written to its end holds what the document is by now.
                if not self._on_disk.writing:
                    self._set_on_disk(replace(self._on_disk, last_update=number, state=state, more=None))
                return True
            self._set_on_disk(replace(self._on_disk, writing=number))
            data = await self._form.bytes_slowly(content, self._found)
            try:
                saved = await self._file.write(content, data, self._found, self._file_format, self._file_type)
            except OutOfBandChanges:
                self._set_on_disk(replace(self._on_disk, writing=0))
                await self._take_over()
                continue
            except Exception:
                if not await self._file.may_be_cut_off(self._found):
                    self._set_on_disk(replace(self._on_disk, writing=0))
                raise
            self._notices.settle(self._file.path)
            before = self._found.data or b""
            if data is not None and await asyncio.to_thread(encoding_changes, before, data):
                self._notices.tell(ENCODED, self._file.path)
            number = await self._mark_saved(changed, number, saved.hash)
            self._set_on_disk(OnDisk(saved.hash, number, state), saved)
            self._saved_changes, self._written = changed, digest
            # Nobody undoes anything by the server's own copy: people do so in their tabs. But it remembers each change for it.
            self._document.undo_manager.clear()
            self._emit(LogLevel.INFO, "save", "Content saved.")
            for room, tell in list(self._file._subscriptions.items()):
                if room != self._room_id:
                    self.create_task(tell())
            return True
        raise OSError("someone else writes the file again and again")

    async def _mark_saved(self, changed: int, number: int, hash_: str = "") -> int:
        """Tell people's pages that the file holds the document up to an update. Returns that, or ours if nothing else has come."""
        async with self._update_lock:
            quiet = number == self._past.last(self._room_id)
            self._document.dirty = changed < self._changes
            if hash_:
                self._document.hash = hash_
            return self._past.last(self._room_id) if quiet else number

    async def _snapshot(self) -> tuple[int, int, bytes | None, Any]:
        """Return the number of changes so far, where the history is then (see `_place`), and the content."""
        for _attempt in range(ATTEMPTS):
            seen = self._changes
            content = await self._document.aget()  # lets others at work, and so the document change
            if seen == self._changes:
                return seen, *self._place(), content
        return self._changes, *self._place(), self._document.get()

    def _place(self) -> tuple[int, bytes | None]:
        """Return the number of the last update in the history, and the document itself where the history does not hold all of it."""
        return self._past.last(self._room_id), None if self._is_complete else self.ydoc.get_update()

    def _set_on_disk(self, on_disk: OnDisk, found: Found | None = None) -> None:
        self._on_disk, self._found = on_disk, found or self._found
        self._past.set_on_disk(self._room_id, on_disk)

    # What others do to the file

    async def _on_outofband_change(self) -> None:
        """Follow what someone else has done to the file, to the end also where the watching of the file is stopped."""
        await asyncio.shield(self._background(self._follow_file()))

    async def _follow_file(self) -> None:
        """Merge what someone else has written, tell people if the file is gone."""
        if not self.ready:
            self._file.forget()  # there is no document to merge it into yet; the change is told again
            return
        async with self._writing:
            try:
                await self._take_over()
            except Unfinished:
                self._file.forget()
                return
            except Exception as error:
                if says_gone(error):
                    self.log.warning("%s is not there any more", self._document.path)
                    self._notices.tell_once(GONE, self._file.path)
                else:  # half written, most likely: there will be another change
                    self.log.warning("%s cannot be read: %r", self._document.path, error)
                    if not isinstance(error, HTTPError) or error.status_code != 400:
                        self._file.forget()
                return
        if self._saved_changes < self._changes:
            self._keep_saved()
        else:
            self._notices.settle(self._file.path)

    async def _take_over(self) -> None:
        """Read the file and merge it into the document."""
        found = await self._find()
        if found.hash == self._found.hash:
            return
        path = self._document.path
        for _attempt in range(ATTEMPTS):
            aside = await self._look_aside(found)
            if aside is None or aside.fits(self._document, self._past.generation):
                break
        else:
            aside = None
        async with self._update_lock:
            is_as_then = aside is None or aside.taken.changes == self._changes
            merged, lost = self._follow(found, aside)
            if aside:
                is_in, written = aside.is_in and is_as_then, aside.written
            else:
                is_in, written = self._form.holds(found, self._document), None
            if is_in:
                self._set_on_disk(OnDisk(found.hash, *self._place()), found)
                self._written = written or fingerprint(self._document.get())
                if self._document.dirty:
                    self._document.dirty = False
            else:
                self._changes, self._written = self._changes + 1, None
        self.log.info("%s was written from outside", path)
        self._emit(LogLevel.INFO, "overwrite", "The file was written from outside.")
        if lost is not None:
            await self._rescue.keep(lost)
        elif merged.had_more and self.clients:
            self._notices.tell(MERGED, path)

    async def _look_aside(self, found: Found) -> Aside | None:
        """Work out what becomes of the document with a large file, while others go on; None where that is done at once."""
        if not self._form.is_ours or found.data is None or len(found.data) < LARGE:
            return None
        taken = Taken(self._changes, self._past.generation, self._place(), not self._has_no_base)
        if len(found.data) >= apart.LARGE and (aside := await self._look_apart(taken, found)):
            return aside
        # Each of these steps takes its time with a large document, and others are at work in theirs.
        taken = Taken(self._changes, self._past.generation, self._place(), not self._has_no_base)
        people = self.ydoc.get_update()
        await asyncio.sleep(0)
        base = self._base() if taken.is_known else Base([people], [], is_known=False)
        content = await self._content_slowly(found, await asyncio.to_thread(base.likeness, self._kind))
        return await asyncio.to_thread(follow_aside, self._form, taken, people, base, found, content)

    async def _look_apart(self, taken: Taken, found: Found) -> Aside | None:
        """Work that out in another process; None where that is not possible."""
        path, manager = self._past.path, self._file._contents_manager
        signer = saving.signer_of(manager)
        is_kept = taken.place[1] is None and self._generation == taken.generation
        if path is None or signer is None or not is_kept or not taken.is_known:
            return None
        job = apart.Job(path, self._room_id, taken, self._on_disk, self._form, found, signer)
        try:
            return await apart.follow_apart(job, partial(saving.is_signed, manager))
        except (OSError, ValueError, EOFError, pickle.UnpicklingError) as error:
            self.log.warning("%s is merged by the server itself: %r", self._file.path, error)
            return None

    def _follow(self, found: Found, aside: Aside | None) -> tuple[Merged, Lost | None]:
        """Merge the content of the file, in one go, so that nobody types in between. aside: what is known of the outcome.

        Returns what came of it, and what people had where some of that is nowhere any more.
        """
        if aside is not None:
            return self._follow_as_seen(found, aside)
        place, base = self._place(), self._base()
        with self._rescue.before(*place, self.ydoc.get_update()) as before:
            followed = follow(
                self._form,
                self._document,
                base,
                found,
                lambda was: self._file.content_of(found, self._file_format, self._file_type, likeness(was)),
            )
        self._note(found, followed, place, base.is_known)
        self._has_typed = False
        return followed.merged, self._rescue.lost(before, followed.merged)

    def _follow_as_seen(self, found: Found, aside: Aside) -> tuple[Merged, Lost | None]:
        """Do the same with what was worked out aside. What people have typed meanwhile stays."""
        taken = aside.taken
        has_typed = taken.changes != self._changes
        unseen = aside.unseen(self._document, self._past.last(self._room_id)) if has_typed else None
        with self._rescue.before(*self._place(), aside.people) as before:
            self.ydoc.apply_update(aside.followed.update)
        self._note(found, aside.followed, taken.place, taken.is_known)
        self._has_typed = has_typed
        return aside.followed.merged, self._rescue.lost(before, aside.followed.merged, unseen)

    def _note(
        self, found: Found, followed: Followed, place: tuple[int, bytes | None], is_known: bool
    ) -> None:
        """Note what the file holds of the document. place: where the history was before; is_known: whether it was known what the file held."""
        if not self.ready and followed.update != NOTHING:  # else it is written down as what people type is
            self._write_down(followed.update)
        if followed.more is None or not is_known:
            on_disk = OnDisk(found.hash, *place, more=followed.more)
        else:
            before = [] if self._on_disk.more is None else [self._on_disk.more]
            more = merge_updates(*before, followed.more)
            on_disk = replace(self._on_disk, hash=found.hash, writing=0, more=more)
        self._set_on_disk(on_disk, found)

    def _take_in(self, message: bytes) -> bool:
        """Take in an update, so that what it was when it was sent is known meanwhile. Returns whether the message has been dealt with."""
        if message[0] != YMessageType.SYNC or message[1] == YSyncMessageType.SYNC_STEP1:
            return False
        self._incoming = read_message(message[2:])
        try:
            if self._incoming != NOTHING:
                self.ydoc.apply_update(self._incoming)
        finally:
            self._incoming = None
        return True

    async def _model_of(self, content: Any) -> dict[str, Any]:
        """Return what has the contents manager write some content as the file has it."""
        data = await self._form.bytes_slowly(content, self._found)
        if data is None:
            return self._file.model_of(content, None, self._file_format, self._file_type)
        return copies.model_of(data)

    # Coming and going

    async def serve(self, channel: Channel) -> None:
        """Serve someone, unless they come back to a document of another history, with which theirs would not merge."""
        # From then on everyone gets what is typed; releases before 3 of jupyter-server-ydoc have only the other event.
        observed: Any = getattr(self, "ydoc_observed", self.ready_event)
        try:
            async with asyncio.timeout(START_SECONDS):
                await observed.wait()
        except TimeoutError:
            self.log.error("The document %s did not open within %s s", self._room_id, START_SECONDS)
            channel.close(1003, json.dumps(NOT_OPENED))  # type: ignore[attr-defined]
            return
        session = channel.get_query_argument("sessionId", "")  # type: ignore[attr-defined]
        if session == SERVER_SESSION or self._past.has_visited(self._room_id, session):
            self._past.visit(self._room_id, SERVER_SESSION)
            self._notices.tell_newcomers(self._file.path)
            with editing_as(getattr(channel, "current_user", None)):
                await super().serve(channel)
            return
        self.clients.add(channel)  # so that the room is tidied up after them
        channel.close(1003, json.dumps(UNKNOWN_SESSION))  # type: ignore[attr-defined]
        async for _message in channel:
            pass
        self.clients.discard(channel)

    async def stop(self) -> None:
        """End the room, with its file written."""
        for waiting in (self._keeping, self._completing):
            if waiting is not None:
                waiting.cancel()
        await self.flush_changes()
        if self.started.is_set():  # else what has not begun yet would not end
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS):
                    await self._begun.wait()
        await super().stop()


def _reason_of(error: Exception) -> str:
    """Return why something could not be done, for people."""
    if isinstance(error, HTTPError):
        return error.log_message or error.reason or str(error)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
