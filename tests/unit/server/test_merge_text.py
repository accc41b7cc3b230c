# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that users type into lines that a program rewrites stays next to the words where it was typed."""

import random
import re
from itertools import count

import pytest
from pycrdt import Doc, Text

from jupyterhub_collab.server import merge_text
from jupyterhub_collab.server.merge_text import change_text

WORD = re.compile(r"<\w+>")


def merged(before: str, typed: list[tuple[int, str]], written: str) -> str:
    """Return the merge of a text with what users have typed at some positions, and with what a program has written."""
    file: Doc[Text] = Doc()
    text = file.get("source", type=Text)
    text += before
    people: Doc[Text] = Doc()
    people.apply_update(file.get_update())
    for place, word in sorted(typed, reverse=True):
        people.get("source", type=Text).insert(len(before[:place].encode()), word)
    with file.transaction():
        change_text(text, written)
    assert str(text) == written
    people.apply_update(file.get_update())
    return str(people.get("source", type=Text))


CALL = "result = call(alpha, beta, gamma)\n"
LINES = "result = call(\n    alpha,\n    beta,\n    gamma,\n)\n"


@pytest.mark.parametrize(
    ("before", "written"), [(CALL, LINES), (LINES, CALL)], ids=["split into lines", "joined into one line"]
)
@pytest.mark.parametrize("beside", ["result", "alpha", "beta"])
def test_a_formatter_that_breaks_lines_otherwise(before: str, written: str, beside: str) -> None:
    place = before.index(beside) + len(beside)
    assert merged(before, [(place, "_typed")], written) == written.replace(beside, f"{beside}_typed")


def test_a_word_in_a_bracket_that_takes_the_place_of_another_one() -> None:
    result = merged("= [one][two][six]\n", [(7, "<typed>")], "= [new][six]\n")
    assert result in ("= <typed>[new][six]\n", "= [new]<typed>[six]\n")


def between_words(text: str) -> list[int]:
    return [
        place
        for place in range(len(text) + 1)
        if (not place or text[place - 1] in ">\n ") and text[place : place + 1] in "<\n "
    ]


@pytest.mark.parametrize("seed", range(4))
def test_no_word_is_cut_however_a_program_writes_the_lines_anew(seed: int) -> None:
    """No word is cut, and each appears once.

    Users type words between others, while a program breaks and joins lines, and adds, removes and replaces words.
    """
    dice = random.Random(seed)
    for _game in range(250):
        names = count()
        before = "".join(
            f"<b{next(names)}>" + dice.choice(["", "", "", "\n", " "]) for _each in range(dice.randint(3, 40))
        )
        written = before
        for _each in range(dice.randint(1, 8)):
            place = dice.choice(between_words(written))
            match dice.choice(["break", "break", "join", "put in", "replace", "take out"]):
                case "break":
                    written = written[:place] + dice.choice("\n ") + written[place:]
                case "join":
                    blank = dice.choice([*(each.start() for each in re.finditer(r"\s", written)), None])
                    if blank is not None:
                        written = written[:blank] + written[blank + 1 :]
                case "put in":
                    written = f"{written[:place]}<f{next(names)}>{written[place:]}"
                case "replace":
                    several = dice.choice([*re.finditer(r"<\w+>\s?<\w+>", written), None])
                    if several is not None:
                        written = written.replace(several[0], f"<f{next(names)}>")
                case "take out":
                    written = written.replace(dice.choice([*WORD.findall(written), "nothing"]), "")
        places = [dice.choice(between_words(before)) for _each in range(dice.randint(1, 4))]
        typed = [(place, f"<p{next(names)}>") for place in places]
        result = merged(before, typed, written)
        words = WORD.findall(written) + [word for _place, word in typed]
        assert sorted(WORD.findall(result)) == sorted(words), (before, typed, written, result)


@pytest.mark.parametrize("text", ["word " * 100_000, "w" * 500_000, "a, " * 100_000 + "\n"])
def test_a_very_long_line_is_not_gone_through_word_by_word(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A very long line is not compared word by word, because users wait. The test counts the steps that grow with the text."""
    looked, cut, words = 0, merge_text._cut, merge_text.WORDS

    def counted(text: str, place: int) -> int:
        nonlocal looked
        looked += 1
        return cut(text, place)

    class Words:
        @staticmethod
        def findall(text: str) -> list[str]:
            nonlocal looked
            looked += len(text)
            return words.findall(text)

    monkeypatch.setattr(merge_text, "_cut", counted)
    monkeypatch.setattr(merge_text, "WORDS", Words)
    half = len(text) // 2
    merged(text, [(0, "<typed>")], f"{text[:half]} new {text[half:].upper()}")
    assert looked <= merge_text.MOST_CHARACTERS
