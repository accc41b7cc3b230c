# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all scenarios: the host, its hub, and people who are logged in.

Every test runs once on each platform of its scenario. The fixtures need the containers but not Molecule, so after
`molecule converge`, plain `pytest molecule/NAME` is enough.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

import evidence
from browser import watched
from people import Hub, Person
from scenario import PASSWORDS, Credentials, Platform, platforms
from tiers import leave_out_long


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "platform" in metafunc.fixturenames:
        metafunc.parametrize(
            "platform",
            platforms(scenario_of(metafunc.definition)),
            indirect=True,
            scope="session",
            ids=lambda platform: platform.tag,
        )


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Platform:
    """Return the container that this run of the test is about."""
    platform: Platform = request.param
    return platform


@pytest.fixture(scope="session")
def host(platform: Platform) -> Host:
    """Return the container from inside. Replaces testinfra's fixture, which would use Ansible and be ten times slower."""
    return testinfra.get_host(f"podman://{platform.name}")


@pytest.fixture(scope="session")
def hub_url(platform: Platform) -> str:
    """Return the hub's address. A scenario whose hub has another port or prefix overrides this in its own conftest.py."""
    return f"http://{platform.address}:8000"


@pytest.fixture(scope="module")
def hub(hub_url: str) -> Iterator[Hub]:
    """The hub as everyone sees it. Everyone who logs in through it is logged out after the module."""
    with Hub(hub_url) as hub:
        yield hub


@pytest.fixture(scope="module")
def alice(hub: Hub) -> Person:
    """A user, logged in."""
    return hub.login("alice", PASSWORDS["alice"])


@pytest.fixture(scope="module")
def bob(hub: Hub) -> Person:
    """Another user, logged in."""
    return hub.login("bob", PASSWORDS["bob"])


@pytest.fixture(scope="module")
def carol(hub: Hub) -> Person:
    """The hub's administrator, logged in."""
    return hub.login("carol", PASSWORDS["carol"])


@pytest.fixture(scope="session")
def mallory() -> Credentials:
    """Someone with an account on the host who may not use the hub."""
    return Credentials("mallory", PASSWORDS["mallory"])


def scenario_of(item: pytest.Item) -> Path:
    """Return the directory of the scenario that a test runs in. If it borrows the tests of another, Molecule says which is meant."""
    return Path(os.environ.get("MOLECULE_SCENARIO_DIRECTORY", item.path.parent))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_long(config, items)


def pytest_collection_finish(session: pytest.Session) -> None:
    evidence.forget({scenario_of(item).name for item in session.items})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """If a test fails, keep the logs of the hub and of people's servers, show their end, and keep the browser windows."""
    report = yield
    platform = getattr(getattr(item, "callspec", None), "params", {}).get("platform")
    folder = evidence.folder_of(item, scenario_of(item).name)
    if report.failed and isinstance(platform, Platform):
        evidence.report_journals(report, platform.name, folder)
    watched.end_of_test(report, folder)
    return report
