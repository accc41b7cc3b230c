# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of two contents differ if their files would."""

import json
from typing import Any

import pytest

from jupyterhub_collab.server.fingerprint import fingerprint

CONTENTS: list[Any] = [
    "", "a", "a" * 100, "a" * 99 + "b", {}, [], {"x": 1}, {"x": 1.0}, {"x": True}, {"x": "1"}, {"x": None}, {"x": []}, {"x": {}},
    {"x": ["a" * 100]}, {"x": [100]}, {"y": 1}, [1, 2], [2, 1], [[1], 2],
]  # fmt: skip


@pytest.mark.parametrize("one", range(len(CONTENTS)))
def test_equal_contents_only_have_equal_ones(one: int) -> None:
    for other, content in enumerate(CONTENTS):
        copy = json.loads(json.dumps(content))
        assert (fingerprint(CONTENTS[one]) == fingerprint(copy)) is (one == other)


def test_order_of_keys_does_not_matter() -> None:
    """The order of keys does not matter, because Yjs does not keep one."""
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def test_a_picture_is_not_kept() -> None:
    """A fingerprint does not contain large outputs, which would be in memory twice."""
    picture = "é" * 500_000
    output = {"data": {"image/png": picture}}
    assert len(repr(fingerprint({"cells": [{"source": "x", "outputs": [output]}]}))) < 200
