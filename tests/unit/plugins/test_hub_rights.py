# SPDX-License-Identifier: GPL-3.0-or-later
"""Which users lose the right to share with a change."""

from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import rights

RIGHT = ["self", "shares!user"]
GRANTS = [{"owner": "ann", "groups": []}, {"owner": "ben", "groups": ["teachers", "staff"]}]


@pytest.mark.parametrize(
    ("roles", "who"),
    [
        (None, set()),
        ({}, set()),
        ({"user": {"scopes": ["self"]}}, set()),
        ({"user": {"scopes": RIGHT}}, {"user"}),
        ({"collab-sharing": {"scopes": RIGHT, "groups": ["a", "b"]}}, {"group a", "group b"}),
        ({"user": {"scopes": RIGHT}, "collab-sharing": {"scopes": RIGHT, "groups": ["a"]}}, {"user"}),
        ({"teacher": {"scopes": RIGHT, "groups": ["a"]}}, set()),
    ],
)
def test_who_may_share_by_the_right_that_we_give(roles: dict[str, Any] | None, who: set[str]) -> None:
    assert rights.sharers(roles) == who


@pytest.mark.parametrize(
    ("before", "now", "owners"),
    [
        (set(), set(), []),
        ({"user"}, {"user"}, []),
        ({"user"}, set(), ["ann", "ben"]),
        ({"user"}, {"group staff"}, ["ann"]),
        ({"group staff", "group a"}, {"group staff"}, ["ann"]),
        ({"group staff"}, {"group staff", "group a"}, []),
        ({"group staff"}, {"group a"}, ["ann", "ben"]),
        ({"group staff"}, {"user"}, []),
    ],
)
def test_what_is_shared_ends_with_its_owners_right(
    before: set[str], now: set[str], owners: list[str]
) -> None:
    assert [grant["owner"] for grant in rights.withdrawn(GRANTS, before, now)] == owners
