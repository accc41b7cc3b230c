# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside changes of a file are merged with what users have typed in the meantime."""

from typing import Any

import pytest
from jupyter_ydoc import YBlob, YNotebook, YUnicode
from pycrdt import Doc, Map, Text

from jupyterhub_collab.server.merge import Merged, changes, merge


def copy_of(doc: Doc[Any]) -> Doc[Any]:
    copy: Doc[Any] = Doc()
    copy.apply_update(doc.get_update())
    return copy


def merged(kind: Any, before: Any, typed: Any, written: Any) -> Any:
    """Return the merged content of a document that one side changes by typing, and the other one by writing the file."""
    people = kind()
    people.set(before)
    base = copy_of(people.ydoc)
    if callable(typed):
        typed(people)
    people.ydoc.apply_update(changes(base, kind, written))
    assert kind(base).get() == written, "the base differs from the file"
    return people.get()


def notebook(*sources: str, **more: Any) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [
        {
            "id": f"cell-{source.split()[0]}",
            "cell_type": "code",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for source in sources
    ]
    metadata = {"kernelspec": {"name": "", "display_name": ""}, "language_info": {"name": ""}, **more}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


@pytest.mark.parametrize(
    ("before", "typed", "written", "expected"),
    [
        ("one\ntwo\n", "<typed>", "one\ntwo\nthree\n", "<typed>one\ntwo\nthree\n"),
        ("one\ntwo\n", "<typed>", "one\nTWO\n", "<typed>one\nTWO\n"),
        ("one\ntwo\n", "<typed>", "", "<typed>"),
        ("ä\n€ 5\n😀 hä\n", "<ü>", "ä\n€ 6\n😀 hö\n", "<ü>ä\n€ 6\n😀 hö\n"),
        ("same\n", "<typed>", "same\n", "<typed>same\n"),
        ("", "<typed>", "new", "<typed>new"),
        ("a\n" * 9000, "<typed>", "b\n" * 9000, "<typed>" + "b\n" * 9000),
    ],
)
def test_text_keeps_both(before: str, typed: str, written: str, expected: str) -> None:
    result = merged(YUnicode, before, lambda people: people.ydoc["source"].insert(0, typed), written)
    assert sorted(result) == sorted(expected)
    if before != "":  # two insertions at one position may come in either order
        assert result == expected


def test_lines_that_stay_are_not_touched() -> None:
    people = YUnicode()
    people.set("one\ntwo\nthree\n")
    update = changes(copy_of(people.ydoc), YUnicode, "one\ntwo and a half\nthree\n")
    assert len(update) < 60, "the update contains more than the change"


@pytest.mark.parametrize(
    ("before", "place", "written", "expected"),
    [
        ("foo fizz\n", 4, "fizz\n", "<typed>fizz\n"),
        ("(foo)(fizz)\n", 5, "(fizz)\n", "<typed>(fizz)\n"),
        ("a = (foo)(fizz)(bar)\n", 9, "a = (fizz)(bar)\n", "a = <typed>(fizz)(bar)\n"),
        ("one foo two\n", 7, "one fizz two\n", "one fizz<typed> two\n"),
        ("aaaa\n", 0, "aa\n", "<typed>aa\n"),
    ],
)
def test_what_is_typed_beside_a_word_is_in_no_other(
    before: str, place: int, written: str, expected: str
) -> None:
    """Text typed next to a word does not end up inside another one.

    This holds whichever words are removed, and however many letters they share with their neighbors.
    """
    result = merged(YUnicode, before, lambda people: people.ydoc["source"].insert(place, "<typed>"), written)
    # If a word is replaced, the two insertions there may come in either order.
    assert result in (expected, expected.replace("fizz<typed>", "<typed>fizz"))


def test_a_notebook_keeps_both() -> None:
    before = notebook("a = 1", "b = 2", "c = 3")
    written = notebook("a = 1", "b = 2 + 2", "d = 4")

    def typed(people: YNotebook) -> None:
        people.ycells[0]["source"].insert(0, "# typed\n")
        people.append_cell(notebook("e = 5")["cells"][0])

    result = merged(YNotebook, before, typed, written)
    sources = [cell["source"] for cell in result["cells"]]
    assert sources[:2] == ["# typed\na = 1", "b = 2 + 2"]
    assert sorted(sources[2:]) == ["d = 4", "e = 5"], (
        "two cells inserted at the same place can be in either order"
    )


def test_typing_and_writing_in_one_cell_keeps_both() -> None:
    before = notebook("a = 1\nb = 2\n")
    written = notebook("a = 1\nb = 2\nc = 3\n")
    result = merged(
        YNotebook, before, lambda people: people.ycells[0]["source"].insert(0, "# typed\n"), written
    )
    assert [cell["source"] for cell in result["cells"]] == ["# typed\na = 1\nb = 2\nc = 3\n"]


def test_outputs_come_with_the_file() -> None:
    before, written = notebook("a = 1"), notebook("a = 1")
    written["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1\n"}]
    written["cells"][0]["execution_count"] = 7
    result = merged(YNotebook, before, None, written)
    assert result == written


