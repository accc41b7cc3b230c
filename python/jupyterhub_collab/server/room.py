# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a document that people have open, so that nothing they type is lost.

Replaces `jupyter_server_ydoc.rooms.DocumentRoom`, and how it loads, saves and closes a document:

- An update is written to the history before anyone else gets it. A restarted server continues from there.
- A change is saved a moment later, even while more changes keep arriving.
- What many people type at once is sent to each of them as one message.
- A file that another program wrote is merged with what people typed since it was last read or written.

`file_identity` knows which file belongs to the document, and `file_on_disk` what the file holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import EndOfStream, WouldBlock
from jupyter_server_ydoc import rooms
from jupyter_server_ydoc.utils import SERVER_SESSION, LogLevel, OutOfBandChanges
from jupyter_ydoc import YNotebook, ydocs
from jupyter_ydoc.ybasedoc import YBaseDoc
from pycrdt import (
    Subscription,
    TransactionEvent,
    YMessageType,
    YSyncMessageType,
    create_sync_message,
    create_update_message,
    merge_updates,
    read_message,
)
from tornado.web import HTTPError

from ..patches.server import saving
from ..within import within
from . import apart, chats, copies, running
from .awareness import SENDER, PassingOn
from .editing import current_edit, editing_as
from .file_content import Found
from .file_on_disk import File, Unfinished, says_gone
from .fingerprint import fingerprint
from .following import LARGE, NOTHING, Aside, Base, Followed, Form, Taken, follow, follow_aside
from .history import RETRY_SECONDS, History, OnDisk
from .lately import text_of
from .merge import Merged, is_cut_off, likeness, lines_of
from .merge_notebook import name_repeated_cells
from .notices import (
    BEGUN_ANEW,
    ENCODED,
    GONE,
    MERGED,
    NOT_KEPT,
    NOT_READ,
    NOT_SAVED,
    Notices,
)
from .reports import counts
from .rescue import Lost, Rescue
from .text_bytes import encoding_changes
from .watching import VIEWER
from .yjs_update import added, clocks_after, clocks_of

if TYPE_CHECKING:
    from pycrdt import Channel

# A document is saved at most this many seconds after its first unsaved change, ...
LONGEST_SAVE_DELAY = 4
# ... unless saving would take more than this share of a processor's time. Then a save may wait for this many seconds.
SHARE_OF_SAVING = 0.04
LONGEST_SAVE_DELAY_OF_LARGE = 15
# Sending takes at most about this share of a processor's time. Updates that arrive between two messages are sent as one.
SHARE_OF_SENDING = 0.25
# How often an operation is repeated because the document or its file changed in the meantime.
ATTEMPTS = 5
T = TypeVar("T")
# The close reason for which JupyterLab asks the user to reload a document.
UNKNOWN_SESSION = {"reason": "unknown_session", "sessionId": "", "reloadable": True}
# A room that failed to start never becomes ready. Clients that wait for it are told after this many seconds.
START_SECONDS = 30
NOT_OPENED = {
    "reason": "initialization_error",
    "reloadable": True,
    "errorReason": "The document did not open in time. Close it and open it again.",
}


