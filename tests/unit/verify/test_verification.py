# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify says about a real hub."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from jupyterhub_collab.verify.report import Report
from jupyterhub_collab.verify.verification import Verification
from local_hub import LocalHub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    hub = LocalHub(tmp_path_factory.mktemp("hub"))
    hub.start()
    yield hub
    hub.kill()


def verification(hub: LocalHub, rows: list[dict[str, Any]], *, is_local: bool) -> Verification:
    async def undo(_what: dict[str, Any]) -> None:
        raise AssertionError("nothing is created")

    people = [{"name": name, "password": "x", "made": False} for name in ("alice", "bob")]
    task = {"url": hub.hub_url, "is_local": is_local, "people": people, "modes": [], "login": ""}
    return Verification(task, Report(lambda said: rows.append(said["row"])), undo)


def test_address_of_the_hub_for_itself_is_not_told_as_its_address(hub: LocalHub) -> None:
    """Where the hub's host reaches it is not where users open it."""
    rows: list[dict[str, Any]] = []
    assert asyncio.run(verification(hub, rows, is_local=True).hub_answers())
    assert "127.0.0.1" not in rows[0]["says"]
    assert "set jupyterhub_verify_url" in rows[0]["says"]
    assert asyncio.run(verification(hub, rows, is_local=False).hub_answers())
    assert rows[1]["says"].endswith(f" at {hub.hub_url}.")