def notebook_with(content: Any) -> YNotebook:
    people = YNotebook()
    people.set(content)
    return people


@pytest.mark.parametrize(
    ("written", "lost"),
    [
        (notebook("a", "b", "c"), False),
        (notebook("b", "a"), False),
        (notebook("a"), True),
        (notebook("a", "b and more"), False),
    ],
)
def test_typing_into_a_cell_that_goes_is_noticed(written: Any, lost: bool) -> None:
    """Typing into a removed cell is noticed. If the cell stays, at any position, nothing is lost."""
    people = notebook_with(notebook("a", "b"))
    base = copy_of(people.ydoc)
    people.ycells[1]["source"].insert(0, "<typed>")
    result, _update = merge(base, people, written)
    assert result.had_more and result.has_lost is lost
    assert lost or any("<typed>b" in str(cell["source"]) for cell in people.ycells)


def test_taking_out_what_nobody_has_typed_since_is_no_loss() -> None:
    people = notebook_with(notebook("a", "b"))
    result, _update = merge(copy_of(people.ydoc), people, notebook("a"))
    assert result == Merged(False)


def test_cells_that_stay_keep_their_texts() -> None:
    """Cells that stay keep their text objects, which contain users' cursors."""
    people = notebook_with(notebook("a = 1", "b = 2", "c = 3", "d = 4"))
    base = copy_of(people.ydoc)
    seen: list[Any] = []
    people.ycells[0]["source"].observe(seen.append)
    marks = [cell["source"].sticky_index(1) for cell in people.ycells]
    merge(base, people, notebook("new = 0", "a = 1", "d = 4", "b = 2 + 2", "c = 3"))
    assert [str(cell["source"]) for cell in people.ycells] == [
        "new = 0",
        "a = 1",
        "d = 4",
        "b = 2 + 2",
        "c = 3",
    ]
    assert not seen and marks


def cell(source: str, name: str, kind: str = "code") -> dict[str, Any]:
    code: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"id": name, "cell_type": kind, "source": source, "metadata": {}, **code}


def of_cells(*cells: dict[str, Any]) -> dict[str, Any]:
    return {**notebook(), "cells": list(cells)}


def both(typed: Any, *written: dict[str, Any]) -> tuple[YNotebook, Merged]:
    """Merge a user's changes to a notebook with cells a, b and c with what a program writes."""
    people = YNotebook()
    people.set(of_cells(*(cell(f"{name} = 1", name) for name in "abc")))
    base = copy_of(people.ydoc)
    typed(people)
    return people, merge(base, people, of_cells(*written))[0]


def make_anew(people: YNotebook, start: int, to: int, **other: Any) -> None:
    """Replace a cell as JupyterLab does when a user moves it or changes its type."""
    old = people.get_cell(start)
    new = cell(old["source"], old["id"], other.pop("kind", "code"))
    del people.ycells[start]
    people.ycells.insert(to, people.create_ycell({**new, **other}))


def sources(people: YNotebook) -> list[str]:
    return [str(each["source"]) for each in people.ycells]


