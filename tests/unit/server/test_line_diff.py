# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences between old and new lines lead to the new text, and are found quickly."""

import random
from difflib import SequenceMatcher
from typing import Any

import pytest
from pycrdt import Doc, Text

from jupyterhub_collab.server import line_diff, merge_text
from jupyterhub_collab.server.line_diff import blocks, differences, longest_rising
from jupyterhub_collab.server.merge_text import change_text


def changed(old: list[str], new: list[str]) -> list[str]:
    """Return the old lines with their differences replaced."""
    result = list(old)
    for start, stop, new_start, new_stop in reversed(differences(old, new)):
        result[start:stop] = new[new_start:new_stop]
    return result


@pytest.mark.parametrize("seed", range(200))
def test_old_lines_with_the_differences_are_the_new_ones(seed: int) -> None:
    chance = random.Random(seed)
    old = [chance.choice("abcdefgh") * chance.choice([1, 1, 9]) for _ in range(chance.randrange(40))]
    new = [line for line in old if chance.random() > 0.2]
    for _ in range(chance.randrange(10)):
        new.insert(chance.randrange(len(new) + 1), chance.choice("abcxyz"))
    if chance.random() > 0.8:
        chance.shuffle(new)
    assert changed(old, new) == new
    parts = list(blocks(old, new))
    assert [line for _is_same, (start, stop, _, _) in parts for line in old[start:stop]] == old
    assert [line for _is_same, (_, _, start, stop) in parts for line in new[start:stop]] == new
    assert all(
        (old[start:stop] == new[new_start:new_stop]) is is_same
        for is_same, (start, stop, new_start, new_stop) in parts
    )


def test_parts_that_are_the_same_stay_parts_however_many_there_are() -> None:
    """Equal lines stay equal parts, however many there are. A file keeps its own form in them, and only a document needs few changes."""
    old = [f"{number}" for number in range(4000)]
    new = [line + "!" if number % 2 else line for number, line in enumerate(old)]
    assert sum(stop - start for is_same, (start, stop, _, _) in blocks(old, new) if is_same) == 2000
    assert len(differences(old, new)) < 2000


@pytest.mark.parametrize(
    ("numbers", "places"),
    [([], []), ([3, 1, 2, 0, 4], [1, 2, 4]), ([5, 4, 3], [2]), ([0, 1, 2], [0, 1, 2])],
)
def test_longest_rising(numbers: list[int], places: list[int]) -> None:
    assert longest_rising(numbers) == places


def test_what_is_the_same_is_no_difference() -> None:
    old = [f"line {number}" for number in range(1000)]
    new = [*old[:200], "in between", *old[200:700], *old[701:]]
    assert differences(old, new) == [(200, 200, 200, 201), (700, 701, 701, 701)]


@pytest.mark.parametrize("kind", ["every second line", "every line", "few different lines", "other order"])
def test_thousands_of_lines_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Comparing thousands of lines takes little time, measured as the number of compared pairs and of changes to the document."""
    pairs = changes = 0

    class Counted(SequenceMatcher[Any]):
        def __init__(self, junk: Any, one: Any, other: Any, **options: Any) -> None:
            nonlocal pairs
            pairs += len(one) * len(other)
            super().__init__(junk, one, other, **options)

    def note(event: Any) -> None:
        nonlocal changes
        changes += len(event.delta)

    monkeypatch.setattr(line_diff, "SequenceMatcher", Counted)
    old = [f"value_{number} = {number}\n" for number in range(9800)]
    if kind == "few different lines":
        old = [f"{number % 7}\n" for number in range(9800)]
    new = [line.replace("=", "==") if number % 2 else line for number, line in enumerate(old)]
    if kind == "every line":
        new = ["    " + line for line in old]
    elif kind == "few different lines":
        new = [f"{number % 5}\n" for number in range(9800)]
    elif kind == "other order":
        random.Random(1).shuffle(new)
    doc: Doc[Any] = Doc()
    text = doc.get("source", type=Text)
    text += "".join(old)
    text.observe(note)
    with doc.transaction():
        change_text(text, "".join(new))
    assert pairs <= line_diff.MOST_PAIRS + merge_text.MOST_WORD_PAIRS
    # Each difference removes text, inserts text and retains text.
    assert 0 < changes <= 3 * line_diff.MOST_DIFFERENCES
    assert str(text) == "".join(new)
