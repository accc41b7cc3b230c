# SPDX-License-Identifier: GPL-3.0-or-later
"""Typing one letter changes one letter of a file's bytes, and no others."""

import copy
import json
import math
import re
import sys
from typing import Any

import pytest
from jupyter_ydoc import YNotebook
from pycrdt import Doc, Map

from jupyterhub_collab.server.notebook_bytes import bytes_of_notebook, notebook_of
from jupyterhub_collab.server.text_bytes import NoText, bytes_of, text_of

TEXTS = {
    "plain": b"one\ntwo\n",
    "no final newline": b"one\ntwo",
    "empty": b"",
    "Windows line endings": b"one\r\ntwo\r\nthree",
    "old Mac line endings": b"one\rtwo\r",
    "mixed": b"one\r\ntwo\nthree\r\r\nfour\rfive\n",
    "byte-order mark": b"\xef\xbb\xbfone\r\n",
    "utf-16": b"\xff\xfe" + "one\r\nüwo\r\n".encode("utf-16-le"),
    "utf-32": b"\xff\xfe\0\0" + "one\nüwo\n".encode("utf-32-le"),
    "latin-1": "für\n".encode("latin-1") + b"one\n",
    "windows-1252": "für 5 €\r\n".encode("cp1252") + b"one",
    "not in windows-1252": b"\x81one\xe9\n",
    "cut off in a letter": "one größe ä".encode()[:-1],
    "null characters": b"one\0\r\n\0",
    "scripts": "Ελλ 中文 \u2028 e\u0301 é\n".encode(),
    "stray byte": "größe 中\r\n".encode() + b"one\xe9\r\n\xff\n",
    "stray byte and byte-order mark": b"\xef\xbb\xbfone\xe9\n",
    "cut off between letters": "größe\n".encode() + "ä".encode()[:-1] + b"one\n" + "中".encode()[1:],
}


@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_a_text_that_nobody_changes_stays_as_it_is(data: bytes) -> None:
    text = text_of(data)
    assert "\r" not in text and "\ufeff" not in text
    assert bytes_of(text, data) == data


@pytest.mark.parametrize("name", [name for name, data in TEXTS.items() if text_of(data).count("one")])
def test_a_letter_typed_into_a_text_is_one_letter_more(name: str) -> None:
    data = TEXTS[name]
    encoded = "one".encode("utf-16-le" if name == "utf-16" else "utf-32-le" if name == "utf-32" else "ascii")
    letter = encoded[: len(encoded) // 3].replace(b"o", b"x")
    assert bytes_of(text_of(data).replace("one", "xone"), data) == data.replace(encoded, letter + encoded)


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        (b"a\r\nb\n", "a\nnew\nb\n", b"a\r\nnew\r\nb\n"),
        (b"a\r\nb\n", "new\na\nb\n", b"new\r\na\r\nb\n"),
        (b"a\r\nb\nc\r\n", "a\nc\n", b"a\r\nc\r\n"),
        (b"a\nb\r\nc", "a\nb\nc\n", b"a\nb\r\nc\r\n"),
        ("für\n".encode("latin-1"), "für 中\n", "für 中\n".encode()),
        ("für\n".encode("latin-1"), "für \0\n", "für \0\n".encode()),
        (b"a\0b\x89", "text", b"text"),
        (b"a\nb\n", "new\r\na\nb\rc\n", b"new\na\nb\nc\n"),
        (b"a\n", "\ufeffa\n", b"\xef\xbb\xbfa\n"),
        (b"\xef\xbb\xbfa\n", "\ufeffab\n", b"\xef\xbb\xbfab\n"),
        (b"\xef\xbb\xbf\xef\xbb\xbfa\n", "\ufeffab\n", b"\xef\xbb\xbf\xef\xbb\xbfab\n"),
        (b"a\r\nb\r\n", "new\r\na\nb\n", b"new\r\na\r\nb\r\n"),
    ],
)
def test_what_is_new_follows_the_file(before: bytes, text: str, after: bytes) -> None:
    assert bytes_of(text, before) == after


def test_a_text_that_ends_in_the_midst_of_a_letter_is_what_it_was() -> None:
    assert text_of("größe ä".encode()[:-1]) == "größe "
    assert text_of("caf\xe9".encode("latin-1")) == "café", "Latin-1 text may end like this"


