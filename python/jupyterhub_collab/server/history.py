# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the history of one server's documents: every change is written to it before anyone else sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from logging import Logger
from pathlib import Path
from typing import Any
from uuid import uuid4

from pycrdt import Doc

SCHEMA = """
    create table if not exists updates (
        id integer primary key, document text not null, time real not null, content blob not null, edit integer,
        parts text
    );
    create table if not exists parts (id integer primary key, update_ text not null, content blob not null);
    create index if not exists parts_of on parts (update_);
    create table if not exists edits (
        id integer primary key, document text not null, username text not null, began real not null, session text not null
    );
    create index if not exists updates_of on updates (document, id);
    create table if not exists documents (
        document text primary key, hash text not null, last_update integer not null, state blob,
        writing integer not null, opened real not null, more blob
    );
    create table if not exists copies (document text primary key, last_update integer not null) without rowid;
    create table if not exists due (
        id integer primary key, document text not null, is_copy integer not null, last_update integer not null, state blob
    );
    create table if not exists sessions (session text primary key, version text not null, started real not null);
    create table if not exists visits (document text, session text, primary key (document, session)) without rowid;
    create table if not exists colours (username text primary key, colour text not null);
"""
FORMAT = 3  # of the database, as its `user_version`
# The statements that upgrade a database from a format to the next one.
UPGRADES = {
    1: "alter table updates add column edit integer; alter table updates add column parts text;",
    2: "alter table documents add column more blob;",
}
# A large update is written in parts of this size, with other updates in between: written at once, it would make everyone wait.
PART_BYTES = 1_000_000
ROW_BYTES = 12_000  # what a short row adds to the journal (WAL): the pages that change with it
# If the database cannot be written, the server tries again after this many seconds.
RETRY_SECONDS = 5
# The factor by which a document's updates must have grown before they are combined again.
WORTH_FOLDING = 1.25
# When the journal has this size, it is moved to the database (a checkpoint). A thread does this, because it waits for the disk.
JOURNAL_BYTES = 4_000_000
# How often a checkpoint is repeated at once because of a write in the meantime: only if there was none does the journal start anew.
ATTEMPTS = 5
# If constant writes make the journal larger than this, the next write also moves it, and waits for the disk.
MOST_JOURNAL_BYTES = 4 * JOURNAL_BYTES
# A page that returns to a document after this time must reload it, so that older history can be deleted.
KEPT_SECONDS = 14 * 86400
NO_LIMIT = 2**62


@dataclass(frozen=True)
class OnDisk:
    """What the server last knew about a document's file.

    hash: of the file.
    last_update: the number of the last update that the file held; it held all updates before, too.
    state: the document at that update, if the history does not have it.
    writing: the number of the last update of a write that has begun; 0 once the write has finished.
    more: what the file held besides, as an update, because another program had changed it.
    """

    hash: str
    last_update: int
    state: bytes | None = None
    writing: int = 0
    more: bytes | None = None


@dataclass(frozen=True)
class Edit:
    """An editing session: the part of a document's history that one person made through one connection.

    began, ended: the times of its first and its last update, in seconds since the epoch.
    updates: how many there are.
    """

    number: int
    username: str
    began: float
    ended: float
    updates: int


@dataclass(frozen=True)
class Change:
    """An update of a document.

    time: in seconds since the epoch. is_typed: whether a person made it; otherwise the server did, for example to follow the file.
    """

    number: int
    update: bytes
    time: float
    is_typed: bool


@dataclass(frozen=True)
class Due:
    """Work that a document still needs. If the server is killed first, it does this work when the document is opened again.

    If `is_copy`: keep what people had after update `last_update` in a copy, if any of it is gone. `state` is what they had, if the
    history's updates do not hold all of it. Otherwise: restore the text that the next update removed, or that arrived too late with it.
    """

    number: int
    is_copy: bool
    last_update: int
    state: bytes | None


