# SPDX-License-Identifier: GPL-3.0-or-later
"""What has happened to the documents of one server, on disk before anyone else sees it."""

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
# What makes a database of the format that it stands at one of the next.
UPGRADES = {
    1: "alter table updates add column edit integer; alter table updates add column parts text;",
    2: "alter table documents add column more blob;",
}
# A large update is written in parts of so many bytes, others' between them: all of it at once would make everyone wait.
PART_BYTES = 1_000_000
ROW_BYTES = 12_000  # that the journal has of a short row: the pages that change with it
# Where the database cannot be written it is tried again after so many seconds.
RETRY_SECONDS = 5
# By how much a document's past must have grown until it is put together again.
WORTH_FOLDING = 1.25
# After so many bytes what is in the journal goes to the database. That waits for the disk, so a thread does it.
JOURNAL_BYTES = 4_000_000
# How often it does so again at once, because someone wrote meanwhile. The journal begins anew only when nobody did.
ATTEMPTS = 5
# A journal that is larger, because someone always writes, is moved to its end while they wait for the disk.
MOST_JOURNAL_BYTES = 4 * JOURNAL_BYTES
# A page that returns to a document after this time must reload it, so that older history can be deleted.
KEPT_SECONDS = 14 * 86400
NO_LIMIT = 2**62


@dataclass(frozen=True)
class OnDisk:
    """What a document's file was when the server last knew.

    hash: of the file. last_update: what it held of the document, all updates up to this one; state: that, where the history does not
    have it; more: what it held besides, which another program had changed. writing: up to which update it has been begun to write; 0
    where that has come to its end.
    """

    hash: str
    last_update: int
    state: bytes | None = None
    writing: int = 0
    more: bytes | None = None


@dataclass(frozen=True)
class Edit:
    """Part of a document's history: what one person did through one connection, from when until when, in how many updates."""

    number: int
    username: str
    began: float
    ended: float
    updates: int


@dataclass(frozen=True)
class Change:
    """An update of a document. is_typed: whether someone has made it; else the server did, such as by following the file."""

    number: int
    update: bytes
    time: float
    is_typed: bool


@dataclass(frozen=True)
class Due:
    """Work that a document still needs. A server that was killed does it when it is started again.

    is_copy: keep what people had after the update with number `last_update` in a copy, if something of it is gone. `state` is what they had,
    if it is more than the updates up to this one. Otherwise: restore the text that the next update removed, or that came too late with it.
    """

    number: int
    is_copy: bool
    last_update: int
    state: bytes | None


