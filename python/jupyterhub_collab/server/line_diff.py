# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the lines in which two texts differ, quickly even for long texts, because people wait.

The time that `difflib` takes grows with the square of the number of lines: seconds for some thousand lines. Here, lines that occur once in
each text divide the texts first, and `difflib` compares only what is between them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

# The most pairs of lines that `difflib` compares for two texts, which takes about 50 ms. A block that would exceed this, without a line to
# divide it, counts as one difference.
MOST_PAIRS = 250_000

# Each difference is a change of the document, which takes up to half a millisecond. If there are more, neighbors are joined.
MOST_DIFFERENCES = 500

Block = tuple[int, int, int, int]  # start and end in the old text, start and end in the new text


def differences(
    old: Sequence[Hashable], new: Sequence[Hashable], most: int = MOST_DIFFERENCES
) -> list[Block]:
    """Return where two texts differ, in order, in at most `most` blocks."""
    found: list[Block] = []
    waiting: list[Block] = [(0, len(old), 0, len(new))]
    pairs = MOST_PAIRS
    while waiting:
        block = _narrowed(old, new, waiting.pop())
        start, stop, new_start, new_stop = block
        if start == stop and new_start == new_stop:
            continue
        if start == stop or new_start == new_stop:
            found.append(block)
        elif anchors := _anchors(old, new, block):
            ends = [(start - 1, new_start - 1), *anchors, (stop, new_stop)]
            gaps = pairwise(ends)
            waiting += [(one + 1, two, three + 1, four) for (one, three), (two, four) in gaps]
        elif (needed := (stop - start) * (new_stop - new_start)) <= pairs:
            pairs -= needed
            found += _compared(old, new, block)
        else:
            found.append(block)
    return _joined(sorted(found), most)


def blocks(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[bool, Block]]:
    """Yield blocks that together cover two texts, in order, each with whether it is the same in both."""
    place = new_place = 0
    for block in differences(old, new, len(old) + len(new)):
        start, stop, new_start, new_stop = block
        if start > place:
            yield True, (place, start, new_place, new_start)
        yield False, block
        place, new_place = stop, new_stop
    if place < len(old):
        yield True, (place, len(old), new_place, len(new))


def longest_rising(numbers: Sequence[int]) -> list[int]:
    """Return the indexes of the longest increasing subsequence."""
    # For each length: the lowest number that ends such a subsequence, and its index. For each number: the index of its predecessor.
    lasts: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for place, number in enumerate(numbers):
        length = bisect_left(lasts, number)
        before.append(ends[length - 1] if length else -1)
        lasts[length : length + 1] = [number]
        ends[length : length + 1] = [place]
    found = []
    place = ends[-1] if ends else -1
    while place >= 0:
        found.append(place)
        place = before[place]
    return found[::-1]


def _joined(found: list[Block], most: int) -> list[Block]:
    """Join blocks until there are at most `most`. Join those that have the fewest equal lines between them."""
    if len(found) <= most:
        return found
    gaps = [after[0] - before[1] for before, after in pairwise(found)]
    widest = sorted(gaps)[len(found) - most - 1]
    joined = [found[0]]
    for gap, block in zip(gaps, found[1:], strict=True):
        if gap <= widest:
            joined[-1] = (joined[-1][0], block[1], joined[-1][2], block[3])
        else:
            joined.append(block)
    return joined


def _narrowed(old: Sequence[Hashable], new: Sequence[Hashable], block: Block) -> Block:
    """Return a block without the equal lines at its ends."""
    start, stop, new_start, new_stop = block
    while start < stop and new_start < new_stop and old[start] == new[new_start]:
        start, new_start = start + 1, new_start + 1
    while start < stop and new_start < new_stop and old[stop - 1] == new[new_stop - 1]:
        stop, new_stop = stop - 1, new_stop - 1
    return start, stop, new_start, new_stop


def _anchors(old: Sequence[Hashable], new: Sequence[Hashable], block: Block) -> list[tuple[int, int]]:
    """Return the positions of lines that occur once in each text: as many as are in the same order in both."""
    start, stop, new_start, new_stop = block
    times, new_times = Counter(old[start:stop]), Counter(new[new_start:new_stop])
    places = {new[place]: place for place in range(new_start, new_stop)}
    pairs = [
        (place, places[old[place]])
        for place in range(start, stop)
        if times[old[place]] == 1 and new_times[old[place]] == 1
    ]
    return [pairs[number] for number in longest_rising([new_place for _place, new_place in pairs])]


def _compared(old: Sequence[Hashable], new: Sequence[Hashable], block: Block) -> Iterator[Block]:
    start, stop, new_start, new_stop = block
    matcher = SequenceMatcher(None, old[start:stop], new[new_start:new_stop], autojunk=False)
    for tag, one, two, three, four in matcher.get_opcodes():
        if tag != "equal":
            yield start + one, start + two, new_start + three, new_start + four
