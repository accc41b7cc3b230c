# SPDX-License-Identifier: GPL-3.0-or-later
"""The Yjs library understands the bytes that verify writes."""

import pytest
from pycrdt import Decoder, Doc, Text

from jupyterhub_collab.verify.document import NOTHING, ROOT, number, typed


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31 - 1])
def test_numbers(value: int) -> None:
    assert Decoder(number(value)).read_var_uint() == value


def test_two_clients_who_type_by_turns_lose_nothing() -> None:
    """If two clients type at the beginning in turns, without knowing of each other, each piece is there once and in full."""
    document: Doc[Text] = Doc()
    source = document.get(ROOT, type=Text)
    source += "what was there before"
    clocks = {7: 0, 2**31 - 1: 0}
    pieces = [
        (client, f"<{letter}{turn}>")
        for turn in range(20)
        for client, letter in zip(clocks, "ab", strict=True)
    ]
    for client, piece in pieces:
        document.apply_update(typed(client, clocks[client], piece))
        clocks[client] += len(piece)
    assert [str(source).count(piece) for _client, piece in pieces] == [1] * len(pieces)
    assert "what was there before" in str(source)
    assert len(str(source)) == len("what was there before") + sum(clocks.values())


def test_nothing_changes_nothing() -> None:
    document: Doc[Text] = Doc()
    before = document.get_state()
    document.apply_update(NOTHING)
    assert document.get_state() == before
