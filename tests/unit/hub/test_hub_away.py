# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub that accepts connections and does not answer: what people see on its sharing page and on servers. The hub is paused."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from attacked_hub import Attacked
from jupyterhub_collab.patches.server.hub_auth import SECONDS
from jupyterhub_collab.sharing.handlers import AWAY
from page_forms import PAGE


@pytest.fixture
def paused(attacked: Attacked) -> Iterator[Attacked]:
    """Pause the hub while its sharing page and alice's server run. Their memory of its answers has ended by then."""
    attacked.token_of("alice")
    assert attacked._process is not None
    time.sleep(2)
    attacked._process.send_signal(signal.SIGSTOP)
    yield attacked
    attacked._process.send_signal(signal.SIGCONT)


def test_people_are_told_that_the_hub_does_not_answer(
    attacked: Attacked, request: pytest.FixtureRequest
) -> None:
    """They learn it before a browser or a proxy in front gives up. JupyterHub 6 would wait five minutes."""
    with attacked.browser("alice", page=attacked.page) as alice:
        assert alice.get(PAGE).status_code == 200
        hub = request.getfixturevalue("paused")

        with ThreadPoolExecutor() as both:
            page = both.submit(alice.get, PAGE)
            server = both.submit(hub.at_server, "alice", "GET", "api/contents")
            shown, answered = page.result(), server.result()
    assert (shown.status_code, AWAY in shown.text) == (503, True)
    assert answered.status_code == 500
    assert f"did not answer within {SECONDS} seconds" in hub.log