@pytest.mark.parametrize("is_moved", [False, True])
def test_cells_that_get_other_ids_stay_the_ones_they_are(is_moved: bool) -> None:
    """Cells that only get other IDs remain the same cells, as when a program converts a notebook or generates it again from a script."""

    def typed(people: YNotebook) -> None:
        people.ycells[0]["source"].insert(0, "typed ")
        if is_moved:
            make_anew(people, 2, 0)

    written = [cell("a = 1", "x"), cell("new", "n"), cell("b = 2", "y"), cell("c = 1", "z")]
    people, came = both(typed, *written)
    expected = ["typed a = 1", "new", "b = 2", "c = 1"]
    assert sources(people) == ([expected[3], *expected[:3]] if is_moved else expected)
    assert {each["id"] for each in people.ycells} == set("xnyz")
    assert not came.has_lost


def test_a_cell_that_takes_the_place_of_another_is_another() -> None:
    people, came = both(
        lambda people: people.ycells[1]["source"].insert(0, "typed "),
        cell("a = 1", "a"),
        cell("def something_else():\n    pass", "x"),
        cell("c = 1", "c"),
    )
    assert "typed" not in str(sources(people)) and came.has_lost


@pytest.mark.parametrize(
    ("typed", "written", "expected"),
    [
        pytest.param(
            lambda people: make_anew(people, 2, 0),
            [cell("a = 1", "a"), cell("b = 1", "b"), cell("c = 2", "c")],
            ["c = 2", "a = 1", "b = 1"],
            id="moved by people, edited by a program",
        ),
        pytest.param(
            lambda people: make_anew(people, 2, 0),
            [cell("c = 1", "c"), cell("a = 2", "a"), cell("b = 1", "b")],
            ["c = 1", "a = 2", "b = 1"],
            id="moved by both",
        ),
        pytest.param(
            lambda people: make_anew(people, 2, 2, kind="markdown", source="c = 1 typed"),
            [cell("a = 1", "a"), cell("b = 1", "b"), cell("new c = 1", "c", "markdown")],
            ["a = 1", "b = 1", "new c = 1 typed"],
            id="type changed by both",
        ),
        pytest.param(
            lambda people: people.ycells.__delitem__(1),
            [cell("a = 1", "a"), cell("b = 1 # new", "b"), cell("c = 1", "c")],
            ["a = 1", "b = 1 # new", "c = 1"],
            id="removed by people, edited by a program",
        ),
        pytest.param(
            lambda people: people.ycells.__delitem__(1),
            [cell("a = 1", "a"), cell("b = 1", "b"), cell("c = 2", "c")],
            ["a = 1", "c = 2"],
            id="removed by people, another cell edited",
        ),
    ],
)
def test_a_cell_that_people_have_made_anew_is_there_once_with_both(
    typed: Any, written: list[dict[str, Any]], expected: list[str]
) -> None:
    people, came = both(typed, *written)
    assert sources(people) == expected
    assert not came.has_lost


def test_a_change_in_a_very_long_line_is_no_more_than_itself() -> None:
    """A change in a very long line, such as JSON on one line, changes nothing else, because users may have their cursors further on."""
    line = "x" * 6_000_000
    people = YUnicode()
    people.set(line)
    base = copy_of(people.ydoc)
    changes: list[Any] = []
    text = people.ydoc.get("source", type=Text)
    text.observe(lambda event: changes.append(event.delta))
    merge(base, people, line[: len(line) // 2] + "new" + line[len(line) // 2 :])
    assert changes == [[{"retain": len(line) // 2}, {"insert": "new"}]]
    assert people.get().count("new") == 1


def test_another_type_is_changed_by_its_own_means() -> None:
    people = YBlob()
    people.set(b"one")
    base = copy_of(people.ydoc)
    merge(base, people, b"two")
    assert people.get() == b"two" and isinstance(people.ydoc.get("source", type=Map), Map)


@pytest.mark.parametrize(
    ("kind", "typed", "written", "is_gone"),
    [
        (YUnicode, "one\ntyped\n", "one\n", True),
        (YUnicode, "one\n", "one\ntwo\n", False),
        (YNotebook, notebook("a = 1", "b = typed"), notebook("a = 1"), True),
        (YNotebook, notebook("a = 1"), notebook("a = 1", "b = 2"), False),
    ],
)
def test_where_nobody_knows_what_the_file_held_all_that_goes_may_have_been_typed(
    kind: Any, typed: Any, written: Any, is_gone: bool
) -> None:
    people = kind()
    people.set(typed)
    came, _update = merge(copy_of(people.ydoc), people, written, is_known=False)
    assert people.get() == written
    assert came.has_lost is is_gone and came.before == typed
