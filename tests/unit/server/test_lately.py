# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words users typed recently, according to the history of their document."""

import logging
from pathlib import Path

import pytest
from jupyter_ydoc import YUnicode

from jupyterhub_collab.server.history import History
from jupyterhub_collab.server.lately import LATELY, Lately


@pytest.fixture
def past(tmp_path: Path) -> History:
    return History(tmp_path, logging.getLogger(__name__))


def document(text: str) -> YUnicode:
    made = YUnicode()
    made.set(text)
    return made


def test_what_was_typed_while_the_history_could_not_be_written_counts_when_it_can(past: History) -> None:
    """Words typed while the history could not be written, as on a full disk, count as soon as it can be written."""
    made = document("one\n")
    past.add("notes", made.ydoc.get_update())
    lately = Lately(past, "notes", YUnicode)
    lately.look("one\n")
    made.source = "word one\n"
    lately.look("word one\n")
    lately.begin_again(past.add("notes", made.ydoc.get_update()), is_anew=False, has_typed=True)
    lately.look("word one\n")
    assert lately.lost("word one\n", "one\n") == {"word"}


@pytest.mark.parametrize("typed", ["👍", "→", "„“", "中文", "e\u0301"])
def test_what_is_typed_without_letters_counts(past: History, typed: str) -> None:
    text = document("one\n")
    past.add("name", text.ydoc.get_update())
    lately, edit = Lately(past, "name", YUnicode), past.begin_edit("name", "alice")
    lately.look("one\n")
    before = text.ydoc.get_state()
    text.source = f"one\n{typed}\n"
    past.add("name", text.ydoc.get_update(before), edit)
    lately.look(f"one\n{typed}\n")
    assert lately.lost(f"one\n{typed}\n", "one\n")


def test_an_older_copy_makes_nothing_of_a_newer_one_unknown(past: History) -> None:
    lately = Lately(past, "notes", YUnicode)
    for number in (5, 3):
        lately.kept(number)
    assert past.copied("notes") == 5


def test_what_was_typed_long_ago_was_not_typed_lately(past: History) -> None:
    """Text counts for ten minutes only, even if nothing has looked at the document since it was opened."""
    text = document("one\n")
    past.add("name", text.ydoc.get_update())
    lately, edit = Lately(past, "name", YUnicode), past.begin_edit("name", "alice")
    lately.look("one\n")
    for age, typed in ((2 * LATELY, "one\nearlier\n"), (0, "one\nearlier\nnow\n")):
        before = text.ydoc.get_state()
        text.source = typed
        number = past.add("name", text.ydoc.get_update(before), edit)
        past._db.execute("update updates set time = time - ? where id <= ?", (age, number))
    lately.look("one\nearlier\nnow\n")
    assert lately.lost("one\nearlier\nnow\n", "one\n") == {"now"}
