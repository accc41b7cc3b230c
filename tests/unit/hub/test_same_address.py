# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that ends without the hub, and another user's server at its address. Every server of this hub has the same port."""

import os
import signal
from pathlib import Path

from local_hub import LocalHub, wait_until

CONFIG = """
from jupyterhub_collab.hub.every_hub import protect

protect()
protect()
"""


def test_server_that_has_ended_has_no_route_when_another_gets_its_address(tmp_path: Path) -> None:
    """Requirement 146: the hub would look only after half a minute."""
    hub = LocalHub(tmp_path / "hub", config=CONFIG)
    with hub.running():
        os.kill(hub.server_process, signal.SIGKILL)
        wait_until(lambda: not hub.runs)
        assert hub.ask("GET", "users/alice")["servers"], "the hub has not noticed"
        hub.ask("POST", "users/bob/server")
        assert "bob starts at the address of alice, which may have ended" in hub.log
        assert not hub.ask("GET", "users/alice")["servers"]
        hub.ask("DELETE", "users/bob/server")
