# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a shared text into another one. What is the same in both is not touched, so what people type next to it stays in place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pycrdt import Text

from .line_diff import MOST_DIFFERENCES, MOST_PAIRS, Block, blocks, differences

# A block of lines of at most this many characters is compared word by word. All comparisons together compare at most this many pairs of
# words, which takes about 50 ms.
MOST_CHARACTERS = 20_000
MOST_WORD_PAIRS = MOST_PAIRS
# The most characters by which a part of a text is moved or extended, so that it can be cut in a good place.
MOST_MOVED = 200
WORDS = re.compile(r"\w+|\s|[^\w\s]")


def change_text(text: Text, new: str) -> None:
    """Change a shared text into `new` line by line, and word by word within lines that differ."""
    old = str(text)
    if old == new:
        return
    old_lines, new_lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    # Start from the end, so that the positions before a change stay valid. Positions are in bytes of UTF-8.
    places = [0]
    for line in old_lines:
        places.append(places[-1] + len(line.encode()))
    found = differences(old_lines, new_lines)
    pairs, most = MOST_WORD_PAIRS, MOST_DIFFERENCES // max(1, len(found))
    for old_start, old_end, new_start, new_end in reversed(found):
        before = "".join(old_lines[old_start:old_end])
        after = "".join(new_lines[new_start:new_end])
        parts = [(0, len(before), 0, len(after))]
        if len(before) + len(after) <= MOST_CHARACTERS:
            words, new_words = WORDS.findall(before), WORDS.findall(after)
            if (needed := len(words) * len(new_words)) <= pairs:
                pairs -= needed
                by_words = list(_parts(words, new_words))
                parts = by_words if len(by_words) <= most else parts
        for part in reversed(parts):
            _change_part(text, places[old_start], before, after, part)


def _change_part(text: Text, place: int, before: str, after: str, part: Block) -> None:
    """Change a part of some lines into a part of others, but only where they differ. place: the position of the lines, in bytes."""
    start, end, new_start, new_end = _narrowed(before, after, part)
    place += len(before[:start].encode())
    if start < end:
        del text[place : place + len(before[start:end].encode())]
    if new_start < new_end:
        text.insert(place, after[new_start:new_end])


def _parts(old: list[str], new: list[str]) -> Iterator[Block]:
    """Divide two texts, given as words, within what is the same in both. Yield the parts, as positions of characters in both texts.

    Each part has one difference, with common text on both sides, so that it can be cut in a good place.
    """
    cuts = [(0, 0)]
    for is_same, (start, end, new_start, _new_end) in blocks(old, new):
        # A comma or a bracket may be the same by chance, so it does not show which places belong together.
        if is_same and any(map(_is_word, old[start:end])):
            half = (end - start) // 2
            cuts.append((start + half, new_start + half))
    cuts.append((len(old), len(new)))
    place = new_place = 0
    for (start, new_start), (end, new_end) in pairwise(cuts):
        size, new_size = len("".join(old[start:end])), len("".join(new[new_start:new_end]))
        yield place, place + size, new_place, new_place + new_size
        place, new_place = place + size, new_place + new_size


def _narrowed(old: str, new: str, part: Block) -> Block:
    """Return a part of two texts without the text that they have in common at its ends. If possible, cut no word.

    Otherwise, text that someone types at the beginning or end of a word could end up in the middle of another word.
    """
    start, end, new_start, new_end = part
    same = _common(old[start:end], new[new_start:new_end])
    same_end = _common(old[start + same : end][::-1], new[new_start + same : new_end][::-1])
    one, other = start + same, new_start + same
    if same + same_end == min(end - start, new_end - new_start):
        # Text was only added or removed. If it ends like the text before it, it can be moved: `, b, a` in `a, b, a` could also be `a, b, `.
        size = (new_end - new_start) - (end - start)
        longer, place = (new, other) if size > 0 else (old, one)
        moved = _best_place(longer, place, abs(size), place - same) - place
        one, other = one + moved, other + moved
        return one, one + max(0, -size), other, other + max(0, size)
    before = _outwards(old, one, new, other, -1, same)
    after = _outwards(old, end - same_end, new, new_end - same_end, 1, same_end)
    return one - before, end - same_end + after, other - before, new_end - same_end + after


def _outwards(old: str, place: int, new: str, new_place: int, step: int, most: int) -> int:
    """Return by how many characters to move the end of a part outwards, so that it cuts no word.

    A bracket or a quotation mark stays with the word next to it.
    """

    def cut(moved: int) -> int:
        return min(_cut(old, place + step * moved), _cut(new, new_place + step * moved))

    moved, most = 0, min(most, MOST_MOVED)
    while cut(moved) == 0:
        if moved == most:
            return 0  # a very long word
        moved += 1
    return moved + (moved < most and cut(moved + 1) > cut(moved))


def _best_place(text: str, place: int, size: int, first: int) -> int:
    """Return the best place to cut out a part of a text, among the places from `first` to `place` where the result is the same."""
    best, found = place, _cuts(text, place, size)
    first = max(first, place - MOST_MOVED)
    while place > first and text[place - 1] == text[place + size - 1]:
        place -= 1
        if (cuts := _cuts(text, place, size)) > found:
            best, found = place, cuts
    return best


def _cuts(text: str, place: int, size: int) -> tuple[int, int]:
    """Return how well each end of a part of a text can be cut (see `_cut`), the worse end first."""
    ends = _cut(text, place), _cut(text, place + size)
    return min(ends), max(ends)


def _cut(text: str, place: int) -> int:
    """Return how well a text can be cut at a place.

    0 within a word, 1 at the end of a word, 2 between other characters, 3 at a space or at either end of the text.
    """
    if place in (0, len(text)):
        return 3
    before, after = text[place - 1], text[place]
    if before.isspace() or after.isspace():
        return 3
    return 2 - _is_word(before) - _is_word(after)


def _is_word(text: str) -> bool:
    """Return whether a text, which is a word or one other character, is a word."""
    return text[0] == "_" or text[0].isalnum()


def _common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their start. This is quick even for one very long line."""
    number, most = 0, min(len(one), len(other))
    while number < most:
        half = (number + most + 1) // 2
        if one[number:half] == other[number:half]:
            number = half
        else:
            most = half - 1
    return number