def test_a_stray_byte_garbles_nothing_else() -> None:
    """A file in UTF-8 remains UTF-8 if a program has put a few bytes into it that are not, such as a log."""
    data = "größe 中\n".encode() + b"M\xfcller \xff\n" + "für\n".encode()
    text = text_of(data)
    assert text == "größe 中\nM\ufffdller \ufffd\nfür\n"
    typed = text.replace("M", "x 文 M").replace("größe", "die größe").replace("\ufffd\nfür", "\nfür")
    after = "die größe 中\n".encode() + "x 文 ".encode() + b"M\xfcller \n" + "für\n".encode()
    assert bytes_of(typed, data) == after
    moved = "new \ufffd\n" + text
    assert bytes_of(moved, data) == "new \ufffd\n".encode() + data


def test_a_text_keeps_the_encoding_in_which_people_have_it() -> None:
    data = "für Müller\n".encode() + b"M\xfcller\n"
    garbled = data.decode("cp1252")  # as an earlier release read it
    assert bytes_of(garbled + "x", data) == data + b"x"
    letters_gone = text_of(data).replace("ü", "ue")
    after = bytes_of(letters_gone, data)
    assert after == b"fuer Mueller\nM\xfcller\n"
    assert bytes_of(letters_gone + "x", after) == after + b"x"


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(NoText):
        text_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")


