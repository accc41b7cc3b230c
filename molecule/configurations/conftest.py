# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration is tried on which platform."""

from typing import Any

import pytest

from configurations import NEWER
from scenario import LONG, keep

# One of each kind that a hub at work tells more about than one in memory: what it loads, what its hooks and classes do
# while people log in and servers start, how its pages look, and what a refusal leaves behind.
FEW = {
    "classes_with_hooks",
    "hook_as_a_method",
    "hooks",
    "reads_its_own_path",
    "split_by_subconfig",
    "templates",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every hub's start takes its time, so all configurations are tried only where that is asked for."""

    def is_kept(parameters: dict[str, Any]) -> bool:
        name: str = parameters["name"]
        if name.startswith(NEWER) and not parameters["platform"].tag.endswith("hub6"):
            return False
        return LONG or name in FEW

    keep(config, items, is_kept)
