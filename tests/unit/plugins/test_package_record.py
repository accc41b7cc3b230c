# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the packages that were installed are removed again."""

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.record import split


@pytest.mark.parametrize(
    ("needs", "gone", "kept"),
    [
        ({"a": ["b"], "b": [], "old": []}, ["a", "b"], {}),
        ({"a": ["b", "a"], "b": ["a"], "old": []}, ["a", "b"], {}),
        ({"a": ["b"], "b": [], "new": ["b"]}, ["a"], {"b": ["new"]}),
        ({"a": ["b"], "b": [], "new": ["a"]}, [], {"a": ["new"], "b": ["a"]}),
        ({"b": [], "old": ["missing"]}, ["b"], {}),
    ],
)
def test_what_stays_keeps_what_it_needs(
    needs: dict[str, list[str]], gone: list[str], kept: dict[str, list[str]]
) -> None:
    assert split(["a", "b"], needs) == (gone, kept)