CODE: dict[str, Any] = {
    "cell_type": "code",
    "execution_count": None,
    "metadata": {},
    "outputs": [],
    "source": ["x = 1"],
}
NOTEBOOK: dict[str, Any] = {
    "cells": [
        {**CODE, "id": "one"},
        {"cell_type": "markdown", "id": "two", "metadata": {"tags": ["é"]}, "source": ["# Ti\n", "tle"]},
        {
            **CODE,
            "id": "three",
            "execution_count": 3,
            "outputs": [
                {"name": "stdout", "output_type": "stream", "text": ["a\n", "b\n"]},
                {
                    "data": {"application/json": {"b": 1.0, "a": [1e3]}, "text/plain": ["1"]},
                    "metadata": {},
                    "output_type": "display_data",
                },
            ],
        },
    ],
    "metadata": {"kernelspec": {"display_name": "P", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def without(key: str, **more: Any) -> dict[str, Any]:
    """Return the notebook with one key removed from all its cells."""
    cells = [{name: value for name, value in cell.items() if name != key} for cell in NOTEBOOK["cells"]]
    return {**NOTEBOOK, "cells": cells, **more}


def dumped(notebook: dict[str, Any], ending: str = "\n", **form: Any) -> bytes:
    return (json.dumps(notebook, **{"indent": 1, "ensure_ascii": False, **form}) + ending).encode()


NO_IDS: list[Any] = [None, "", 5, 5, {"a": 1}, [], True]
NOTEBOOKS = {
    "as nbformat writes it": dumped(NOTEBOOK, sort_keys=True),
    "indented with two spaces": dumped(NOTEBOOK, indent=2),
    "indented with tabs": dumped(NOTEBOOK, indent="\t"),
    "one line": dumped(NOTEBOOK, "", indent=None),
    "one line, no spaces": dumped(NOTEBOOK, indent=None, separators=(",", ":")),
    "ASCII escapes": dumped(NOTEBOOK, ensure_ascii=True),
    "capital escapes": dumped(NOTEBOOK, ensure_ascii=True).replace(b"\\u00e9", b"\\u00E9"),
    "Windows line endings": dumped(NOTEBOOK).replace(b"\n", b"\r\n"),
    "byte-order mark": b"\xef\xbb\xbf" + dumped(NOTEBOOK),
    "no final newline": dumped(NOTEBOOK, ""),
    "reversed keys": dumped({key: NOTEBOOK[key] for key in reversed(NOTEBOOK)}),
    "no ids": dumped(without("id")),
    "4.4": dumped(without("id", nbformat_minor=4)),
    "4.4 with ids": dumped({**NOTEBOOK, "nbformat_minor": 4}),
    "4.0": dumped(without("id", nbformat_minor=0)),
    "duplicate id": dumped({**NOTEBOOK, "cells": NOTEBOOK["cells"] + NOTEBOOK["cells"][:1]}),
    "one id three times": dumped({**NOTEBOOK, "cells": [*NOTEBOOK["cells"], *([{**CODE, "id": "one"}] * 2)]}),
    "long duplicate id": dumped(
        {**NOTEBOOK, "cells": [{**cell, "id": "x" * 64} for cell in NOTEBOOK["cells"]]}
    ),
    "ids that are none": dumped(
        {
            **NOTEBOOK,
            "cells": [{**NOTEBOOK["cells"][0], "id": id_} for id_ in NO_IDS],
        }
    ),
    "saved from JupyterLab": dumped(
        {**NOTEBOOK, "cells": [{**CODE, "id": id_} for id_ in ("unnamed-1", "one", "again-1-one", "one")]}
    ),
    "state of a cell": dumped({**NOTEBOOK, "cells": [{**CODE, "id": "one", "execution_state": "busy"}]}),
    "empty metadata": dumped({**NOTEBOOK, "metadata": {}}),
    "no metadata": dumped({key: value for key, value in NOTEBOOK.items() if key != "metadata"}),
    "cells without metadata": dumped(without("metadata")),
    "cells without outputs": dumped(without("outputs")),
    "additional key": dumped({**NOTEBOOK, "own": {"b": 1, "a": 2}}),
    "source as one string": dumped(
        {**NOTEBOOK, "cells": [{**cell, "source": "".join(cell["source"])} for cell in NOTEBOOK["cells"]]}
    ),
    # As jsonlite writes them.
    "short lists in one line": re.sub(rb'\[\n\s+("[^"]*")\n\s+\]', rb"[\1]", dumped(NOTEBOOK, indent=2)),
    # The number of lines is that of Python's format by chance.
    "other line breaks": dumped({**NOTEBOOK, "cells": [{**CODE, "id": "one", "metadata": {"tags": ["a"]}}]})
    .replace(b'[\n     "a"\n    ]', b'["a"]')
    .replace(b'"id"', b'\n\n"id"'),
    # As after a conflict was resolved by hand.
    "blank line between cells": dumped(NOTEBOOK).replace(
        b'},\n  {\n   "cell_type": "code"', b'},\n\n{\n   "cell_type": "code"'
    ),
    "no source": dumped({**NOTEBOOK, "cells": [{**CODE, "source": ["x = 1"]}, {**CODE, "source": None}]}),
    "output without a type": dumped({**NOTEBOOK, "cells": [{**CODE, "outputs": [{"text": ["a\n", "b"]}]}]}),
    "stray byte": dumped(NOTEBOOK).replace(b'"b\\n"', b'"b\xe9\\n"'),
    "trusted": dumped({**NOTEBOOK, "cells": [{**CODE, "id": "one", "metadata": {"trusted": True}}]}),
    "empty": dumped({**NOTEBOOK, "cells": []}),
}
# Numbers and texts that programs write, but that a shared document cannot hold.
ODD = {
    "b": "cut in two: \ud83d",
    "a": [math.nan, -math.inf, 2**70, 1.5, sys.float_info.max],
    "\udc00": math.nan,
}
SHOWN = {"data": {"application/json": ODD}, "metadata": {}, "output_type": "display_data"}
HELD: dict[str, Any] = {**NOTEBOOK, "cells": [{**CODE, "id": "one", "outputs": [SHOWN]}]}
NOTEBOOKS |= {
    "values that no document can hold": dumped(HELD, ensure_ascii=True),
    "metadata that no document can hold": dumped({**NOTEBOOK, "metadata": ODD}, ensure_ascii=True),
    "unusual formats of numbers and strings, in one line": dumped(HELD, indent=None, ensure_ascii=True)
    .replace(b"1.5", b"1.50e0")
    .replace(b"on/j", b"on\\/j")
    .replace(b'"b": ', b'"b" : '),
}


def of_people(data: bytes) -> YNotebook:
    """Return a notebook as users have it who have opened the file."""
    document = YNotebook(Doc())
    document.set(copy.deepcopy(notebook_of(data)))
    return document


@pytest.mark.parametrize("data", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_a_notebook_that_nobody_changes_stays_as_it_is(data: bytes) -> None:
    assert notebook_of(data) == notebook_of(data)
    document = of_people(data)
    ids = [cell["id"] for cell in document.ycells]
    assert len(set(ids)) == len(ids)
    assert bytes_of_notebook(document.get(), data) == data


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name != "empty"])
def test_a_letter_typed_into_a_notebook_is_one_letter_more(name: str) -> None:
    data = NOTEBOOKS[name]
    document = of_people(data)
    document.ycells[0]["source"].insert(0, "y")
    assert bytes_of_notebook(document.get(), data) == data.replace(b'"x = 1"', b'"yx = 1"', 1)


LINE_BREAK = re.compile(rb"\s+")
SOURCES = {
    "escapes that Python does not write": rb'"x\u0020= \/\u00E9\u003c\ud83d\ude00\u000a"',
    "the same letter in two notations": '"x é \\u00e9 \\u00E9 é"'.encode(),
    "half a character": rb'["x \ud83d\n", "\ud83d"]',
    "lines that are not divided": rb'["x\ny\n"]',
    "lines that are divided": rb'["x ", "= 1\n", "y"]',
    "an empty line at the end": rb'["x\n", ""]',
}


def with_source(source: bytes) -> bytes:
    return dumped({**NOTEBOOK, "cells": [{**CODE, "id": "one", "source": "?"}]}).replace(b'"?"', source)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_letter_typed_into_an_unusual_text_is_one_letter_more(source: bytes) -> None:
    data = with_source(source)
    document = of_people(data)
    document.ycells[0]["source"].insert(0, "y")
    assert bytes_of_notebook(document.get(), data) == with_source(source.replace(b'"x', b'"yx', 1))


@pytest.mark.parametrize(
    ("before", "place", "typed", "after"),
    [
        (rb'["x\u0020\n", "\u0079"]', 1, "\n", rb'["x\n", "\u0020\n", "\u0079"]'),
        (rb'["x ", "= 1\n", "y"]', 6, "new\n", rb'["x ", "= 1\n", "new\n", "y"]'),
        (rb'["x ", "= 1\n", "y"]', 2, "new", rb'["x new", "= 1\n", "y"]'),
        (rb'["x\ny\n"]', 4, "z\n", rb'["x\ny\nz\n"]'),
        (rb'["x\n", ""]', 2, "y", rb'["x\n", "y"]'),
        (rb'"x \/"', 3, "\\\n", rb'"x \/\\\n"'),
    ],
)
def test_what_is_typed_between_unusual_lines(before: bytes, place: int, typed: str, after: bytes) -> None:
    data = with_source(before)
    document = of_people(data)
    document.ycells[0]["source"].insert(place, typed)
    written = bytes_of_notebook(document.get(), data)
    assert LINE_BREAK.sub(b" ", written) == LINE_BREAK.sub(b" ", with_source(after))


def test_a_key_that_is_there_twice_stays() -> None:
    """Merging two versions of a notebook line by line leaves keys twice. Only the last one counts."""
    cell = {"cell_type": "markdown", "id": "two", "attachments": {}, "metadata": {}, "source": ["y"]}
    data = dumped({**NOTEBOOK, "cells": [{**CODE, "id": "one"}, cell]})
    data = data.replace(b'"attachments"', b'"metadata": {"a": 1},\n   "attachments"')
    document = of_people(data)
    document.ycells[0]["source"].insert(0, "y")
    assert bytes_of_notebook(document.get(), data) == data.replace(b'"x = 1"', b'"yx = 1"')


@pytest.mark.parametrize("lines", [["x\u2028\f2\n", "3"], ["x\u2028", "\f", "2\n", "3"]])
def test_lines_end_where_the_program_ends_them(lines: list[str]) -> None:
    """VS Code ends the lines of a cell at line feeds only."""
    data = dumped({**NOTEBOOK, "cells": [{**CODE, "id": "one", "source": lines}]})
    document = of_people(data)
    document.ycells[0]["source"].insert(0, "y")
    assert bytes_of_notebook(document.get(), data) == data.replace(b'"x', b'"yx')


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if b'"display_name": "P"' in NOTEBOOKS[name]])
def test_another_kernel_changes_its_name_only(name: str) -> None:
    data = NOTEBOOKS[name]
    document = of_people(data)
    metadata = document.get()["metadata"]
    document.ydoc.get("meta", type=Map)["metadata"] = {
        **metadata,
        "kernelspec": {**metadata["kernelspec"], "display_name": "Q"},
    }
    assert bytes_of_notebook(document.get(), data) == data.replace(b'"P"', b'"Q"')


