# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configurations run on which platform."""

from typing import Any

import pytest

from configurations import NEWER
from scenario import keep
from tiers import LONG

# One of each kind for which a running hub shows more than one in memory: what it loads, what its hooks and classes do while people log
# in and servers start, how its pages look, and what a refusal leaves behind.
FEW = {
    "classes_with_hooks",
    "hook_as_a_method",
    "hooks",
    "reads_its_own_path",
    "split_by_subconfig",
    "templates",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run all configurations only in the long form, because each takes a start of the hub.

    They run on JupyterHub 5, because the unit tests load all of them in JupyterHub 6.
    """

    def is_kept(parameters: dict[str, Any]) -> bool:
        name: str = parameters["name"]
        if parameters["platform"].tag.endswith("hub6"):
            return name in FEW or name.startswith(NEWER)
        return (LONG or name in FEW) and not name.startswith(NEWER)

    keep(config, items, is_kept)
