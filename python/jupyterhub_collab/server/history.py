# SPDX-License-Identifier: GPL-3.0-or-later
"""What has happened to the documents of one server, on disk before anybody else sees it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from logging import Logger
from pathlib import Path
from typing import Any

from pycrdt import Doc

SCHEMA = """
    create table if not exists updates (
        id integer primary key, document text not null, time real not null, content blob not null
    );
    create index if not exists updates_of on updates (document, id);
    create table if not exists documents (
        document text primary key, hash text not null, last_update integer not null, state blob,
        writing integer not null, opened real not null
    );
    create table if not exists sessions (session text primary key, version text not null, started real not null);
    create table if not exists visits (document text, session text, primary key (document, session)) without rowid;
    create table if not exists colours (username text primary key, colour text not null);
"""
FORMAT = 1  # of the database, as its `user_version`
# Whoever has not come back to a document for as long is asked to open it anew. Its past may be forgotten then.
KEPT_SECONDS = 14 * 86400


@dataclass(frozen=True)
class OnDisk:
    """What a document's file was when the server last knew.

    hash: of the file. last_update: what it held of the document, all updates up to this one; state: what it held, where that is
    not just those. writing: up to which update it has been begun to write; 0 where that has come to its end.
    """

    hash: str
    last_update: int
    state: bytes | None = None
    writing: int = 0


class History:
    """The updates of all documents of a server, in an SQLite database of its own.

    A write is synchronous: it takes some 20 microseconds, and what is written survives the end of the process, however sudden.
    Methods that write never raise: where the disk fails, people go on with what is in memory, and `failure` says why.
    """

    def __init__(self, directory: Path, log: Logger) -> None:
        self.log = log
        self.failure = ""
        self._is_on_disk = True
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = self._open(str(directory / "documents.db"))
        except (OSError, sqlite3.Error) as error:
            self._failed(f"{directory} cannot be used ({error})")
            self._db = self._open(":memory:")
            self._is_on_disk = False

    def _open(self, path: str) -> sqlite3.Connection:
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # no such directory, no room, locked: nothing is wrong with the file
            aside = f"{path}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
            self.log.error(
                "The history of documents in %s is damaged (%s); it is kept as %s", path, error, aside
            )
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(path + suffix, aside + suffix)
            return _connect(path)

    # One document

    def add(self, document: str, update: bytes) -> int:
        """Append what has just happened to a document. Returns the number of the update."""
        with self._writing():
            row = "insert into updates (document, time, content) values (?, ?, ?)"
            return self._db.execute(row, (document, time.time(), update)).lastrowid or 0
        return 0

    def updates(self, document: str, last: int | None = None) -> Iterator[tuple[bytes, float]]:
        """Yield content and time of each update of a document, up to the one with number `last`."""
        limit = 2**62 if last is None else last
        rows = "select content, time from updates where document = ? and id <= ? order by id"
        yield from self._db.execute(rows, (document, limit)).fetchall()

    def since(self, document: str, number: int) -> list[bytes]:
        """Return the updates of a document after the one with a number."""
        rows = "select content from updates where document = ? and id > ? order by id"
        return [update for (update,) in self._db.execute(rows, (document, number)).fetchall()]

    def last(self, document: str) -> int:
        """Return the number of a document's last update; 0 where there is none."""
        found = self._db.execute("select max(id) from updates where document = ?", (document,)).fetchone()[0]
        return found or 0

    def on_disk(self, document: str) -> OnDisk | None:
        """Return what was last noted about a document's file."""
        row = "select hash, last_update, state, writing from documents where document = ?"
        found = self._db.execute(row, (document,)).fetchone()
        return OnDisk(*found) if found else None

    def set_on_disk(self, document: str, on_disk: OnDisk) -> None:
        """Note what a document's file is now."""
        row = (document, on_disk.hash, on_disk.last_update, on_disk.state, on_disk.writing, time.time())
        with self._writing():
            self._db.execute("insert or replace into documents values (?, ?, ?, ?, ?, ?)", row)

    # Sessions: one from a start of the server to its end

    def begin_session(self, session: str, version: str) -> None:
        """Note that this server has started. version: of what decides whether its documents understand each other."""
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
        found = self._db.execute("select version from sessions where session = ?", (session,)).fetchone()
        return found[0] if found else None

    def has_visited(self, document: str, session: str) -> bool:
        """Return whether people had a document, as it is kept here, in a session."""
        row = "select 1 from visits where document = ? and session = ?"
        return self._db.execute(row, (document, session)).fetchone() is not None

    # People

    def colours(self) -> dict[str, str]:
        """Return the colours that people have on this server, by their names."""
        return dict(self._db.execute("select username, colour from colours order by rowid").fetchall())

    def set_colour(self, username: str, colour: str) -> None:
        with self._writing():
            self._db.execute("insert or replace into colours values (?, ?)", (username, colour))

    # Its bound

    def size(self) -> int:
        """Return how many bytes of updates there are."""
        return int(self._db.execute("select coalesce(sum(length(content)), 0) from updates").fetchone()[0])

    def keep_below(self, size: int) -> None:
        """Put documents' past together until it is no more than so many bytes, that of the least recently opened first.

        What a document is now stays as it is, also where somebody has it open: many updates become one with the same outcome.
        """
        excess = self.size() - size
        order = """select document, count(*), sum(length(content)) from updates left join documents using (document)
                   group by document order by coalesce(opened, 0), document"""
        for document, number, length in self._db.execute(order).fetchall() if excess > 0 else []:
            if excess <= 0:
                break
            if number > 1:
                excess -= length - self._fold(document)

    def _fold(self, document: str) -> int:
        """Put the updates of a document together that its file holds. Returns how many bytes its updates are then."""
        on_disk = self.on_disk(document)
        limit = on_disk.last_update if on_disk else self.last(document)
        doc: Doc[Any] = Doc()
        for content, _time in self.updates(document, limit):
            doc.apply_update(content)
        with self._writing():
            self._db.execute("delete from updates where document = ? and id < ?", (document, limit))
            folded = self._db.execute(
                "update updates set content = ? where id = ?", (doc.get_update(), limit)
            )
            if folded.rowcount != 1:
                raise sqlite3.DataError(f"the update {limit} of {document} is missing")
        row = "select coalesce(sum(length(content)), 0) from updates where document = ?"
        return int(self._db.execute(row, (document,)).fetchone()[0])

    def forget_old(self, size: int) -> None:
        """Forget documents that nobody has opened for long, the oldest first, until there are no more than so many bytes.

        Only to be called before anybody comes. Content is in the files: a document is forgotten that its file holds whole.
        """
        old = """select document from documents where opened < ? and last_update >=
                 (select coalesce(max(id), 0) from updates where updates.document = documents.document) order by opened"""
        for (document,) in self._db.execute(old, (time.time() - KEPT_SECONDS,)).fetchall():
            if self.size() <= size:
                break
            with self._writing():
                for table in ("updates", "documents", "visits"):
                    self._db.execute(f"delete from {table} where document = ?", (document,))
        with self._writing():
            unused = "delete from sessions where started < ? and session not in (select session from visits)"
            self._db.execute(unused, (time.time() - KEPT_SECONDS,))

    # Helpers

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._db:
                yield
        except sqlite3.Error as error:
            self._failed(f"it cannot be written ({error})")
        else:
            if self._is_on_disk:
                self.failure = ""

    def _failed(self, why: str) -> None:
        if not self.failure:
            self.log.error("The history of documents is not kept: %s", why)
        self.failure = why


def _connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5)
    try:
        db.execute("pragma auto_vacuum = full")
        # What is committed is with the system then, and survives the process; it reaches the disk at each checkpoint.
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        found = db.execute("pragma user_version").fetchone()[0]
        if found not in (0, FORMAT):
            raise sqlite3.DatabaseError(f"its format is {found}, of another version of the collection")
        db.executescript(SCHEMA)
        db.execute(f"pragma user_version = {FORMAT}")
        db.commit()
    except BaseException:
        db.close()
        raise
    return db