class History:
    """The updates of all documents of a server, in an SQLite database of its own.

    A write is synchronous: it takes some 20 microseconds, and what is written survives the end of the process, however sudden.
    Methods never raise: where the disk fails, people go on with what is in memory, and `failure` says why. A database that is damaged, or
    of a newer version, is kept beside a new one, and `lost` says so; one that is deleted while it is open is begun anew. `generation`
    tells documents that have more than the database that they have to be written whole.
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
        self._journal = 0  # about how many bytes it has by now
        self._checkpoint: threading.Thread | None = None
        self._is_behind = threading.Event()  # the journal grows although it is moved
        self._folded: dict[
            str, int
        ] = {}  # documents whose past was put together, and how many bytes that has left
        self._begin()
        self._forget_parts()

    def _begin(self) -> None:
        """Open the database; one in memory where none can be had on the disk."""
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
                raise  # no such directory, no room, locked: nothing is wrong with the file
            self._set_aside(error)
            return _connect(path)

    def _set_aside(self, error: sqlite3.Error) -> None:
        what = error if isinstance(error, NewerFormat) else "damaged"
        aside = f"{self._path}.{what}-{time.strftime('%Y%m%d-%H%M%S')}"
        while os.path.lexists(aside):  # of the same second
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
        """See whether the database is still where it was, and begin it anew where it is not."""
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
            self.log.error("The document history in %s %s. A new one begins", self._path, self.lost)
            self._begin_again()

    def _begin_again(self) -> None:
        colours = self.colours()
        self._db.close()
        self._begin()
        for username, colour in colours.items():
            self.set_colour(username, colour)

    @property
    def path(self) -> Path | None:
        """Where the database is; None while there is only one in memory."""
        return self._path if self._is_on_disk else None

    # One document

    def add(self, document: str, update: bytes, edit: int | None = None, done: Sequence[int] = ()) -> int:
        """Append what has just happened to a document. Returns the number of the update; 0 where it is not kept.

        edit: in which editing session; done: the numbers of what was due, and is done with this update.
        """
        self.look()
        row = "insert into updates (document, time, content, edit) values (?, ?, ?, ?)"
        return self._insert(row, (document, time.time(), update, edit), done)

    async def add_slowly(self, document: str, update: bytes) -> int:
        """Do the same with an update that may be large, such as a whole document, while others' are written as well."""
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
            self._begin_checkpoint()  # else most of it would be on the disk twice until there was as much again
            return number
        finally:
            self._unfinished.discard(name)

    def begin_edit(self, document: str, username: str) -> int:
        """Note that someone has opened a document. Returns the number of this editing session."""
        row = "insert into edits (document, username, began, session) values (?, ?, ?, ?)"
        session = self._session[0] if self._session else ""
        return self._insert(row, (document, username, time.time(), session))

    def edits(self, document: str) -> list[Edit]:
        """Return the editing sessions in which a document was changed, in order."""
        rows = """select edits.id, username, min(time), max(time), count(*) from updates join edits on edits.id = edit
                  where updates.document = ? group by edits.id order by min(updates.id)"""
        return [Edit(*row) for row in self._read(rows, (document,))]

    def forget(self, document: str) -> None:
        """Forget what has happened to a document, and who had it."""
        with self._writing():
            for table in ("updates", "documents", "visits", "edits", "copies", "due"):
                self._db.execute(f"delete from {table} where document = ?", (document,))
        self._forget_parts()

    def updates(self, document: str, last: int | None = None) -> Iterator[tuple[bytes, float]]:
        """Yield content and time of each update of a document, up to the one with number `last`."""
        yield from self._updates(document, 0, NO_LIMIT if last is None else last)

    def changes(self, document: str, number: int) -> list[Change]:
        """Return what has happened to a document after the update with a number."""
        return [Change(*row) for row in self._rows(document, number, NO_LIMIT)]

    def first(self, document: str) -> int:
        """Return the number of a document's first update; 0 where there is none."""
        found = self._read("select min(id) from updates where document = ?", (document,))
        return (found and found[0][0]) or 0

    def last_before(self, document: str, when: float) -> int:
        """Return the number of a document's last update before a time; 0 where there is none."""
        found = self._read("select max(id) from updates where document = ? and time < ?", (document, when))
        return (found and found[0][0]) or 0

    def since(self, document: str, number: int) -> list[bytes]:
        """Return the updates of a document after the one with a number."""
        return [content for content, _time in self._updates(document, number, NO_LIMIT)]

    def last(self, document: str) -> int:
        """Return the number of a document's last update; 0 where there is none."""
        found = self._read("select max(id) from updates where document = ?", (document,))
        return (found and found[0][0]) or 0

    def on_disk(self, document: str) -> OnDisk | None:
        """Return what was last noted about a document's file."""
        row = "select hash, last_update, state, writing, more from documents where document = ?"
        found = self._read(row, (document,))
        return OnDisk(*found[0]) if found else None

    def set_on_disk(self, document: str, on_disk: OnDisk) -> None:
        """Note what a document's file is now."""
        known = on_disk.hash, on_disk.last_update, on_disk.state, on_disk.writing, time.time(), on_disk.more
        with self._writing():
            self._db.execute(
                "insert or replace into documents values (?, ?, ?, ?, ?, ?, ?)", (document, *known)
            )

    def copied(self, document: str) -> int:
        """Return up to which update a copy of a document has all that it was; 0 where there is none."""
        found = self._read("select last_update from copies where document = ?", (document,))
        return int(found[0][0]) if found else 0

    def set_copied(self, document: str, last_update: int) -> None:
        with self._writing():
            self._db.execute("insert or replace into copies values (?, ?)", (document, last_update))

    def has_unsaved(self, file_id: str) -> bool:
        """Return whether a document of a file, whatever its format and type, has what the file does not hold, or work that is due."""
        rows = """select 1 from documents where document like '%:' || ?1 and last_update <
                  (select coalesce(max(id), 0) from updates where updates.document = documents.document)
                  union select 1 from due where document like '%:' || ?1"""
        return bool(self._read(rows, (file_id,)))

    # Work that a document still needs

    def add_due(self, document: str, is_copy: bool, last_update: int, state: bytes | None = None) -> int:
        """Note work that a document needs, as `Due` describes it. Returns its number."""
        row = "insert into due (document, is_copy, last_update, state) values (?, ?, ?, ?)"
        return self._insert(row, (document, is_copy, last_update, state))

    def due(self, document: str) -> list[Due]:
        """Return the work that a document still needs, in order."""
        rows = "select id, is_copy, last_update, state from due where document = ? order by id"
        return [Due(number, bool(is_copy), *row) for number, is_copy, *row in self._read(rows, (document,))]

    def done(self, *numbers: int) -> None:
        """Note that work is done."""
        with self._writing():
            self._forget_due(numbers)

    def _forget_due(self, numbers: Sequence[int]) -> None:
        self._db.executemany("delete from due where id = ?", [(number,) for number in numbers])

    # Sessions: one from a start of the server to its end

    def begin_session(self, session: str, version: str) -> None:
        """Note that this server has started. version: of what decides whether its documents understand each other."""
        self._session = session, version
        with self._writing():
            self._db.execute(
                "insert or replace into sessions values (?, ?, ?)", (session, version, time.time())
            )

    def visit(self, document: str, session: str) -> None:
        """Note that people get a document in this session."""
        with self._writing():
            self._db.execute("insert or ignore into visits values (?, ?)", (document, session))

    def version_of(self, session: str) -> str | None:
        """Return the version with which a session was begun; None where it is unknown."""
        found = self._read("select version from sessions where session = ?", (session,))
        return found[0][0] if found else None

    def has_visited(self, document: str, session: str) -> bool:
        """Return whether people had a document, as it is kept here, in a session."""
        row = "select 1 from visits where document = ? and session = ?"
        return bool(self._read(row, (document, session)))

    # People

    def colours(self) -> dict[str, str]:
        """Return the colors that people have on this server, by their names."""
        return dict(self._read("select username, colour from colours order by rowid"))

    def set_colour(self, username: str, colour: str) -> None:
        with self._writing():
            self._db.execute("insert or replace into colours values (?, ?)", (username, colour))

    # Its bound

    def size(self) -> int:
        """Return how many bytes of updates there are."""
        lengths = [
            self._read(f"select coalesce(sum(length(content)), 0) from {each}")
            for each in ("updates", "parts")
        ]
        return sum(int(found[0][0]) for found in lengths if found)

    def keep_below(self, size: int) -> None:
        """Put documents' past together until it is no more than so many bytes, that of the least recently opened first.

        What a document is now stays as it is, also where someone has it open: many updates become one with the same outcome.
        """
        excess = self.size() - size
        order = """select document, count(*) from updates left join documents using (document)
                   where document not in (select document from due)
                   group by document order by coalesce(opened, 0), document"""
        for document, number in self._read(order) if excess > 0 else []:
            if excess <= 0:
                break
            length = self._length(document)
            # It takes its time, so it must be worth it: what a document is now cannot be put together any further.
            if number > 1 and length > WORTH_FOLDING * self._folded.get(document, 0):
                self._folded[document] = self._fold(document)
                excess -= length - self._folded[document]

    def _length(self, document: str) -> int:
        """Return how many bytes the updates of a document are."""
        rows = """select (select coalesce(sum(length(content)), 0) from updates where document = ?) +
                  (select coalesce(sum(length(content)), 0) from parts
                   where update_ in (select parts from updates where document = ?))"""
        found = self._read(rows, (document, document))
        return int(found[0][0]) if found else 0

    def _fold(self, document: str) -> int:
        """Put the updates of a document together that its file holds. Returns how many bytes its updates are then."""
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
        """Forget documents that nobody has opened for long, the oldest first, until there are no more than so many bytes.

        Only to be called before anyone comes. Content is in the files: a document is forgotten that its file holds whole.
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

    def _insert(self, row: str, values: tuple[Any, ...], done: Sequence[int] = ()) -> int:
        """Insert a row, and forget what was due and is done. Returns its number; 0 where it could not be written.

        That may show only when it is committed.
        """
        number = 0
        with self._writing():
            number = self._db.execute(row, values).lastrowid or 0
            if done:
                self._forget_due(done)
        if self._is_behind.is_set():
            self._is_behind.clear()
            self._read("pragma wal_checkpoint(passive)")
        self._journal += sum(len(value) for value in values if isinstance(value, bytes)) + ROW_BYTES
        checkpointing = self._checkpoint is not None and self._checkpoint.is_alive()
        if self._journal > JOURNAL_BYTES and not checkpointing:
            self._begin_checkpoint()
        return 0 if self.failure and self._is_on_disk else number

    def _begin_checkpoint(self) -> None:
        """Move what the journal holds into the database, after what is being moved."""
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
        """Forget parts of updates that are not there, or no more: also those that were being written when the server was killed."""
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
            self._failed(f"it cannot be read ({error})")
            self._recover(error)
            return []

    def _recover(self, error: sqlite3.Error) -> None:
        """Begin anew where the database itself is what fails."""
        if _is_damage(error) and self._is_on_disk:
            self._db.close()
            try:
                self._set_aside(error)
            except OSError as problem:
                self.log.error("It stays, because it cannot be moved: %r", problem)
            self._begin()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._db:
                yield
        except sqlite3.Error as error:
            self._failed(f"it cannot be written ({error})")
            self._recover(error)
        else:
            if self._is_on_disk:
                self.failure = ""

    def _failed(self, why: str) -> None:
        if not self.failure:
            self.log.error("The document history is not kept: %s", why)
        self.failure = why


def read_updates(path: Path, document: str, last: int) -> list[tuple[int, bytes]]:
    """Return number and content of each update of a document, up to one, from the database of another process.

    Raises sqlite3.Error.
    """
    rows = "select id, content, parts from updates where document = ? and id <= ? order by id"
    parts = "select content from parts where update_ = ? order by id"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("begin")  # all of it at one moment
        return [
            (number, b"".join(part for (part,) in db.execute(parts, (name,))) if name else content)
            for number, content, name in db.execute(rows, (document, last))
        ]


def _checkpoint(path: str) -> bool:
    """Move what the journal of a database holds into it, while others write. Return whether the journal stays small.

    If moving fails, the next checkpoint tries again.
    """
    before = None
    with contextlib.suppress(sqlite3.Error, OSError), contextlib.closing(sqlite3.connect(path)) as db:
        for _attempt in range(ATTEMPTS):
            _busy, frames, moved = db.execute("pragma wal_checkpoint(passive)").fetchone()
            if frames == moved == before:
                return True  # nobody wrote since the last attempt, so the next write begins the journal anew
            before = frames
        return os.path.getsize(f"{path}-wal") <= MOST_JOURNAL_BYTES
    return True


DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class NewerFormat(sqlite3.DatabaseError):
    """The database was written by a version of the collection that is newer than this."""


def _is_damage(error: sqlite3.Error) -> bool:
    """Return whether it is the database that is wrong, and not that there is no room, say, or no right to write."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what SQLite adds to say where
    return isinstance(error, NewerFormat) or code in DAMAGE or "no such" in str(error)


def _connect(path: str) -> sqlite3.Connection:
    # Nobody else writes here, and people wait meanwhile.
    db = sqlite3.connect(path, timeout=0.05)
    try:
        db.execute("pragma auto_vacuum = full")
        # What is committed is with the system then, and survives the process; it reaches the disk at each checkpoint.
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        db.execute("pragma wal_autocheckpoint = 0")
        # What was written at once, as a large document that is opened, would stay in the journal a second time.
        db.execute(f"pragma journal_size_limit = {JOURNAL_BYTES}")
        found = db.execute("pragma user_version").fetchone()[0]
        if found > FORMAT:
            raise NewerFormat(f"format-{found}")
        while found in UPGRADES:
            # All of it or nothing, should the server be killed.
            db.executescript(f"begin; {UPGRADES[found]} pragma user_version = {found + 1}; commit;")
            found += 1
        db.executescript(SCHEMA)
        db.execute(f"pragma user_version = {FORMAT}")
        db.commit()
    except BaseException:
        db.close()
        raise
    return db
