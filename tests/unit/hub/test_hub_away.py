# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub that accepts connections and does not answer: what people see on its sharing page and on servers. The hub is paused."""

import time
from concurrent.futures import ThreadPoolExecutor

from attacked_hub import Attacked
from jupyterhub_collab.patches.server.hub_auth import SECONDS
from jupyterhub_collab.sharing.handlers import AWAY
from page_forms import PAGE

CACHED = 2  # seconds after which a server asks the hub again about a visitor


def test_people_are_told_that_the_hub_does_not_answer(attacked: Attacked) -> None:
    """They learn it before a browser or a proxy in front gives up. JupyterHub 6 would wait five minutes."""
    attacked.token_of("alice")
    with attacked.browser("alice", page=attacked.page) as alice:
        assert alice.get(PAGE).status_code == 200
        time.sleep(CACHED)
        with attacked.paused(), ThreadPoolExecutor() as both:
            page = both.submit(alice.get, PAGE)
            server = both.submit(attacked.at_server, "alice", "GET", "api/contents")
            shown, answered = page.result(), server.result()
    assert (shown.status_code, AWAY in shown.text) == (503, True)
    assert answered.status_code == 500
    assert f"did not answer within {SECONDS} seconds" in attacked.log
