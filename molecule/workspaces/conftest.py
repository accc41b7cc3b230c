# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with two projects, whose hub gives sessions their workspaces."""

import pytest

from people import Person, Server
from scenario import Platform
from workspaces import RAINFALL, SECRET, make, tell_hub, told


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "hub_with(lines): add these lines to the hub's configuration")


@pytest.fixture(scope="module", autouse=True)
def projects(platform: Platform) -> None:
    made = make(platform, RAINFALL, SECRET)
    assert made.code == 0, made.told


@pytest.fixture
def hub_is_told(projects: None, platform: Platform, request: pytest.FixtureRequest) -> None:
    """Restart the hub if the previous test left it with another configuration."""
    marker = request.node.get_closest_marker("hub_with")
    tell_hub(platform, RAINFALL, SECRET, before=marker.args[0] if marker else "")


class Sessions:
    """People's sessions, which continue from test to test for as long as the hub's configuration stays the same."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._began: dict[str, str] = {}

    def of(self, person: Person) -> Server:
        """Return the session that a person has, or a new one."""
        if self._began.get(person.name) == told[self._platform.name]:
            return person.open(person.name)
        return self.new(person)

    def new(self, person: Person) -> Server:
        """Return a session that begins now."""
        self.end(person)
        server = person.open(person.name)
        self._began[person.name] = told[self._platform.name]
        return server

    def end(self, person: Person) -> None:
        self._began.pop(person.name, None)
        person.stop(person.name)


@pytest.fixture(scope="module")
def sessions(platform: Platform) -> Sessions:
    return Sessions(platform)
