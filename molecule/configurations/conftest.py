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
    """Every hub's start takes its time, so all configurations are tried only where that is asked for.

    They are on a hub of release 5, as the unit tests load all of them in one of release 6.
    """

    def is_kept(parameters: dict[str, Any]) -> bool:
        name: str = parameters["name"]
        if parameters["platform"].tag.endswith("hub6"):
            return name in FEW or name.startswith(NEWER)
        return (LONG or name in FEW) and not name.startswith(NEWER)

    keep(config, items, is_kept)
