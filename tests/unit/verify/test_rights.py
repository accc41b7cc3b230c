# SPDX-License-Identifier: GPL-3.0-or-later
"""The mode of a hub is recognized from a user's scopes, with the access matrix that the collection contains."""

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import access

from jupyterhub_collab.verify.rights import Mode, nearest, shared_accounts, whole

MATRIX = access.for_verify()
MODES = [Mode(**mode) for mode in MATRIX["modes"]]
OWN = MATRIX["own"]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("more", [[], ["list:users"], ["access:services"]])
def test_mode_is_told_in_spite_of_other_rights(mode: Mode, more: list[str]) -> None:
    """Additional rights from an administrator do not change the recognized mode."""
    held = mode.rights(OWN, "ann", ["team"]) | set(more)
    assert nearest(MODES, OWN, "ann", held, ["team"], mode.viewed("ann", ["team"])) == mode


def test_right_to_every_server_is_no_other_mode_where_all_else_speaks_against_it() -> None:
    """A hub with a shared account, which gave all users access to all servers by mistake, is still in shared user mode."""
    shared = next(mode for mode in MODES if mode.name == "shared user mode")
    held = whole([*shared.rights(OWN, "ann", ["team"]), "access:servers"])
    assert nearest(MODES, OWN, "ann", held, ["team"]) == shared


def test_everyone_holds_what_is_their_own() -> None:
    assert "servers!user=ann" in MODES[0].rights(OWN, "ann", [])


@pytest.mark.parametrize(
    ("scope", "accounts"),
    [
        ("access:servers!server=team/", ["team"]),
        ("access:servers!user=team", ["team"]),
        ("access:servers!user=ann", []),
        ("access:servers", []),
        ("servers!server=team/", []),
    ],
)
def test_shared_accounts_are_those_of_others(scope: str, accounts: list[str]) -> None:
    assert shared_accounts([scope], ["ann", "ben"]) == accounts
