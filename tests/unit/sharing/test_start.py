# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub starts although its sharing page cannot: a real hub, with another program on the page's port."""

import socket
from pathlib import Path

from attacked_hub import Attacked
from local_hub import wait_until


def test_hub_starts_without_the_page_and_gets_it_later(tmp_path: Path) -> None:
    hub = Attacked(tmp_path / "hub")
    with socket.create_server(("127.0.0.1", hub.page)) as other:
        hub.start()
        try:
            wait_until(lambda: "The hub starts without the sharing page" in hub.log)
            assert "another program listens on port" in hub.log
            hub.start_server()
            assert hub.at_server("alice", "GET", "api/contents").status_code == 200
            other.close()
            wait_until(lambda: hub.page_runs)
        finally:
            hub.end()
