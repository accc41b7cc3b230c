# SPDX-License-Identifier: GPL-3.0-or-later
"""What an update takes out of a document that its author did not know of."""

from typing import Any

import pytest
from pycrdt import Array, Doc, Text

from jupyterhub_collab.server.late import Ranges, _without, gone_unseen
from jupyterhub_collab.server.merge import doc_of


@pytest.mark.parametrize(
    ("ranges", "others", "left"),
    [
        ({1: [(0, 9)]}, {}, {1: [(0, 9)]}),
        ({1: [(0, 9)]}, {1: [(0, 9)]}, {}),
        ({1: [(0, 9)]}, {2: [(0, 9)]}, {1: [(0, 9)]}),
        ({1: [(0, 9)]}, {1: [(3, 5)]}, {1: [(0, 3), (5, 9)]}),
        ({1: [(2, 4), (6, 8)]}, {1: [(7, 20), (0, 3)]}, {1: [(3, 4), (6, 7)]}),
        ({1: [(2, 4)], 2: [(0, 1)]}, {1: [(0, 9)]}, {2: [(0, 1)]}),
    ],
)
def test_ranges_without_others(ranges: Ranges, others: Ranges, left: Ranges) -> None:
    assert _without(ranges, others) == left


def test_what_an_author_has_seen_is_not_missed_and_all_else_is() -> None:
    """Numbers of several bytes, several authors, and text that has been changed on both sides."""
    alice: Doc[Any] = Doc({"cells": Array([Text("a" * 300), Text("b" * 300), Text("c")])})
    bob = doc_of(alice.get_update())
    bob.get("cells", type=Array)[1].insert(100, "seen " * 60)
    alice.apply_update(bob.get_update())
    del alice["cells"][1][50:80]
    bob.apply_update(alice.get_update())
    missed: list[Ranges] = []
    update = b""
    bob.observe(lambda event: missed.append(gone_unseen(event, update)))

    before = alice.get_state()
    del alice["cells"][1]
    update = alice.get_update(before)
    unseen = bob.get("cells", type=Array)
    unseen[0].insert(0, "in a cell that stays")
    missed.clear()
    bob.apply_update(update)
    assert missed == [{}]

    before = alice.get_state()
    del alice["cells"][0]
    update = alice.get_update(before)
    bob.apply_update(update)
    assert [sum(end - start for start, end in ranges) for ranges in missed[1].values()] == [
        len("in a cell that stays")
    ]
