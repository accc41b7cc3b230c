# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates are decoded as pycrdt encodes them."""

import random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText, get_update

from jupyterhub_collab.server.merge import doc_of
from jupyterhub_collab.server.yjs_update import Ranges, clocks_after, clocks_of, garbage_of, ranges_of

VALUES = [None, True, False, 7, -(2**40), 1.5, 1e300, "värde 🎈", b"bytes", [1, ["two"]], {"a": {"b": None}}]


def change(cell: Any, page: Any, chance: random.Random) -> None:
    """Change something in a cell of a document, or in its page, with content of any kind."""
    text, values = cell["text"], cell["values"]
    what = chance.choice(["text", "embed", "format", "value", "type", "key", "page", "remove"])
    if what == "text":
        attributes = {"bold": True} if chance.random() < 0.3 else None
        text.insert(0, chance.choice(["a", "🎈ü", "long " * 50]), attributes)
    elif what == "embed":
        text.insert_embed(0, {"picture": "x.png"})
    elif what == "format" and len(text):
        text.format(0, 1, {"italic": "yes"})
    elif what == "value":
        values.append(chance.choice(VALUES))
    elif what == "type":
        values.append(chance.choice([Map({"in": Text("x")}), Array([1, 2]), Doc()]))
    elif what == "key":
        cell["key"] = chance.choice(VALUES)
    elif what == "page" and page is not None:
        page.children.append(chance.choice([XmlElement("p"), XmlText("x")]))
    elif what == "remove" and len(values):
        values.pop(0)


def clocks_in(ranges: Ranges) -> set[tuple[int, int]]:
    return {
        (client, clock) for client, its in ranges.items() for start, end in its for clock in range(start, end)
    }


@pytest.mark.parametrize("seed", range(30))
def test_what_comes_into_a_removed_part_is_garbage(seed: int) -> None:
    """Exactly what an update adds to a removed cell is garbage, except for what it also removes, whatever else is in the update."""
    chance = random.Random(seed)
    cells = [Map({"text": Text("text"), "values": Array([1])}) for _cell in range(3)]
    alice: Doc[Any] = Doc({"cells": Array(cells)})
    bob = doc_of(alice.get_update())
    cells_of_bob, page = bob.get("cells", type=Array), bob.get("page", type=XmlFragment)
    before = bob.get_state()
    added: Ranges = {bob.client_id: []}
    for _each in range(chance.randrange(5, 40)):
        number = chance.randrange(3)
        start = clocks_of(bob.get_state()).get(bob.client_id, 0)
        change(cells_of_bob[number], page if number != 1 else None, chance)
        if number == 1:
            added[bob.client_id].append((start, clocks_of(bob.get_state()).get(bob.client_id, 0)))
    del alice["cells"][1]
    update = bob.get_update(before)
    found: list[tuple[set[tuple[int, int]], set[tuple[int, int]]]] = []

    def note(event: Any) -> None:
        known = clocks_in(ranges_of(get_update(update, event.after_state)[1:]))
        found.append((clocks_in(garbage_of(event.update)) - known, clocks_in(added) - known))

    alice.observe(note)
    alice.apply_update(update)
    ((garbage, wanted),) = found
    assert garbage == wanted


def test_content_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind: 11"):
        garbage_of(bytes([1, 1, 5, 0, 11, 1, 1, 97]))


@pytest.mark.parametrize("seed", range(5))
def test_a_document_lacks_what_keeps_an_update_waiting(seed: int) -> None:
    """Two people change a document. A third document gets some of the updates, and then another one, which waits if it builds on a missing one."""
    chance = random.Random(seed)
    start: Doc[Any] = Doc({"cells": Array([Map({"text": Text("text"), "values": Array([1])})])})
    people = [doc_of(start.get_update()) for _each in range(2)]
    updates: list[bytes] = []
    for _time in range(40):
        one, other = chance.sample(people, 2)
        before = one.get_state()
        cells, page = one.get("cells", type=Array), one.get("page", type=XmlFragment)
        change(cells[0], page, chance)
        updates.append(one.get_update(before))
        other.apply_update(updates[-1])
    outcomes = set()
    for number, update in enumerate(updates):
        for known in {number, *(chance.randrange(number + 1) for _each in range(5))}:
            document = doc_of(start.get_update(), *updates[:known])
            outcome = clocks_after(clocks_of(document.get_state()), update) is None
            document.apply_update(update)
            waits = not get_update(update, document.get_state()).startswith(b"\0")
            assert outcome >= waits, "an update waits unnoticed"
            assert known < number or outcome == waits, "an update that fits is refused"
            outcomes.add(outcome)
    assert outcomes == {True, False}


def test_a_document_lacks_what_an_update_removes() -> None:
    theirs: Doc[Any] = Doc({"text": Text("text")})
    known = theirs.get_state()
    theirs["text"] += "more"
    later = theirs.get_state()
    found: list[bytes] = []
    subscription = theirs.observe(lambda event: found.append(event.update))
    del theirs["text"][5:6]
    theirs.unobserve(subscription)
    assert clocks_after(clocks_of(known), found[0]) is None
    assert clocks_after(clocks_of(later), found[0]) == {}
