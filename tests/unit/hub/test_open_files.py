# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub that keeps a connection to each server has files left for everyone else (requirement V9). A real hub; its servers are simulated."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_collab.hub.open_files import SHARE
from local_hub import wait_until
from simulated_hub import VISITOR, SimulatedHub

SERVERS = 100
LOW = 160  # open files: enough for the hub and half as many connections


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SimulatedHub]:
    with SimulatedHub(tmp_path).running() as hub:
        yield hub


def change_visitor(hub: SimulatedHub) -> None:
    """Change what the hub would answer to each server."""
    hub.ask("POST", "groups/team/users", {"users": [VISITOR]})


def test_limit_rises_with_the_number_of_servers(hub: SimulatedHub) -> None:
    hub.limit_files(SERVERS, 4096)
    hub.start_servers(SERVERS)
    wait_until(lambda: hub.done["listening"] == SERVERS)
    change_visitor(hub)
    wait_until(lambda: len(hub.done["told"]) == SERVERS)


def test_hub_without_more_files_answers_everyone(hub: SimulatedHub) -> None:
    """Those servers that the hub cannot tell ask, as without it. The hub says what to do."""
    hub.limit_files(LOW, LOW)
    hub.start_servers(SERVERS)
    wait_until(lambda: hub.done["listening"] == LOW // SHARE and "503" in str(hub.done["failed"]))
    change_visitor(hub)
    wait_until(lambda: len(hub.done["told"]) == LOW // SHARE)
    assert VISITOR in hub.ask("GET", "groups/team")["users"]
    assert "LimitNOFILE" in hub.log
