# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of documents keeps everything that it contains, and stays within its limit."""

import asyncio
import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Text, TransactionEvent

from jupyterhub_collab.server import history
from jupyterhub_collab.server.history import JOURNAL_BYTES, MOST_JOURNAL_BYTES, Due, History, OnDisk

LOG = logging.getLogger(__name__)


@pytest.fixture
def past(tmp_path: Path) -> History:
    return History(tmp_path / "state", LOG)


def typed(past: History, document: str, words: list[str]) -> str:
    """Type words one by one into a document that adds its updates to the history. Return the text."""
    doc: Doc[Any] = Doc()
    text = doc.get("source", type=Text)

    def remember(event: TransactionEvent) -> None:
        past.add(document, event.update)

    doc.observe(remember)
    for word in words:
        text += word
    return str(text)


def text_of(past: History, document: str, last: int | None = None) -> str:
    doc: Doc[Any] = Doc()
    for update, _time in past.updates(document, last):
        doc.apply_update(update)
    return str(doc.get("source", type=Text))


def test_it_outlives_the_process(tmp_path: Path) -> None:
    past = History(tmp_path, LOG)
    text = typed(past, "one", ["a", "b", "c"])
    past.set_on_disk("one", OnDisk("hash", 2))
    # It is not closed, because a killed process does not close it either.
    again = History(tmp_path, LOG)
    assert text_of(again, "one") == text == "abc"
    assert text_of(again, "one", 2) == "ab"
    assert again.on_disk("one") == OnDisk("hash", 2)
    assert again.on_disk("two") is None and again.last("two") == 0


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    History(tmp_path / "state", LOG)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_its_past_is_put_together_and_its_documents_stay_the_same(past: History) -> None:
    words = [f"{number} " for number in range(500)]
    texts = {name: typed(past, name, words) for name in ("one", "two")}
    numbers = [past.last(name) for name in texts]
    past.set_on_disk("one", OnDisk("", numbers[0] - 10))
    past.set_on_disk("two", OnDisk("", numbers[1]))
    before, at_disk = past.size(), text_of(past, "one", numbers[0] - 10)
    past.keep_below(before // 4)
    assert past.size() <= before // 4
    assert {name: text_of(past, name) for name in texts} == texts
    # Changes that the file does not contain yet stay separate.
    assert text_of(past, "one", numbers[0] - 10) == at_disk != texts["one"]
    assert len(list(past.updates("one"))) == 11


def test_what_is_done_with_an_update_is_no_more_due(tmp_path: Path) -> None:
    past = History(tmp_path, LOG)
    numbers = [past.add_due("one", is_copy, 7, state) for is_copy, state in ((True, b"state"), (False, None))]
    other = past.add_due("two", True, 8)
    again = History(tmp_path, LOG)  # as the next server does
    assert again.due("one") == [Due(numbers[0], True, 7, b"state"), Due(numbers[1], False, 7, None)]
    again.add("one", b"update", done=numbers)
    assert not History(tmp_path, LOG).due("one")
    again.done(other)
    assert not History(tmp_path, LOG).due("two")


def test_the_past_is_kept_that_something_to_be_done_needs(past: History) -> None:
    text = typed(past, "one", [f"{number} " for number in range(500)])
    past.set_on_disk("one", OnDisk("", past.last("one")))
    due, before = past.add_due("one", True, 100), text_of(past, "one", 100)
    past.keep_below(0)
    assert text_of(past, "one", 100) == before != text
    past.done(due)
    past.keep_below(0)
    assert text_of(past, "one") == text and len(list(past.updates("one"))) == 1


def test_what_is_within_the_bound_stays_as_it_is(past: History) -> None:
    typed(past, "one", ["a"] * 100)
    past.keep_below(past.size())
    assert len(list(past.updates("one"))) == 100


def test_only_old_documents_are_forgotten_that_their_file_holds(
    past: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    for name, age in {"new": 0, "old": 20, "older": 30, "unsaved": 40, "due": 50}.items():
        monkeypatch.setattr(time, "time", lambda age=age: now - age * 86400)
        typed(past, name, [name] * 50)
        past.begin_session(f"session of {name}", "3")
        past.visit(name, f"session of {name}")
        past.set_on_disk(name, OnDisk("", past.last(name) - (name == "unsaved")))
    monkeypatch.setattr(time, "time", lambda: now)
    past.add_due("due", True, 1)
    past.forget_old(past.size() - 1)
    assert past.on_disk("older") is None and text_of(past, "older") == ""
    assert not past.has_visited("older", "session of older")
    assert past.version_of("session of older") is None
    assert past.on_disk("old") is not None, "more was deleted than necessary"
    past.forget_old(0)
    assert past.on_disk("old") is None
    assert text_of(past, "new") and text_of(past, "unsaved") and text_of(past, "due")
    assert past.version_of("session of unsaved") == "3"


def test_a_database_that_is_damaged_is_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "documents.db").write_bytes(b"no database " * 1000)
    past = History(tmp_path, LOG)
    typed(past, "one", ["a"])
    assert text_of(History(tmp_path, LOG), "one") == "a"
    assert len(list(tmp_path.glob("documents.db.damaged-*"))) == 1


def test_a_database_that_is_damaged_twice_is_kept_aside_twice(tmp_path: Path) -> None:
    for word in (b"no database ", b"another one "):
        for path in tmp_path.glob("documents.db-*"):
            path.unlink()
        (tmp_path / "documents.db").write_bytes(word * 1000)
        History(tmp_path, LOG)
    kept = [path.read_bytes()[:12] for path in tmp_path.glob("documents.db.damaged-*")]
    assert sorted(kept) == [b"another one ", b"no database "]


def test_a_database_of_another_format_is_kept_aside(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "documents.db") as db:
        db.execute("pragma user_version = 99")
    past = History(tmp_path, LOG)
    assert past.add("one", b"update") == 1
    assert len(list(tmp_path.glob("documents.db.format-99-*"))) == 1


def test_people_go_on_where_there_is_no_directory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("a file in its place")
    past = History(tmp_path / "state", LOG)
    assert typed(past, "one", ["a", "b"]) == text_of(past, "one") == "ab"
    assert "cannot be used" in caplog.text
    assert "cannot be used" in past.failure


def test_a_write_that_fails_says_so_and_does_not_raise(
    past: History, caplog: pytest.LogCaptureFixture
) -> None:
    assert past.add("one", b"small")
    pages = past._db.execute("pragma page_count").fetchone()[0]
    past._db.execute(f"pragma max_page_count = {pages}")
    assert past.add("one", b"x" * 100_000) == 0
    assert past.add("one", b"x" * 100_000) == 0
    assert "full" in past.failure and caplog.text.count("not protected") == 1
    past._db.execute("pragma max_page_count = 1000000")
    assert past.add("one", b"x" * 100_000)
    assert not past.failure


def test_a_large_document_is_written_in_parts(tmp_path: Path) -> None:
    """A large document is written in parts, between which other updates are written. The journal does not hold all of it a second time."""
    past = History(tmp_path, LOG)
    doc: Doc[Any] = Doc()
    doc["source"] = Text("x" * 5_000_000)
    update = doc.get_update()

    async def both() -> int:
        writing = asyncio.create_task(past.add_slowly("large", update))
        for number in range(3):
            await asyncio.sleep(0)
            assert past.add("small", b"%d" % number)
        return await writing

    assert asyncio.run(both()) == past.last("large")
    assert past._checkpoint is not None
    past._checkpoint.join()
    past.add("other", b"more")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1.2 * len(update) + JOURNAL_BYTES
    again = History(tmp_path, LOG)
    assert [content for content, _time in again.updates("large")] == [update]
    assert again.since("large", 0) == [update], "since() must return the complete update"
    assert [content for content, _time in again.updates("small")] == [b"0", b"1", b"2"]
    assert again.since("small", again.last("small") - 1) == [b"2"]


def test_parts_that_were_not_completed_are_forgotten(tmp_path: Path) -> None:
    """Incomplete parts are forgotten, as after a server was killed while it wrote them."""
    past = History(tmp_path, LOG)
    past._insert("insert into parts (update_, content) values (?, ?)", ("cut off", b"x" * 1000))
    assert History(tmp_path, LOG).size() == 0


def test_the_journal_stays_small_while_people_never_stop_typing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "ATTEMPTS", 1)  # as if someone always wrote during the last one
    past, journal = History(tmp_path, LOG), tmp_path / "documents.db-wal"
    largest = 0
    for _number in range(5000):
        past.add("one", b"x" * 60)
        largest = max(largest, journal.stat().st_size)
        time.sleep(0.0002)  # the event loop does other things, too
    assert JOURNAL_BYTES < largest < 2 * MOST_JOURNAL_BYTES


