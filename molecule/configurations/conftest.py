# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configurations run on which platform."""

from typing import Any

import pytest

from configurations import NEWER, STARTS
from scenario import keep

# One of each kind for which a running hub shows more than one in memory: what it loads, what its hooks and classes do while people log
# in and servers start, how its pages look, and what a refusal leaves behind.
LIVE = {
    *STARTS,
    "hook_as_a_method",
    "hook_that_refuses",
    "our_role_taken",
    "patches_the_hub",
    "reads_its_own_path",
    "shared_account_blocked",
    "spawner_with_a_form",
    "split_by_subconfig",
    "templates",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the others only in the unit tests, which load all of them in memory, with JupyterHub 5 and 6."""

    def is_kept(parameters: dict[str, Any]) -> bool:
        name: str = parameters["name"]
        if name.startswith(NEWER):
            return bool(parameters["platform"].tag.endswith("hub6"))
        return name in LIVE

    keep(config, items, is_kept)
