# SPDX-License-Identifier: GPL-3.0-or-later
"""The modes run one after another on one hub, so users of one mode still exist in the next."""

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.access import Mode

from access.scene import ACCESS, Scene, Stage
from scenario import Platform, keep
from tiers import LONG


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run all tests of a platform and mode before those of the next mode, because switching takes a play.

    The short form runs the first mode only, which is the default.
    """
    keep(config, items, lambda parameters: LONG or parameters["mode"] == ACCESS.modes[0])
    platforms = list(dict.fromkeys(_parameter(item, "platform") for item in items))
    items.sort(
        key=lambda item: (
            platforms.index(_parameter(item, "platform")),
            ACCESS.modes.index(_parameter(item, "mode")),
        )
    )


def _parameter(item: pytest.Item, name: str) -> Any:
    assert isinstance(item, pytest.Function)
    return item.callspec.params[name]


@pytest.fixture(scope="module")
def stage(hub_url: str, platform: Platform) -> Iterator[Stage]:
    stage = Stage(hub_url, platform)
    with stage.belongings:
        yield stage


@pytest.fixture
def scene(stage: Stage, mode: Mode) -> Scene:
    """Return the scene with the mode in force, everyone logged in, and the servers running."""
    return stage.set(mode)