class Room(rooms.DocumentRoom):
    """One document: its file, its content as people have it, and its history. Call `use` before creating a room."""

    _past: History
    _notices: Notices
    _active: Callable[[], None]
    _file: File
    ready: bool

    @classmethod
    def use(cls, past: History, notices: Notices, active: Callable[[], None]) -> None:
        """Set what all rooms of the server share: its history, its notices, and `active`, which is called whenever someone is active."""
        cls._past, cls._notices, cls._active = past, notices, staticmethod(active)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Nobody needs the document's events, and to create one, all of the change would be computed at each keystroke.
        # What a chat observes for itself (its order, and when messages were sent) stays until the room ends.
        YBaseDoc.unobserve(self._document)
        self.ystore = None  # `_past` replaces it
        self._begun = asyncio.Event()  # set once all background tasks have started
        self._writing = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None
        self._changes = 0
        self._saved_changes = 0
        self._is_complete = False  # whether the history holds the whole document, ...
        self._generation = 0  # ... in this generation of the history
        self._completing: asyncio.Task[None] | None = None
        # Clear from when the history lacks something until the first attempt to write it has ended.
        self._tried = asyncio.Event()
        self._tried.set()
        self._on_disk = OnDisk("", 0)
        self._found = Found("")  # what the file held when it was last read or written
        self._written: Any = None  # the fingerprint of the content that the file holds; None if unknown
        self._told: dict[int, Any] = {}  # the last awareness state of each tab
        self._incoming: bytes | None = None  # the update that is being applied, as its author sent it
        # The file's state to record together with the update that is being written.
        self._noting: OnDisk | None = None
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
        self._remembering: Subscription | None = None
        self._clocks: dict[int, int] = {}  # of the document, as far as they are known
        # Everyone who has opened the document since it was loaded, by username.
        self._visitors: dict[str, Any] = {}
        self._has_typed = False  # whether people have typed since the file was last changed from outside
        self._path = self._file.path  # the last one that is known
        self._held: set[str] = set()  # what keeps the document open, besides people
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._passing_on = PassingOn(self)
        self.on_message = self._take_in
        self.awareness.observe(self._on_awareness)

    # Starting

    async def start(self, **options: Any) -> None:
        """Run the room's background tasks, and restart them after an error.

        All rooms of a server share one task group, so an error that leaves this method would end every room.
        """
        while not self._stopped.is_set():
            try:
                await super().start(**options)
            except Exception as error:
                self.log.error(
                    "Restarting document %s after an error: %r", self._room_id, error, exc_info=error
                )
                self._task_group = None
                await asyncio.sleep(RETRY_SECONDS)

    async def _start(self, task_status: Any) -> None:
        await super()._start(task_status)
        self._begun.set()

    # Loading

    async def initialize(self) -> None:
        """Load the document: from its history if there is one, merged with what happened to the file since."""
        if self.ready:
            return
        known = self._past.on_disk(self._room_id)
        found = await self._find_written()
        content, unreadable = None, None
        try:
            content = await self._content_slowly(found)
        except HTTPError as error:
            if known is None:
                self._tell_unreadable(error)
                raise
            unreadable = error  # the file was cut off, or has conflict markers
        if known is not None and known.writing and found.hash != known.hash:
            found = await self._file.with_form_of(known.hash, found)
        async with self._update_lock:
            if self.ready:
                return  # another client has loaded it in the meantime
            own = self.ydoc.get_update()  # what this room has put into its document so far, such as the path
            if known is not None and not self._restore():
                known = None
            if known is None:
                # A server that was killed while it loaded the document may have left a part of it, which no client has seen.
                self._past.forget(self._room_id)
                await self._load(content, found)
                self._remember_all()
            else:
                self._on_disk = known
                if unreadable and not known.writing and not self._has_unsaved:
                    self._tell_unreadable(unreadable)
                    raise unreadable
                self._remember_all(own)
                self._found = found
                await self._rescue.go_on()
                if (lost := await self._resume(known, content, found)) is not None:
                    await self._rescue.keep(lost)
            if self._document.dirty:
                self._document.dirty = False
            self.ready = True
        if isinstance(self._document, YNotebook):
            with self.ydoc.transaction():
                running.say_what_was_killed(self._document)
        await self._rescue.restore()
        if self._past.failure:
            self._notices.tell(NOT_KEPT, self._file.path, self._past.failure)
        elif self._past.lost:
            self._notices.tell(BEGUN_ANEW, self._file.path, self._past.lost)
        self._emit(LogLevel.INFO, "initialize", "Room initialized")
        if self._changes:
            self._keep_saved()

    def _tell_unreadable(self, error: HTTPError) -> None:
        """Tell people why the file cannot be opened. JupyterLab itself shows no reason."""
        self._notices.tell(NOT_READ, self._file.path, str(error.__cause__ or _reason_of(error)))

    async def _load(self, content: Any, found: Found) -> None:
        """Load the document from its file."""
        if content is None:
            raise HTTPError(500, f"{self._file.path} cannot be read, and its history is damaged")
        # Each step takes time with a large document, so let other tasks run in between.
        await self._apply_deterministic_source_content(content)
        await asyncio.sleep(0)
        await self._write_whole()
        await asyncio.sleep(0)
        if not self._is_complete:
            self._complete(RETRY_SECONDS)
        self._set_on_disk(OnDisk(found.hash, *self._place()), found)
        self._written = fingerprint(self._document.get())
        # Otherwise, the first outside change would have to go through the whole history.
        self._rescue.lately.look(text_of(self._document))

    async def _resume(self, known: OnDisk, content: Any, found: Found) -> Lost | None:
        """Continue with the document from the history, and merge what happened to its file since.

        content: the file's; None if it cannot be read. Return what people had if any of it would be lost; None otherwise.
        """
        if content is None and not known.writing:
            self._found = Found("")  # so the file is merged when it can be read again
            self._changes += 1
            return None
        if known.writing and found.hash != known.hash:
            # The server was killed while it wrote the file. The file may be complete or cut off.
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
            if aside is not None and not aside.fits(self._document, self._past.generation):
                aside = None
            lost = self._follow(found, aside or self._look_now(found))[1]
        if unsaved and not await self._form.holds_slowly(found, self._document):
            self._changes += 1
        else:
            self._written = fingerprint(self._document.get())
        return lost

    def _restore(self) -> bool:
        """Restore the document from the history. If the history is damaged, delete it and return False: the file is loaded instead."""
        updates = [content for content, _time in self._past.updates(self._room_id)]
        try:
            if not updates:
                raise ValueError("it is empty")
            self.ydoc.apply_update(merge_updates(*updates))
        except Exception as error:
            self.log.error("The history of %s is damaged (%r): starting a new one", self._file.path, error)
            self._past.forget(self._room_id)
            self._notices.tell(BEGUN_ANEW, self._file.path, "was damaged")
            return False
        self._is_complete, self._generation = True, self._past.generation
        return True

    async def _find(self) -> Found:
        """Return what the file holds. Raises what `File.find` raises."""
        return await self._file.find(self._file_format, self._file_type)

    async def _content_slowly(self, found: Found, like: Any = None) -> Any:
        """Return the content of the file in the form that the document expects. like: the document's `likeness` when the file last held it."""
        return await self._file.content_slowly(found, self._file_format, self._file_type, like)

    async def _find_written(self) -> Found:
        """Return what the file holds, once no other program is writing it."""
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
        """Return the document as the file held it when it was last read or written, as far as that is known, and the updates since."""
        since = self._past.since(self._room_id, self._on_disk.last_update)
        if self._has_no_base:
            return Base([self.ydoc.get_update()], since, is_known=False)
        held = self._past.updates(self._room_id, self._on_disk.last_update)
        has_state = self._on_disk.state is not None
        return Base.of(self._on_disk, [] if has_state else [update for update, _time in held], since)

    @property
    def _has_unsaved(self) -> bool:
        """Whether people have typed something that the file does not hold, as far as that is known."""
        return self._has_no_base or bool(self._kind(self._base().document()).get() != self._document.get())

    @property
    def _has_no_base(self) -> bool:
        """Whether it is unknown what the file held of the document, because a new history has begun."""
        is_there = self._on_disk.last_update and self._generation == self._past.generation
        return self._on_disk.state is None and not is_there

    # What people type

    def _remember_all(self, own: bytes = NOTHING) -> None:
        """From now on, write all changes of the document to the history. Calling this again has no effect.

        own: what this room has changed before and the history lacks. Without it, what the room adds later could not be applied.
        """
        if self._remembering is None:
            self._remembering = self.ydoc.observe(self._remember)
            if own != NOTHING:
                self._write_down(own)

    def _remember(self, event: TransactionEvent) -> None:
        """Write an update to the history, before it is sent to others, and schedule a save that later updates do not postpone."""
        if self._incoming is not None and self._rescue.take_in(event, self._incoming):
            # As it was sent: the document's event lacks what the update put into a part that was already removed.
            self._write_down(self._incoming)
            self.create_task(self._rescue.restore())
        else:
            self._write_down(event.update)
        if self._update_lock.locked():
            return  # the room itself made the change
        self._active()
        self._changes += 1
        self._has_typed = True
        self._keep_saved()

    def _write_down(self, update: bytes) -> None:
        """Append an update to the history. If anything is missing there, write the whole document instead."""
        self._past.look()  # an update alone, in a new history, would be taken for the document
        if self._is_complete and self._generation == self._past.generation:
            # Changes by the room itself belong to no editing session, even in a task that a person's change has started.
            edit = None if self._update_lock.locked() else current_edit(self._past, self._room_id)
            doing, noting = self._rescue.doing, self._noting
            self._is_complete = bool(self._past.add(self._room_id, update, edit, doing, noting))
            if not self._is_complete:
                self._notices.tell(NOT_KEPT, self._file.path, self._past.failure)
        if not self._is_complete or self._generation != self._past.generation:
            self._complete()

    def _complete(self, seconds: float = 0) -> None:
        """Write the whole document to the history after `seconds`, unless that is already scheduled.

        Never at once: while a change of the document is being observed, the whole document cannot be read.
        """

        async def complete() -> None:
            pause = seconds
            while not self._is_complete or self._generation != self._past.generation:
                try:
                    await asyncio.sleep(pause)
                    # A save that has begun would otherwise record too late what the file is.
                    async with self._writing:
                        await self._write_whole()
                finally:
                    self._tried.set()
                pause = RETRY_SECONDS  # on a full disk, do not retry at each keystroke

        if self._completing is None or self._completing.done():
            if not seconds:
                self._tried.clear()
            self._completing = asyncio.create_task(complete())

    async def _write_whole(self) -> None:
        generation, state = self._generation, self.ydoc.get_state()
        number = await self._past.add_slowly(self._room_id, self.ydoc.get_update())
        missed = self.ydoc.get_update(state)  # what arrived in the meantime
        self._is_complete = bool(number and (missed == NOTHING or self._past.add(self._room_id, missed)))
        self._generation = self._past.generation
        if generation:
            self._rescue.lately.begin_again(number, generation < self._generation, self._has_typed)
        if not self._is_complete:
            self._notices.tell(NOT_KEPT, self._file.path, self._past.failure)
        elif 0 < generation < self._generation:
            self._past.visit(self._room_id, SERVER_SESSION)
            # The new history does not know what the file holds, so write the file.
            self._set_on_disk(OnDisk(self._on_disk.hash, 0))
            self._written, self._changes = None, self._changes + 1
            if self._past.failure:
                self._notices.tell(NOT_KEPT, self._file.path, self._past.failure)
            elif self._past.lost:
                self._notices.tell(BEGUN_ANEW, self._file.path, self._past.lost)
            self._keep_saved()

    async def _broadcast_updates(self) -> None:
        """Send updates to all clients. Updates that arrived in the meantime are sent as one message.

        Otherwise, each person who types would cause a message to everyone. Above some number of people, the server could not send them all,
        and would fall further and further behind.
        """
        async with self._update_receive_stream as stream:
            async for update in stream:
                updates = [update]
                with contextlib.suppress(WouldBlock, EndOfStream):
                    while True:
                        updates.append(stream.receive_nowait())
                # Wait until the server has tried once to write what the history lacks.
                await self._tried.wait()
                message = create_update_message(merge_updates(*updates) if len(updates) > 1 else update)
                began = time.thread_time()
                for client in list(self.clients):
                    await client.send(message)  # does not wait for the client
                took = time.thread_time() - began
                await asyncio.sleep(took / SHARE_OF_SENDING - took)

    def _on_awareness(self, topic: str, event: tuple[dict[str, list[int]], Any]) -> None:
        """Count a tab as active when its awareness state changes, as when a cursor moves. An idle tab repeats the same state."""
        for client in [*event[0]["added"], *event[0]["updated"]] if topic == "change" else []:
            state = self.awareness.states.get(client)
            if self._told.get(client, state) != state:
                self._active()
            self._told[client] = state
        for client in event[0]["removed"]:
            self._told.pop(client, None)

    # Saving

    def _keep_saved(self) -> None:
        """Save the document soon, and until the file holds all changes, unless everyone who has it open has turned off saving."""
        states = [state for state in self.awareness.states.values() if state and not state.get(VIEWER)]
        if states and not any(state.get("autosave", True) for state in states):
            return
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._save_until_quiet())

    async def _save_until_quiet(self) -> None:
        if self._save_delay is None:
            return
        pause = min(self._save_delay, LONGEST_SAVE_DELAY)
        while self._saved_changes < self._changes:
            await asyncio.sleep(pause)
            began = time.process_time()
            # Finish a save even if the room stops. Otherwise, nobody would know what the file holds.
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
        """Save now, because a user asked for it. If that fails, the task raises an error, which tells the user."""
        return asyncio.create_task(self._save_by_hand())

    async def _save_by_hand(self) -> None:
        if not await self.flush(by_hand=True):
            raise OSError(f"{self._file.path} could not be saved")

    async def flush_changes(self) -> None:
        """Restore text that was removed unseen, save the document if it has unsaved changes, and finish any copy."""
        await self._rescue.restore()
        if self.ready and self._saved_changes < self._changes:
            await self.flush()
        async with self._writing:
            pass  # wait until an outside change is merged, and what it removed is kept in a copy

    async def flush(self, by_hand: bool = False) -> bool:
        """Save the document. Return whether the file holds it now.

        If not, the reason is logged and people are told, except while another program is still writing the file (nothing) or if the file is
        gone (only logged).

        by_hand: whether a user asked for it. Then an unchanged document is not skipped.
        """
        async with self._writing:
            try:
                return await self._write(by_hand)
            except Unfinished:
                return False
            except Exception as error:
                self.log.error("Error saving file: %s: %r", self._document.path, error, exc_info=error)
                self._emit(LogLevel.ERROR, None, f"Error saving file: {self._document.path}\n{error!r}")
                # People are told about a missing file as soon as that is noticed, even if nobody types.
                if not says_gone(error) and not self._file.is_missing:
                    self._notices.tell_once(NOT_SAVED, self._file.path, _reason_of(error))
                return False

    async def _write(self, by_hand: bool) -> bool:
        for _attempt in range(ATTEMPTS):
            changed, number, state, content = await self._snapshot()
            generation = self._past.generation
            digest = await asyncio.to_thread(fingerprint, content)
            if digest == self._written and not by_hand:
                self._saved_changes = changed  # nothing has changed that the file holds
                number = await self._mark_saved(changed, number)
                # Unless its last write was interrupted, the file holds the current document.
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
            if generation != self._past.generation:
                number = 0  # the new history knows nothing of what was saved
            self._set_on_disk(OnDisk(saved.hash, number, state), saved)
            self._saved_changes, self._written = changed, digest
            if isinstance(self._document, YNotebook) and len(data or b"") >= LARGE:
                # Otherwise, the next outside change would have to go through everything typed since the previous one.
                self._rescue.lately.look(text_of(self._document))
            # Nobody uses the undo manager of the server's copy, because people undo in their tabs. But it keeps every change.
            self._document.undo_manager.clear()
            counts.saves += 1
            self._emit(LogLevel.INFO, "save", "Content saved.")
            for room, tell in list(self._file._subscriptions.items()):
                if room != self._room_id:
                    self.create_task(tell())
            return True
        raise OSError("another program keeps writing the file")

    async def _mark_saved(self, changed: int, number: int, hash_: str = "") -> int:
        """Tell clients that the file holds the document up to update `number`.

        Return that number, or the number of the update that tells them so if no other has arrived in the meantime.
        """
        async with self._update_lock:
            quiet = number == self._past.last(self._room_id)
            self._document.dirty = changed < self._changes
            if hash_:
                self._document.hash = hash_
            return self._past.last(self._room_id) if quiet else number

    async def _snapshot(self) -> tuple[int, int, bytes | None, Any]:
        """Return the number of changes so far, the history's position at that moment (see `_place`), and the content."""
        for _attempt in range(ATTEMPTS):
            seen = self._changes
            content = await self._document.aget()  # other tasks may run, and change the document
            if isinstance(self._document, YNotebook) and len(content["cells"]) < self._document.cell_number:
                # It leaves out a cell that is the same as another one, with the same ID. People see both.
                async with self._update_lock:
                    name_repeated_cells(self._document)
                continue
            if seen == self._changes:
                return seen, *self._place(), content
        return self._changes, *self._place(), self._document.get()

    def _place(self) -> tuple[int, bytes | None]:
        """Return the number of the last update in the history, and the document if the history does not hold all of it; else None."""
        return self._past.last(self._room_id), None if self._is_complete else self.ydoc.get_update()

    def _set_on_disk(self, on_disk: OnDisk, found: Found | None = None) -> None:
        self._on_disk, self._found = on_disk, found or self._found
        self._past.set_on_disk(self._room_id, on_disk)

    # What other programs do to the file

    def _on_filepath_change(self) -> None:
        self._notices.moved(self._path, self._file.path)
        self._path = self._file.path
        super()._on_filepath_change()

    async def _on_outofband_change(self) -> None:
        """Follow a change of the file by another program. Finish even if watching the file is stopped."""
        await asyncio.shield(self._background(self._follow_file()))

    async def _follow_file(self) -> None:
        """Merge what another program has written. Tell people if the file is gone."""
        if not self.ready:
            self._file.forget()  # the document is not loaded yet, so have the change reported again
            return
        async with self._writing:
            try:
                await self._take_over()
            except Unfinished:
                self._file.forget()
                return
            except Exception as error:
                if says_gone(error) and self._file.is_gone:
                    self.log.warning("%s no longer exists", self._document.path)
                    self._notices.tell_once(GONE, self._file.path)
                elif says_gone(error):
                    self._file.forget()  # it may have been moved: report what becomes of it
                else:  # most likely half-written: another change will follow
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
        if not self._found.hash and found.data is not None and found.data == self._found.data:
            # The server's own save, after which the file was moved at once.
            self._set_on_disk(replace(self._on_disk, hash=found.hash), found)
            return
        path = self._document.path
        for _attempt in range(ATTEMPTS):
            aside = await self._look_aside(found)
            if aside is None or aside.fits(self._document, self._past.generation):
                break
        else:
            aside = None
        async with self._update_lock:
            aside = aside or self._look_now(found)
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
        self.log.info("Another program changed %s", path)
        self._emit(LogLevel.INFO, "overwrite", "Another program changed the file.")
        if lost is not None or merged.had_more:
            counts.conflicts += 1
        if lost is not None:
            await self._rescue.keep(lost)
        elif merged.had_more and self.clients:
            self._notices.tell(MERGED, path)

    async def _look_aside(self, found: Found) -> Aside | None:
        """Merge a large file into a copy of the document, while people keep typing.

        Return None if the file is small, only the contents manager knows its bytes, or its type may not be copied.
        """
        if not self._form.is_ours or found.data is None or len(found.data) < LARGE:
            return None
        if (
            len(found.data) >= apart.VERY_LARGE
            and (aside := await self._look_apart(self._taken(), found)) is not None
        ):
            return aside
        taken, people = self._taken(), self.ydoc.get_update()
        # Each step takes time with a large document, so let other tasks run in between.
        await asyncio.sleep(0)
        base = self._base() if taken.is_known else Base([people], [], is_known=False)
        content = await self._content_slowly(found, await asyncio.to_thread(base.likeness, self._kind))
        return await asyncio.to_thread(follow_aside, self._form, taken, people, base, found, content)

    def _taken(self) -> Taken:
        return Taken(self._changes, self._past.generation, self._place(), not self._has_no_base)

    async def _look_apart(self, taken: Taken, found: Found) -> Aside | None:
        """Merge a large file in another process. Return None if that is not possible."""
        path, manager = self._past.path, self._file._contents_manager
        signer = saving.signer_of(manager)
        is_kept = taken.place[1] is None and self._generation == taken.generation
        if path is None or signer is None or not is_kept or not taken.is_known:
            return None
        job = apart.Job(path, self._room_id, taken, self._on_disk, self._form, found, signer)
        try:
            return await apart.follow_apart(job, partial(saving.is_signed, manager))
        except Exception as error:
            self.log.warning("%s is merged in the server's own process: %r", self._file.path, error)
            return None

    def _look_now(self, found: Found) -> Aside | None:
        """Merge a file into a copy of the document at once. Return None if its type may not be copied."""
        if not self._form.is_ours:
            return None
        people, base = self.ydoc.get_update(), self._base()
        like = base.likeness(self._kind)
        content = self._file.content_of(found, self._file_format, self._file_type, like)
        return follow_aside(self._form, self._taken(), people, base, found, content)

    def _follow(self, found: Found, aside: Aside | None) -> tuple[Merged, Lost | None]:
        """Merge the content of the file in one step, so that nobody types in between.

        aside: the merge with a copy of the document, if there was one. Return the result, and what people had if any of it would be lost.
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
        self._set_on_disk(self._noted(found, followed, place, base.is_known), found)
        self._has_typed = False
        return followed.merged, self._rescue.lost(before, followed.merged)

    def _follow_as_seen(self, found: Found, aside: Aside) -> tuple[Merged, Lost | None]:
        """Apply the merge with a copy of the document. What people have typed in the meantime stays."""
        taken, update = aside.taken, aside.followed.update
        has_typed = taken.changes != self._changes
        unseen = aside.unseen(self._document, self._past.last(self._room_id)) if has_typed else None
        on_disk = self._noted(found, aside.followed, taken.place, taken.is_known)
        with self._rescue.before(*self._place(), aside.people) as before:
            # Record both in one transaction. Otherwise, a killed server would merge the file again, and what the program added would appear
            # twice.
            self._noting = on_disk
            try:
                self.ydoc.apply_update(update)
            finally:
                self._noting = None
        self._set_on_disk(on_disk, found)
        self._has_typed = has_typed
        return aside.followed.merged, self._rescue.lost(before, aside.followed.merged, unseen)

    def _noted(
        self, found: Found, followed: Followed, place: tuple[int, bytes | None], is_known: bool
    ) -> OnDisk:
        """Return what the file holds of the document after a merge.

        place: the history's position before the merge. is_known: whether it was known what the file held before.
        """
        if followed.more is None or not is_known:
            return OnDisk(found.hash, *place, more=followed.more)
        before = [] if self._on_disk.more is None else [self._on_disk.more]
        more = merge_updates(*before, followed.more)
        return replace(self._on_disk, hash=found.hash, writing=0, more=more)

    def _take_in(self, message: bytes) -> bool:
        """Apply an update from a client, and remember it as it was sent while it is applied. Return whether the message was handled."""
        if message[0] == YMessageType.AWARENESS:
            self._passing_on.take(message, SENDER.get())
            return True
        if message[0] != YMessageType.SYNC or message[1] == YSyncMessageType.SYNC_STEP1:
            return False
        update = read_message(message[2:])
        is_chat = self._file_type == chats.TYPE
        after = self._clocks_after(update) if message[1] == YSyncMessageType.SYNC_UPDATE or is_chat else {}
        if is_chat and after is not None and not self._may_chat(update):
            return True
        if after is None:
            # Its author typed after coming back, and before telling what the server had missed. pycrdt would show some of it at once, but report
            # it only with the rest. Meanwhile, it would be in the file, but not in the history.
            if channel := SENDER.get():
                self.create_task(channel.send(create_sync_message(self.ydoc)))
            return True
        self._incoming = update
        try:
            if self._incoming != NOTHING:
                self.ydoc.apply_update(self._incoming)
        finally:
            self._incoming = None
        self._clocks |= after
        return True

    def _may_chat(self, update: bytes) -> bool:
        """Return whether a client can bring an update into a chat. If not, have its page load the chat again."""
        channel: Any = SENDER.get()
        person = getattr(channel, "current_user", None)
        if update == NOTHING or chats.may_apply(self.ydoc, update, person, self._visitors.values()):
            return True
        self.log.warning(
            "Refused what %s sent to the chat %s: it would change what others have written, or who they are",
            getattr(person, "username", "someone"),
            self._file.path,
        )
        if channel is not None:
            channel.close(1003, json.dumps(UNKNOWN_SESSION))
        return False

    def _clocks_after(self, update: bytes) -> dict[int, int] | None:
        """Return the clocks of an update's authors after it; None if the document lacks something that it builds on."""
        try:
            after = clocks_after(self._clocks, update)
            if after is None:
                # Read them only if needed: a document has as many as there were tabs that changed it.
                self._clocks = clocks_of(self.ydoc.get_state())
                after = clocks_after(self._clocks, update)
        except ValueError:
            return {}  # content of an unknown kind
        return after

    async def _model_of(self, content: Any) -> dict[str, Any]:
        """Return the model with which the contents manager writes some content in the format of the file."""
        data = await self._form.bytes_slowly(content, self._found)
        if data is None:
            return self._file.model_of(content, None, self._file_format, self._file_type)
        return copies.model_of(data)

    # What the kernel outputs

    @property
    def notebook(self) -> YNotebook | None:
        """The document, if it is a notebook that has been loaded."""
        return self._document if self.ready and isinstance(self._document, YNotebook) else None

    def hold(self, name: str) -> None:
        """Keep the document open, even if nobody has it open, until `release` is called with the same name."""
        self._held.add(name)
        self._quiet.clear()

    def release(self, name: str) -> None:
        self._held.discard(name)
        if not self._held:
            self._quiet.set()

    async def until_quiet(self) -> None:
        """Wait until nothing but people keeps the document open."""
        await self._quiet.wait()

    async def change(self, change: Callable[[YNotebook], None]) -> None:
        """Change the notebook in one transaction. This is written to the history, sent and saved like what people type.

        It is for what nobody types, such as output: what others remove of it is not restored.
        """
        async with self._update_lock:
            pass  # while it is held, changes count as those of the room itself
        if self.notebook is not None and not self._stopped.is_set():
            before = self.ydoc.get_state()
            with self.ydoc.transaction():
                change(self.notebook)
            self._rescue.nobody_typed(added(before, self.ydoc.get_state()))

    # Clients

    async def serve(self, channel: Channel) -> None:
        """Serve a client, unless it resumes a document with another history, with which the client's document would not merge."""
        # Once this event is set, clients get each other's updates. Releases of jupyter-server-ydoc before 3 have only `ready_event`.
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
            person = getattr(channel, "current_user", None)
            if person is not None:
                self._visitors[person.username] = person
            with editing_as(person), within(SENDER, channel):
                await super().serve(channel)
            return
        self.clients.add(channel)  # so that the room is cleaned up afterwards
        channel.close(1003, json.dumps(UNKNOWN_SESSION))  # type: ignore[attr-defined]
        async for _message in channel:
            pass
        self.clients.discard(channel)

    async def stop(self) -> None:
        """Save the document and stop the room."""
        self._passing_on.stop()
        for waiting in (self._keeping, self._completing):
            if waiting is not None:
                waiting.cancel()
        await self.flush_changes()
        self._notices.settle(self._file.path)  # those who open it next are told what is the case then
        if self.started.is_set():  # background tasks that have not started yet would not be stopped
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS):
                    await self._begun.wait()
        await super().stop()


def _reason_of(error: Exception) -> str:
    """Return the reason for an error, in words for people."""
    if isinstance(error, HTTPError):
        return error.log_message or error.reason or str(error)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