@pytest.mark.parametrize(
    "name", ["as nbformat writes it", "indented with two spaces", "no ids", "4.4", "duplicate id"]
)
def test_a_cell_taken_out_takes_nothing_else(name: str) -> None:
    data = NOTEBOOKS[name]
    document = of_people(data)
    del document.ycells[1]
    rest = json.loads(data)
    del rest["cells"][1]
    sort = name == "as nbformat writes it"
    expected = dumped(rest, indent=2 if name == "indented with two spaces" else 1, sort_keys=sort)
    assert bytes_of_notebook(document.get(), data) == expected


@pytest.mark.parametrize(("place", "kind"), [(0, "markdown"), (1, "code")])
def test_a_cell_whose_type_is_changed_has_the_keys_of_its_type(place: int, kind: str) -> None:
    data = NOTEBOOKS["as nbformat writes it"]
    document = of_people(data)
    old = document.get_cell(place)
    cell = {key: old[key] for key in ("id", "source", "metadata")}  # as JupyterLab creates it again
    more: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    document.set_cell(place, {**cell, "cell_type": kind, **more})
    written = json.loads(bytes_of_notebook(document.get(), data))["cells"][place]
    assert written.keys() == {"id", "source", "metadata", "cell_type", *more}


@pytest.mark.parametrize(
    "more",
    [{"metadata": {"tags": ["a"]}}, {"outputs": [{"output_type": "stream", "name": "stdout", "text": "a"}]}],
)
def test_what_an_empty_cell_has_besides_text_is_written(more: dict[str, Any]) -> None:
    document = of_people(NOTEBOOKS["empty"])
    document.set({**document.get(), "cells": [{**CODE, "source": "", **more}]})
    written = json.loads(bytes_of_notebook(document.get(), NOTEBOOKS["empty"]))
    assert len(written["cells"]) == 1


