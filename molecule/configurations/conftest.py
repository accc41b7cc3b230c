# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration is tried on which platform."""

from pathlib import Path
from typing import Any

import pytest

from scenario import Platform, platforms

# Where the versions of the hub differ: the scopes of everybody, and hooks.
EVERYWHERE = {"hooks", "nothing_about_roles", "user_role_without_scopes"}
# What JupyterHub 5 does not know.
NEWER = "extra_user_scopes"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every hub's start takes its time, so the platforms take turns with what is the same on all of them."""
    every = platforms(Path(__file__).parent)
    tests: dict[pytest.Item, dict[str, Any]] = {
        item: item.callspec.params for item in items if isinstance(item, pytest.Function)
    }
    names = sorted({parameters["name"] for parameters in tests.values()})

    def is_for(name: str, platform: Platform) -> bool:
        if name.startswith(NEWER):
            return platform.tag.endswith("hub6")
        return name in EVERYWHERE or names.index(name) % len(every) == every.index(platform)

    kept = [item for item, parameters in tests.items() if is_for(parameters["name"], parameters["platform"])]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
