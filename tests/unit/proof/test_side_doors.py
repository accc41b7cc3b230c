# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verification of a hub tries of what a guest takes along: on a real server, by its own means."""

import asyncio
from collections.abc import Iterator

import pytest

from jupyterhub_collab.proof.browser import Browser
from jupyterhub_collab.proof.person import Person
from jupyterhub_collab.proof.side_doors import opens, own_token
from local_hub import LocalHub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """Its server's own token opens the server, as JupyterHub has it by default."""
    with LocalHub(tmp_path_factory.mktemp("hub")).running() as hub:
        yield hub


def test_guest_reads_the_servers_own_token(hub: LocalHub) -> None:
    async def read() -> tuple[str, bool, bool, bool]:
        guest = Person("dave", Browser(hub.server_url, token=hub.token_of("dave")))
        own = await own_token(guest, "alice")
        stranger = await opens(guest.with_token("0" * 32), "alice")
        return own, await opens(guest.with_token(own), "alice"), await opens(guest.browser, "alice"), stranger

    assert asyncio.run(read()) == (hub.own_token, True, True, False)


def test_server_is_asked_how_far_workers_reach(hub: LocalHub) -> None:
    async def ask(path: str) -> tuple[int, str]:
        browser = Browser(hub.server_url, token=hub.token_of("alice"))
        answer = await browser.ask("GET", f"/user/alice/{path}")
        return answer.status, answer.worker_scope

    assert asyncio.run(ask("jupyterhub_collab/worker-scope")) == (200, "")