def test_a_new_cell_follows_the_file() -> None:
    data = NOTEBOOKS["source as one string"]
    document = of_people(data)
    document.append_cell({**CODE, "id": "new", "source": "a\nb"})
    cell = json.loads(bytes_of_notebook(document.get(), data))["cells"][-1]
    assert list(cell.items()) == list({**CODE, "source": "a\nb", "id": "new"}.items())


def test_a_cell_without_an_id_stays_the_one_it_is() -> None:
    data = NOTEBOOKS["no ids"]
    known = notebook_of(data)
    later = json.loads(data)
    later["cells"][2]["source"] = ["x = 2"]
    later["cells"].insert(0, {**CODE, "source": ["new"]})
    found = notebook_of(dumped(later), known)
    assert [cell["id"] for cell in found["cells"][1:]] == [cell["id"] for cell in known["cells"]]
    assert found["cells"][0]["id"] not in [cell["id"] for cell in known["cells"]]


OLDER = dumped(
    {
        "metadata": {"name": "x"},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "input": ["x = 1\n", "y"],
                        "language": "python",
                        "outputs": [{"output_type": "stream", "stream": "stdout", "text": ["a\n"]}],
                        "prompt_number": 1,
                    },
                    {"cell_type": "heading", "level": 2, "source": ["Title"]},
                ]
            }
        ],
    }
)


def test_an_empty_notebook_of_an_older_format_stays_as_it_is() -> None:
    data = dumped({"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": []}]})
    assert bytes_of_notebook(of_people(data).get(), data) == data


def test_a_notebook_of_an_older_format_stays_as_it_is_until_someone_types() -> None:
    assert notebook_of(OLDER) == notebook_of(OLDER)
    document = of_people(OLDER)
    assert bytes_of_notebook(document.get(), OLDER) == OLDER
    document.ycells[0]["source"].insert(0, "y")
    after = bytes_of_notebook(document.get(), OLDER)
    assert [cell["source"] for cell in json.loads(after)["cells"]] == [["yx = 1\n", "y"], ["## Title"]]
    assert bytes_of_notebook(document.get(), after) == after


NOT_VALID = [
    {**NOTEBOOK, "metadata": None},
    *({**NOTEBOOK, "cells": [{**CODE, key: None}]} for key in ("metadata", "outputs", "attachments")),
    *(
        {**NOTEBOOK, "cells": [{**CODE, **more}]}
        for more in ({"source": 5}, {"source": [5]}, {"cell_type": "sql"})
    ),
    {**NOTEBOOK, "cells": [{**CODE, "outputs": [{"output_type": "stream", "name": "stdout", "text": None}]}]},
]
SHEETS: list[Any] = [
    [CODE],
    [{"cell_type": "code", "input": "x"}],
    [{"cell_type": "own", "source": "x"}],
    None,
]
NOT_VALID += [{"metadata": {}, "nbformat": 3, "worksheets": [{"cells": sheet}]} for sheet in SHEETS]
# `nbformat` takes the first one for a notebook of format 1, whose cells had no source, and would save it without.
NOT_KNOWN = [
    {key: value for key, value in NOTEBOOK.items() if key != "nbformat"},
    *({**NOTEBOOK, "nbformat": number} for number in (None, True, "4", 1, 5)),
]


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"nbformat": 4}', dumped(NOTEBOOK)[:99], *map(dumped, NOT_VALID)]
)
def test_what_is_no_notebook_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        notebook_of(data)


@pytest.mark.parametrize("data", [*map(dumped, NOT_KNOWN)])
def test_a_notebook_of_an_unknown_format_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="nbformat"):
        notebook_of(data)
