# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from the history who changed a document and when: sittings, each a stretch of time in which people typed without a long pause."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Someone who types nothing for this many seconds ends a sitting, unless another person goes on.
PAUSE = 120
# A longer sitting is divided, so that people find a moment within it.
LONGEST = 600
# The most sittings that are read, the latest ones.
MOST = 1000


@dataclass(frozen=True)
class Sitting:
    """A sitting.

    before, first, last: the numbers of the update before it, of its first one, and of its last one.
    began, ended: the times of its first and its last update, in seconds since the epoch.
    changes: how many updates people made. people: their usernames.
    """

    before: int
    first: int
    last: int
    began: float
    ended: float
    changes: int
    people: tuple[str, ...]


@dataclass(frozen=True)
class Past:
    """The sittings of a document, the latest first.

    first: the number of the update with which its history begins; 0 if it has none. began: when, in seconds since the epoch.
    has_more: whether there are earlier sittings than those that were read.
    """

    first: int = 0
    began: float = 0
    sittings: tuple[Sitting, ...] = ()
    has_more: bool = False


# The first update is the document as its history begins. Nobody made it: it comes from the file, or is what remains of earlier history.
TYPED = """
    select id, time, edit, time - lag(time, 1, time) over (order by id) as pause
    from updates where document = :document and edit is not null and id > :first
"""
DIVIDED = (
    "select *, sum(abs(pause) > :pause) over (order by id rows unbounded preceding) as stretch from typed"
)
PARTS = """
    select *, cast(
        max(0, time - first_value(time) over (partition by stretch order by id)) / :longest as integer
    ) as part from divided
"""
SITTINGS = f"""
    with typed as ({TYPED}), divided as ({DIVIDED}), parts as ({PARTS})
    select min(parts.id), max(parts.id), min(time), max(time), count(*), json_group_array(distinct username)
    from parts join edits on edits.id = edit
    group by stretch, part order by max(parts.id) desc limit :most
"""


def read_past(path: Path, document: str) -> Past:
    """Return the sittings of a document from the database at `path`, which the server may be writing. Raises sqlite3.Error."""
    with reading(path) as db:
        found = db.execute(
            "select id, time from updates where document = ? order by id limit 1", (document,)
        ).fetchone()
        if found is None:
            return Past()
        first, began = found
        values = {"document": document, "first": first, "pause": PAUSE, "longest": LONGEST, "most": MOST + 1}
        rows = db.execute(SITTINGS, values).fetchall()
        previous = "select max(id) from updates where document = ? and id < ?"
        sittings = tuple(
            Sitting(
                db.execute(previous, (document, start)).fetchone()[0],
                *(start, last, since, ended, changes),
                tuple(sorted(json.loads(names))),
            )
            for start, last, since, ended, changes, names in rows[:MOST]
        )
        return Past(first, began, sittings, len(rows) > MOST)


def size_of(path: Path, document: str) -> int:
    """Return how many bytes the updates of a document have. Raises sqlite3.Error."""
    size = """select coalesce(sum(length(content)), 0) + coalesce(sum(
                  (select sum(length(content)) from parts where parts.update_ = updates.parts)), 0)
              from updates where document = ?"""
    with reading(path) as db:
        return int(db.execute(size, (document,)).fetchone()[0])


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a view of the database that does not change, through a connection that cannot write."""
    # Otherwise, the last connection to close would move the journal, and lock out a server that starts.
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.execute("begin")
        yield db
