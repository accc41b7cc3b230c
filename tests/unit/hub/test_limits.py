# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that the spawner would ignore are refused before anything changes."""

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner

from jupyterhub_collab.hub.limits import problem


class OfTheSite(LocalProcessSpawner):
    """A spawner of the site's own, which may enforce limits."""


class BatchSpawner(LocalProcessSpawner):
    __module__ = "batchspawner.batchspawner"


@pytest.mark.parametrize("spawner", [LocalProcessSpawner, SimpleLocalProcessSpawner, BatchSpawner])
def test_spawner_without_limits(spawner: type) -> None:
    said = problem(spawner, ["jupyterhub_rtc_mem_limit", "jupyterhub_rtc_cpu_limit"])
    assert said.startswith(f"{spawner.__name__} does not enforce limits, so jupyterhub_rtc_mem_limit, ")
    assert ("req_memory" in said) == (spawner is BatchSpawner)
    assert problem(spawner, []) == ""


def test_spawner_that_may_have_limits() -> None:
    assert problem(OfTheSite, ["jupyterhub_rtc_mem_limit"]) == ""
