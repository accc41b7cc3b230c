# SPDX-License-Identifier: GPL-3.0-or-later
"""Each server has a place for its history that no other running server uses."""

import os
from pathlib import Path

from jupyterhub_collab.server import state_place
from jupyterhub_collab.server.state_place import place_in

ONE, OTHER = "http://127.0.0.1:8081/hub/api", "http://127.0.0.1:9081/hub/api"


def all_end() -> None:
    """Release all locks, as the system does when processes end."""
    while state_place._locks:
        os.close(state_place._locks.pop())


def test_two_hubs_have_two_places_and_keep_them(tmp_path: Path) -> None:
    one, other = place_in(tmp_path, ONE), place_in(tmp_path, OTHER)
    assert one == tmp_path and other.parent == tmp_path
    all_end()
    # In the other order, and while the first one is stopped.
    assert place_in(tmp_path, OTHER) == other
    assert place_in(tmp_path, ONE) == one
    all_end()


def test_a_server_that_has_not_ended_keeps_its_place(tmp_path: Path) -> None:
    assert place_in(tmp_path, ONE) == tmp_path
    second = place_in(tmp_path, ONE, patience=0)
    assert place_in(tmp_path, ONE, patience=0) not in (tmp_path, second)
    all_end()
    assert place_in(tmp_path, ONE) == tmp_path
    all_end()


def test_a_directory_that_cannot_be_used_is_left_to_the_history(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file in its place")
    assert place_in(tmp_path / "taken", ONE) == tmp_path / "taken"