class History:
    """The updates of all documents of a server, in its own SQLite database.

    A write is synchronous: it takes about 20 microseconds, longer if it has to move an oversized journal, and survives the end of the
    process, however sudden.

    Methods never raise. If the disk fails, people continue with what is in memory, and `failure` says why. If the database is damaged, or
    of a newer version, it is kept next to a new one; if it is deleted while it is open, a new one begins. `lost` says so. A change of
    `generation` tells documents that they hold more than the new database, and must be written to it completely.
    """

    def __init__(self, directory: Path, log: Logger) -> None:
        self.log = log
        self.failure = ""
        self.lost = ""
        self.generation = 0
        self._path = directory / "documents.db"
        self._session: tuple[str, str] | None = None
        self._is_on_disk = False
        self._retry = 0.0
        self._unfinished: set[str] = set()
        self._journal = 0  # about how large it is, in bytes
        self._checkpoint: threading.Thread | None = None
        # Set if the journal exceeds MOST_JOURNAL_BYTES despite a checkpoint.
        self._is_behind = threading.Event()
        # The size in bytes of documents' updates after they were last combined.
        self._folded: dict[str, int] = {}
        self._begin()
        self._forget_parts()

    def _begin(self) -> None:
        """Open the database, or one in memory if the disk cannot be used."""
        self.generation += 1
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = self._open(str(self._path))
            self._inode = os.stat(self._path).st_ino
            self._is_on_disk = True
        except (OSError, sqlite3.Error) as error:
            self._failed(f"{self._path.parent} cannot be used ({error})")
            self._db = _connect(":memory:")
            self._is_on_disk = False
            self._retry = time.monotonic() + RETRY_SECONDS
        if self._session:
            self.begin_session(*self._session)

    def _open(self, path: str) -> sqlite3.Connection:
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise  # a missing directory, a full disk, a lock: nothing is wrong with the file
            self._set_aside(error)
            return _connect(path)

    def _set_aside(self, error: sqlite3.Error) -> None:
        what = error if isinstance(error, NewerFormat) else "damaged"
        aside = f"{self._path}.{what}-{time.strftime('%Y%m%d-%H%M%S')}"
        while os.path.lexists(aside):  # from the same second
            aside += "-again"
        newer = isinstance(error, NewerFormat)
        self.lost = "was written by a newer version of the collection" if newer else "was damaged"
        self.log.error(
            "The document history in %s %s (%s). It is kept as %s", self._path, self.lost, error, aside
        )
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"{self._path}{suffix}", aside + suffix)

    def look(self) -> None:
        """Check that the database is still in its place, and begin a new one if it is not."""
        if not self._is_on_disk:
            if time.monotonic() >= self._retry:
                self._db.close()
                self._begin()
            return
        try:
            is_there = os.stat(self._path).st_ino == self._inode
        except OSError:
            is_there = False
        if not is_there:
            self.lost = "was deleted or replaced"
            self.log.error("The document history in %s %s. Starting a new one", self._path, self.lost)
            self._begin_again()

    def _begin_again(self) -> None:
        colours = self.colours()
        self._db.close()
        self._begin()
        for username, colour in colours.items():
            self.set_colour(username, colour)

    @property
    def path(self) -> Path | None:
        """The path of the database; None while it is only in memory."""
        return self._path if self._is_on_disk else None

    # One document

    def add(
        self,
        document: str,
        update: bytes,
        edit: int | None = None,
        done: Sequence[int] = (),
        on_disk: OnDisk | None = None,
    ) -> int:
        """Append an update of a document. Return its number; 0 if it could not be written.

        edit: the number of the editing session that made it. done: the numbers of the due work that this update completes.
        on_disk: what the document's file is, if the update follows from it. A killed server has recorded both, or neither.
        """
        self.look()
        row = "insert into updates (document, time, content, edit) values (?, ?, ?, ?)"
        noted = None if on_disk is None else (document, on_disk)
        return self._insert(row, (document, time.time(), update, edit), done, noted)

    async def add_slowly(self, document: str, update: bytes) -> int:
        """Append an update that may be large, such as a whole document, while other updates are written, too. Return what `add` returns."""
        if len(update) <= PART_BYTES:
            return self.add(document, update)
        self.look()
        generation, name = self.generation, uuid4().hex
        self._unfinished.add(name)
        try:
            for start in range(0, len(update), PART_BYTES):
                row = "insert into parts (update_, content) values (?, ?)"
                part = self._insert(row, (name, update[start : start + PART_BYTES]))
                if not part or self.generation != generation:
                    return 0
                await asyncio.sleep(0)
            row = "insert into updates (document, time, content, parts) values (?, ?, '', ?)"
            number = self._insert(row, (document, time.time(), name))
            self._begin_checkpoint()  # otherwise, most of it would stay on the disk twice, in the journal and in the database
            return number
        finally:
            self._unfinished.discard(name)

    def begin_edit(self, document: str, username: str) -> int:
        """Record that an editing session of a document begins. Return its number; 0 if it could not be written."""
        row = "insert into edits (document, username, began, session) values (?, ?, ?, ?)"
        session = self._session[0] if self._session else ""
        return self._insert(row, (document, username, time.time(), session))

    def edits(self, document: str) -> list[Edit]:
        """Return the editing sessions that changed a document, in order."""
        rows = """select edits.id, username, min(time), max(time), count(*) from updates join edits on edits.id = edit
                  where updates.document = ? group by edits.id order by min(updates.id)"""
        return [Edit(*row) for row in self._read(rows, (document,))]

    def forget(self, document: str) -> None:
        """Delete a document's history, and the record of who had the document."""
        with self._writing():
            for table in ("updates", "documents", "visits", "edits", "copies", "due"):
                self._db.execute(f"delete from {table} where document = ?", (document,))
        self._forget_parts()

    def updates(self, document: str, last: int | None = None) -> Iterator[tuple[bytes, float]]:
        """Yield content and time of each update of a document, up to and including number `last`."""
        yield from self._updates(document, 0, NO_LIMIT if last is None else last)

    def changes(self, document: str, number: int) -> list[Change]:
        """Return the changes of a document after update `number`."""
        return [Change(*row) for row in self._rows(document, number, NO_LIMIT)]

    def first(self, document: str) -> int:
        """Return the number of a document's first update; 0 if there is none."""
        found = self._read("select min(id) from updates where document = ?", (document,))
        return (found and found[0][0]) or 0

    def last_before(self, document: str, when: float) -> int:
        """Return the number of a document's last update before a time, in seconds since the epoch; 0 if there is none."""
        found = self._read("select max(id) from updates where document = ? and time < ?", (document, when))
        return (found and found[0][0]) or 0

    def since(self, document: str, number: int) -> list[bytes]:
        """Return the updates of a document after update `number`."""
        return [content for content, _time in self._updates(document, number, NO_LIMIT)]

    def last(self, document: str) -> int:
        """Return the number of a document's last update; 0 if there is none."""
        found = self._read("select max(id) from updates where document = ?", (document,))
        return (found and found[0][0]) or 0

    def on_disk(self, document: str) -> OnDisk | None:
        """Return what was last recorded about a document's file; None if nothing was."""
        row = "select hash, last_update, state, writing, more from documents where document = ?"
        found = self._read(row, (document,))
        return OnDisk(*found[0]) if found else None

    def set_on_disk(self, document: str, on_disk: OnDisk) -> None:
        """Record what a document's file is now."""
        with self._writing():
            self._note(document, on_disk)

    def _note(self, document: str, on_disk: OnDisk) -> None:
        known = on_disk.hash, on_disk.last_update, on_disk.state, on_disk.writing, time.time(), on_disk.more
        self._db.execute("insert or replace into documents values (?, ?, ?, ?, ?, ?, ?)", (document, *known))

    def copied(self, document: str) -> int:
        """Return the number of the last update that a copy of a document includes; 0 if there is no copy."""
        found = self._read("select last_update from copies where document = ?", (document,))
        return int(found[0][0]) if found else 0

    def set_copied(self, document: str, last_update: int) -> None:
        with self._writing():
            self._db.execute("insert or replace into copies values (?, ?)", (document, last_update))

    def has_unsaved(self, file_id: str) -> bool:
        """Return whether a document of a file, in any format and type, has changes that the file does not hold, or work that is due."""
        rows = """select 1 from documents where document like '%:' || ?1 and last_update <
                  (select coalesce(max(id), 0) from updates where updates.document = documents.document)
                  union select 1 from due where document like '%:' || ?1"""
        return bool(self._read(rows, (file_id,)))

    # Work that a document still needs

    def add_due(self, document: str, is_copy: bool, last_update: int, state: bytes | None = None) -> int:
        """Record work that a document needs, as `Due` describes it. Return its number; 0 if it could not be written."""
        row = "insert into due (document, is_copy, last_update, state) values (?, ?, ?, ?)"
        return self._insert(row, (document, is_copy, last_update, state))

    def due(self, document: str) -> list[Due]:
        """Return the work that a document still needs, in order."""
        rows = "select id, is_copy, last_update, state from due where document = ? order by id"
        return [Due(number, bool(is_copy), *row) for number, is_copy, *row in self._read(rows, (document,))]

    def done(self, *numbers: int) -> None:
        """Record that work is done."""
        with self._writing():
            self._forget_due(numbers)

    def _forget_due(self, numbers: Sequence[int]) -> None:
        self._db.executemany("delete from due where id = ?", [(number,) for number in numbers])

    # Sessions: each lasts from a start of the server to its end

    def begin_session(self, session: str, version: str) -> None:
        """Record that this server has started. version: decides whether its documents are compatible with those of other sessions."""
        self._session = session, version
        with self._writing():
            self._db.execute(
                "insert or replace into sessions values (?, ?, ?)", (session, version, time.time())
            )

    def visit(self, document: str, session: str) -> None:
        """Record that clients get a document in a session."""
        with self._writing():
            self._db.execute("insert or ignore into visits values (?, ?)", (document, session))

    def version_of(self, session: str) -> str | None:
        """Return the version with which a session began; None if the session is unknown."""
        found = self._read("select version from sessions where session = ?", (session,))
        return found[0][0] if found else None

    def has_visited(self, document: str, session: str) -> bool:
        """Return whether clients got a document, with the history that is kept here, in a session."""
        row = "select 1 from visits where document = ? and session = ?"
        return bool(self._read(row, (document, session)))

    # People

    def colours(self) -> dict[str, str]:
        """Return people's colors on this server, by username, in the order in which they were assigned."""
        return dict(self._read("select username, colour from colours order by rowid"))

    def set_colour(self, username: str, colour: str) -> None:
        with self._writing():
            self._db.execute("insert or replace into colours values (?, ?)", (username, colour))

    # Size limit

    def size(self) -> int:
        """Return the size of all updates, in bytes."""
        lengths = [
            self._read(f"select coalesce(sum(length(content)), 0) from {each}")
            for each in ("updates", "parts")
        ]
        return sum(int(found[0][0]) for found in lengths if found)

    def keep_below(self, size: int) -> None:
        """Combine documents' updates until they take at most `size` bytes, those of the least recently opened documents first.

        No document changes, not even an open one: many updates become one with the same result.
        """
        excess = self.size() - size
        order = """select document, count(*) from updates left join documents using (document)
                   where document not in (select document from due)
                   group by document order by coalesce(opened, 0), document"""
        for document, number in self._read(order) if excess > 0 else []:
            if excess <= 0:
                break
            length = self._length(document)
            # This takes time, so it must be worth it: what a document holds now cannot be combined any further.
            if number > 1 and length > WORTH_FOLDING * self._folded.get(document, 0):
                self._folded[document] = self._fold(document)
                excess -= length - self._folded[document]

    def _length(self, document: str) -> int:
        """Return the size of a document's updates, in bytes."""
        rows = """select (select coalesce(sum(length(content)), 0) from updates where document = ?) +
                  (select coalesce(sum(length(content)), 0) from parts
                   where update_ in (select parts from updates where document = ?))"""
        found = self._read(rows, (document, document))
        return int(found[0][0]) if found else 0

    def _fold(self, document: str) -> int:
        """Combine the updates of a document that its file holds. Return the size of its updates afterwards, in bytes."""
        on_disk = self.on_disk(document)
        limit = (on_disk and on_disk.last_update) or self.last(document)
        doc: Doc[Any] = Doc()
        for content, _time in self.updates(document, limit):
            doc.apply_update(content)
        with self._writing():
            self._db.execute("delete from updates where document = ? and id < ?", (document, limit))
            folded = self._db.execute(
                "update updates set content = ?, parts = null where id = ?", (doc.get_update(), limit)
            )
            if folded.rowcount != 1:
                raise sqlite3.DataError(f"the update {limit} of {document} is missing")
        self._forget_parts()
        return self._length(document)

    def forget_old(self, size: int) -> None:
        """Forget documents that nobody has opened for `KEPT_SECONDS`, the oldest first, until there are at most `size` bytes.

        Call this before anyone connects. No content is lost, because only documents that their files hold completely are forgotten.
        Also forget old sessions and editing sessions that nothing refers to.
        """
        old = """select document from documents where opened < ? and document not in (select document from due) and last_update >=
                 (select coalesce(max(id), 0) from updates where updates.document = documents.document) order by opened"""
        for (document,) in self._read(old, (time.time() - KEPT_SECONDS,)):
            if self.size() <= size:
                break
            self.forget(document)
        with self._writing():
            unused = "delete from sessions where started < ? and session not in (select session from visits)"
            self._db.execute(unused, (time.time() - KEPT_SECONDS,))
            self._db.execute(
                "delete from edits where id not in (select edit from updates where edit is not null) and began < ?",
                (time.time() - KEPT_SECONDS,),
            )

    # Helpers

    def _insert(
        self,
        row: str,
        values: tuple[Any, ...],
        done: Sequence[int] = (),
        noted: tuple[str, OnDisk] | None = None,
    ) -> int:
        """Insert a row, delete the due work that is done, and record what a document's file is. Return the row's number; 0 if that failed.

        An error may not show before the commit.
        """
        number = 0
        with self._writing():
            number = self._db.execute(row, values).lastrowid or 0
            if done:
                self._forget_due(done)
            if noted:
                self._note(*noted)
        if self._is_behind.is_set():
            self._is_behind.clear()
            with contextlib.suppress(sqlite3.Error):  # the update is written all the same
                self._db.execute("pragma wal_checkpoint(passive)").fetchall()
        self._journal += sum(len(value) for value in values if isinstance(value, bytes)) + ROW_BYTES
        checkpointing = self._checkpoint is not None and self._checkpoint.is_alive()
        if self._journal > JOURNAL_BYTES and not checkpointing:
            self._begin_checkpoint()
        return 0 if self.failure and self._is_on_disk else number

    def _begin_checkpoint(self) -> None:
        """Start a thread that moves the journal's content to the database, once any earlier checkpoint has finished."""
        if not self._is_on_disk:
            return
        last, path, is_behind = self._checkpoint, str(self._path), self._is_behind

        def move() -> None:
            if last is not None:
                last.join()
            if not _checkpoint(path):
                is_behind.set()

        self._journal = 0
        self._checkpoint = threading.Thread(target=move, daemon=True)
        self._checkpoint.start()

    def _updates(self, document: str, after: int, last: int) -> Iterator[tuple[bytes, float]]:
        for _number, content, when, _is_typed in self._rows(document, after, last):
            yield content, when

    def _rows(self, document: str, after: int, last: int) -> Iterator[tuple[int, bytes, float, bool]]:
        rows = """select id, content, time, parts, edit is not null from updates
                  where document = ? and id > ? and id <= ? order by id"""
        for number, content, when, name, is_typed in self._read(rows, (document, after, last)):
            yield number, b"".join(self._parts(name)) if name else content, when, bool(is_typed)

    def _parts(self, name: str) -> list[bytes]:
        return [
            part for (part,) in self._read("select content from parts where update_ = ? order by id", (name,))
        ]

    def _forget_parts(self) -> None:
        """Delete parts that belong to no update, such as those that were being written when the server was killed."""
        if self._unfinished:
            return
        with self._writing():
            unused = (
                "delete from parts where update_ not in (select parts from updates where parts is not null)"
            )
            self._db.execute(unused)

    def _read(self, rows: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self._db.execute(rows, values).fetchall()
        except sqlite3.Error as error:
            self._failed(f"the document history cannot be read ({error})")
            self._recover(error)
            return []

    def _recover(self, error: sqlite3.Error) -> None:
        """Begin a new database if this one is damaged."""
        if _is_damage(error) and self._is_on_disk:
            self._db.close()
            try:
                self._set_aside(error)
            except OSError as problem:
                self.log.error("The damaged database cannot be moved aside: %r", problem)
            self._begin()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._db:
                yield
        except sqlite3.Error as error:
            self._failed(f"the document history cannot be written ({error})")
            self._recover(error)
        else:
            if self._is_on_disk:
                self.failure = ""

    def _failed(self, why: str) -> None:
        if not self.failure:
            self.log.error("Documents are not protected from a crash: %s", why)
        self.failure = why


def read_updates(path: Path, document: str, last: int) -> list[tuple[int, bytes]]:
    """Return the number and content of each update of a document, up to `last`, from the database of another process.

    Raises sqlite3.Error.
    """
    rows = "select id, content, parts from updates where document = ? and id <= ? order by id"
    parts = "select content from parts where update_ = ? order by id"
    # Read-only: otherwise, the last connection to close would move the journal, and lock out a server that starts.
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.execute("begin")  # a consistent view
        return [
            (number, b"".join(part for (part,) in db.execute(parts, (name,))) if name else content)
            for number, content, name in db.execute(rows, (document, last))
        ]


def _checkpoint(path: str) -> bool:
    """Move the content of a database's journal to the database, while the server writes.

    Return False if the server kept writing and the journal exceeds MOST_JOURNAL_BYTES afterwards. If a checkpoint fails, a later one does
    it.
    """
    before = None
    with contextlib.suppress(sqlite3.Error, OSError), contextlib.closing(sqlite3.connect(path)) as db:
        for _attempt in range(ATTEMPTS):
            _busy, frames, moved = db.execute("pragma wal_checkpoint(passive)").fetchone()
            if frames == moved == before:
                return True  # nobody has written since the last attempt, so the next write starts the journal from the beginning
            before = frames
        return os.path.getsize(f"{path}-wal") <= MOST_JOURNAL_BYTES
    return True


DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class NewerFormat(sqlite3.DatabaseError):
    """A newer version of the collection wrote the database."""


def _is_damage(error: sqlite3.Error) -> bool:
    """Return whether the database itself cannot be used, rather than, for example, the disk being full or the file read-only."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code, without SQLite's details
    return isinstance(error, NewerFormat) or code in DAMAGE or "no such" in str(error)


def _connect(path: str) -> sqlite3.Connection:
    # No other process writes here, and people wait during a write, so the timeout is short.
    db = sqlite3.connect(path, timeout=0.05)
    try:
        db.execute("pragma auto_vacuum = full")
        # With these settings, a commit reaches the operating system, so it survives the process. It reaches the disk at each checkpoint.
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        db.execute("pragma wal_autocheckpoint = 0")
        # Otherwise, the journal would keep the size of its largest write, such as of a large document that was opened.
        db.execute(f"pragma journal_size_limit = {JOURNAL_BYTES}")
        found = db.execute("pragma user_version").fetchone()[0]
        if found > FORMAT:
            raise NewerFormat(f"format-{found}")
        while found in UPGRADES:
            # In one transaction, in case the server is killed.
            db.executescript(f"begin; {UPGRADES[found]} pragma user_version = {found + 1}; commit;")
            found += 1
        db.executescript(SCHEMA)
        db.execute(f"pragma user_version = {FORMAT}")
        db.commit()
    except BaseException:
        db.close()
        raise
    return db