def test_a_journal_that_cannot_be_moved_is_no_lost_update(tmp_path: Path) -> None:
    past = History(tmp_path, LOG)
    past._is_behind.set()
    past._db.set_authorizer(
        lambda action, name, *_rest: (
            sqlite3.SQLITE_DENY
            if (action, name) == (sqlite3.SQLITE_PRAGMA, "wal_checkpoint")
            else sqlite3.SQLITE_OK
        )
    )
    assert past.add("one", b"x") == 1 and not past.failure
    assert not past._is_behind.is_set()


def test_one_large_update_is_bounded_too(past: History) -> None:
    """The limit also holds for a single large update, as when someone pastes far more than the limit and removes it again."""
    doc: Doc[Any] = Doc()
    text = doc.get("source", type=Text)

    def remember(event: TransactionEvent) -> None:
        past.add("one", event.update)

    doc.observe(remember)
    text += "what stays"
    text.insert(0, "x" * 20_000_000)
    del text[:20_000_000]
    past.set_on_disk("one", OnDisk("hash", past.last("one")))
    assert past.size() > 20_000_000
    past.keep_below(1_000_000)
    assert past.size() < 1000
    assert text_of(past, "one") == "what stays"


def test_a_history_of_the_format_before_goes_on(tmp_path: Path) -> None:
    """A history of the previous format continues, so that tabs that are open during an update of the collection find their documents."""
    with sqlite3.connect(tmp_path / "documents.db") as db:
        db.executescript("""
            create table updates (id integer primary key, document text not null, time real not null, content blob not null);
            create index updates_of on updates (document, id);
            create table documents (
                document text primary key, hash text not null, last_update integer not null, state blob,
                writing integer not null, opened real not null
            );
            create table sessions (session text primary key, version text not null, started real not null);
            create table visits (document text, session text, primary key (document, session)) without rowid;
            create table colours (username text primary key, colour text not null);
            insert into updates values (7, 'one', 1.0, x'0000');
            insert into documents values ('one', 'hash', 7, null, 0, 1.0);
            insert into sessions values ('before', 'version', 1.0);
            insert into visits values ('one', 'before');
            pragma user_version = 1;
        """)
    past = History(tmp_path, LOG)
    assert list(past.updates("one")) == [(b"\0\0", 1.0)]
    assert past.on_disk("one") == OnDisk("hash", 7) and past.has_visited("one", "before")
    assert past.add("one", b"\0\0", past.begin_edit("one", "alice")) == 8
    assert [edit.username for edit in past.edits("one")] == ["alice"]
    assert not past.lost and not past.failure


def test_an_upgrade_that_is_cut_off_is_made_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = History(tmp_path, LOG)
    past.add("one", b"update")
    with closing(sqlite3.connect(tmp_path / "documents.db")) as db:
        db.executescript("alter table documents drop column more; pragma user_version = 2;")
    statement = history.UPGRADES[2]
    monkeypatch.setitem(history.UPGRADES, 2, f"{statement} insert into documents values (1);")
    assert History(tmp_path, LOG).failure
    monkeypatch.setitem(history.UPGRADES, 2, statement)
    again = History(tmp_path, LOG)
    assert not again.failure and [update for update, _time in again.updates("one")] == [b"update"]
