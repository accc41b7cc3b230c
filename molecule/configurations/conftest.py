# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration is tried on which platform."""

from pathlib import Path
from typing import Any

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
    tests: dict[pytest.Item, dict[str, Any]] = {
        item: item.callspec.params for item in items if isinstance(item, pytest.Function)
    }
    names = sorted({parameters["name"] for parameters in tests.values()})
    kept = [
        item
        for item, parameters in tests.items()
        if parameters["name"] in EVERYWHERE
        or names.index(parameters["name"]) % len(every) == every.index(parameters["platform"])
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
