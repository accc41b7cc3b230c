# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of sharing, as pure functions of the variables."""

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import sharing
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve

from jupyterhub_collab.sharing.settings import Settings

# The sharing page's own settings, of which only those of levels matter here.
PAGE = Settings(60, 60, False, True, 5, [], {}, "", "/", "/services/sharing/", "", "", "", "", 0)
SETTINGS: dict[str, Any] = resolve({}).rtc["sharing"]


def test_defaults_are_without_problems() -> None:
    assert sharing.problems(SETTINGS) == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"link_seconds": 59}, "jupyterhub_sharing_link_seconds is 59. Set it to a number from 60 to"),
        ({"link_seconds": 7200, "longest_link_seconds": 3600}, "longest_link_seconds, which is 3600"),
        (
            {"longest_link_seconds": 31536001},
            "jupyterhub_sharing_longest_link_seconds is 31536001. Set it to",
        ),
        (
            {"revocation_seconds": 0},
            "jupyterhub_sharing_revocation_seconds is 0. Set it to a number from 1 to 300",
        ),
        (
            {"highest_level": "view"},
            "jupyterhub_sharing_level is edit. Set it to a level up to jupyterhub_sharing_highest_level, which is view",
        ),
        ({"level": "manage"}, "jupyterhub_sharing_level is 'manage'. Set it to view or edit"),
        ({"highest_level": "manage"}, "jupyterhub_sharing_highest_level is 'manage'. Set it to view or edit"),
        ({"links_per_server": 0}, "jupyterhub_sharing_links_per_server is 0. Set it to 1 or more"),
        ({"guesses_per_minute": 0}, "jupyterhub_sharing_guesses_per_minute is 0. Set it to 1 or more"),
        ({"port": 65536}, "jupyterhub_sharing_port is 65536. Set it to a number from 0 to 65535"),
        (
            {"log": "shares.jsonl"},
            "jupyterhub_sharing_log is 'shares.jsonl'. Set it to the absolute path of a file",
        ),
        (
            {"log": "/var/log/"},
            "jupyterhub_sharing_log is '/var/log/'. Set it to the absolute path of a file",
        ),
    ],
)
def test_bad_variables_are_refused_in_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    (problem,) = sharing.problems(SETTINGS | settings)
    assert sentence in problem


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "Users can share their own server on the hub's sharing page, by link and by name;"),
        ({"by_name": False}, "Users can share their own server on the hub's sharing page, by link;"),
        (
            {"level": "view", "highest_level": "view"},
            "Users can let others view their own server on the hub's",
        ),
        ({"groups": ["a", "b"]}, "Members of a or b can share their own server"),
        ({"lifetime": "session"}, "shares end when it stops"),
        ({"lifetime": "persistent"}, "shares last until they are revoked"),
    ],
)
def test_table_says_who_shares_how_long(settings: dict[str, Any], sentence: str) -> None:
    line, *_ = sharing.table(SETTINGS | settings)
    assert sentence in line


@pytest.mark.parametrize(
    ("settings", "live", "levels"),
    [
        ({}, True, ["view", "edit"]),
        ({"level": "view", "highest_level": "view"}, True, ["view"]),
        # Servers without live collaboration enforce no levels, so nobody is offered to view.
        ({}, False, ["edit"]),
    ],
)
def test_jupyterlab_offers_the_levels_that_links_can_have(
    settings: dict[str, Any], live: bool, levels: list[str]
) -> None:
    wanted = SETTINGS | settings
    assert sharing.levels(wanted, live=live) == {"levels": levels, "level": wanted["level"]}
    page = replace(PAGE, level=wanted["level"], highest_level=wanted["highest_level"], can_view=live)
    assert page.levels == levels


def test_table_says_whether_users_can_request_access() -> None:
    assert any("request it from its owner" in line for line in sharing.table(SETTINGS))
    assert not any("request" in line for line in sharing.table(SETTINGS | {"requests": False}))
