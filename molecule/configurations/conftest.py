# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration is tried on which platform."""

import os
from typing import Any

import pytest

from configurations import NEWER
from scenario import Platform

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
ALL = os.environ.get("COLLAB_ALL") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every hub's start takes its time, so all configurations are tried only where that is asked for."""

    def is_for(name: str, platform: Platform) -> bool:
        if name.startswith(NEWER) and not platform.tag.endswith("hub6"):
            return False
        return ALL or name in FEW

    left_out = []
    for item in items:
        assert isinstance(item, pytest.Function)
        parameters: dict[str, Any] = item.callspec.params
        if not is_for(parameters["name"], parameters["platform"]):
            left_out.append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
