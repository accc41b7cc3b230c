# SPDX-License-Identifier: GPL-3.0-or-later
"""Everyone with a terminal on a server has its own token. What they report to the hub with it changes nothing but the server's port."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_collab.patches.hub.job_reports import is_port
from local_hub import LocalHub

CONFIG = """
import batchspawner

from jupyterhub_collab.hub.every_hub import protect

protect()
protect()
"""
NOT_PORTS: list[Any] = [
    {"cmd": ["/bin/false"]},
    {"port": 8888, "cmd": ["/bin/false"]},
    {"port": "8888"},
    {"port": True},
    {"port": 0},
    {"port": 65536},
    {"port": {"cmd": 1}},
    {},
    [],
    ["port"],
    "port",
    None,
]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub", config=CONFIG).running() as hub:
        yield hub


def test_server_reports_its_port_and_nothing_else(hub: LocalHub) -> None:
    """Requirement 143: a report could name the hub's own commands, which the hub runs at its next look at the server."""
    own = hub.own_token
    refused = hub.at_hub_with(own, "POST", "batchspawner", {"cmd": ["/bin/false"]})
    assert refused.status_code == 400
    assert "A server can report its port here, and nothing else." in refused.text
    assert hub.at_hub_with(own, "POST", "batchspawner", {"port": 8888}).status_code == 200
    assert hub.at_hub_with("none", "POST", "batchspawner", {"port": 8888}).status_code == 403
    hub.ask("DELETE", "users/alice/server")
    hub.start_server()


@pytest.mark.parametrize("report", NOT_PORTS, ids=str)
def test_what_is_no_port(report: Any) -> None:
    assert not is_port(report)


def test_what_is_a_port() -> None:
    assert is_port({"port": 8888})
