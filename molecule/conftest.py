# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of all scenarios find ready: the host, its hub, and people who are logged in.

Every test runs once on each platform of its scenario. The fixtures need the containers and nothing of Molecule,
so after `molecule converge` plain `pytest molecule/NAME` is enough.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

from people import Hub, Person
from scenario import PASSWORDS, Credentials, Platform, platforms


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "platform" in metafunc.fixturenames:
        # A scenario may borrow another one's tests; Molecule then says whose platforms are meant.
        scenario = Path(os.environ.get("MOLECULE_SCENARIO_DIRECTORY", metafunc.definition.path.parent))
        metafunc.parametrize(
            "platform",
            platforms(scenario),
            indirect=True,
            scope="session",
            ids=lambda platform: platform.tag,
        )


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Platform:
    """The container that this run of the test is about."""
    platform: Platform = request.param
    return platform


@pytest.fixture(scope="session")
def host(platform: Platform) -> Host:
    """The container from inside; replaces testinfra's fixture, which would go through Ansible, ten times slower."""
    return testinfra.get_host(f"podman://{platform.name}")


@pytest.fixture(scope="session")
def hub_url(platform: Platform) -> str:
    """Where the hub is; a scenario whose hub has another port or prefix overrides this in its own conftest.py."""
    return f"http://{platform.address}:8000"


@pytest.fixture(scope="module")
def hub(hub_url: str) -> Iterator[Hub]:
    """The hub as everybody sees it; all who log in through it are gone after the module."""
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
    """Somebody with an account on the host who may not use the hub."""
    return Credentials("mallory", PASSWORDS["mallory"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test shows what the hub and people's servers said meanwhile, and what systemd did with them."""
    report = yield
    platform = getattr(item, "funcargs", {}).get("platform")
    if report.failed and isinstance(platform, Platform):
        since = f"--since=-{int(call.duration) + 2}s"
        for whose, chosen in (("the hub's", "--unit=jupyterhub*"), ("the servers'", "--unit=jupyter-*")):
            journal = ["journalctl", "--no-pager", "--lines=60", chosen, since]
            done = subprocess.run(
                ["podman", "exec", platform.name, *journal], check=False, capture_output=True, text=True
            )
            report.sections.append((f"{whose} journal on {platform.name}", done.stdout))
    return report
