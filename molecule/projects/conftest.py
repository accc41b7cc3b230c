# SPDX-License-Identifier: GPL-3.0-or-later
"""More people than in other scenarios, and the variables of this scenario's plays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from people import Hub, Person
from scenario import Platform, Play, play

MOLECULE = yaml.safe_load(Path(__file__).with_name("molecule.yml").read_text())
SETTINGS: dict[str, Any] = MOLECULE["provisioner"]["inventory"]["group_vars"]["all"]
Run = Callable[..., Play]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that spoil or delete projects after all tests that need them."""
    last = ["test_unchanged.py", "test_removal.py"]
    items.sort(key=lambda item: last.index(item.path.name) + 1 if item.path.name in last else 0)


@pytest.fixture(scope="module")
def erin(hub: Hub) -> Person:
    """A user of the hub who is in no project, logged in."""
    return hub.login("erin", "erin-password")


@pytest.fixture
def run(platform: Platform) -> Run:
    """Return a function that runs the playbook with the scenario's variables, some of them replaced."""

    def run(*options: str, **others: Any) -> Play:
        return play("jupyter_rtc", platform.name, *options, **SETTINGS | others)

    return run
