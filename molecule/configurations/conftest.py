# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration is tried on which platform."""

from pathlib import Path

import pytest

from scenario import platforms

# Where the versions of the hub differ: roles, the scopes of everybody, hooks.
EVERYWHERE = {
    "extra_user_scopes_assigned",
    "extra_user_scopes_updated",
    "hooks",
    "nothing_about_roles",
    "roles_extended",
    "user_role_appended",
    "user_role_assigned",
    "user_role_without_scopes",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every hub's start takes its time, so the platforms take turns with what is the same on all of them."""
    every = platforms(Path(__file__).parent)
    names = sorted({item.callspec.params["name"] for item in items if hasattr(item, "callspec")})

    def belongs(item: pytest.Item) -> bool:
        parameters = getattr(item, "callspec").params  # noqa: B009 - only functions with parameters have it
        name = parameters["name"]
        return name in EVERYWHERE or names.index(name) % len(every) == every.index(parameters["platform"])

    kept = [item for item in items if belongs(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
