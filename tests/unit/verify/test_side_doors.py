# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify tries of what a guest could take along, on a real server and by the server's own means."""

import asyncio

from attacked_hub import Attacked
from jupyterhub_collab.verify.browser import Browser
from jupyterhub_collab.verify.person import Person
from jupyterhub_collab.verify.side_doors import opens, own_token


def test_guest_reads_the_servers_own_token(attacked: Attacked) -> None:
    async def read() -> tuple[str, bool, bool]:
        guest = Person("dave", Browser(attacked.server_url, token=attacked.token_of("dave")))
        own = await own_token(guest, "alice")
        return own, await opens(guest.with_token(own), "alice"), await opens(guest.browser, "alice")

    assert asyncio.run(read()) == (attacked.own_token, False, True)


def test_server_is_asked_how_far_workers_reach(attacked: Attacked) -> None:
    async def ask(path: str) -> tuple[int, str]:
        browser = Browser(attacked.server_url, token=attacked.token_of("alice"))
        answer = await browser.ask("GET", f"/user/alice/{path}")
        return answer.status, answer.worker_scope

    assert asyncio.run(ask("jupyterhub_collab/worker-scope")) == (200, "")
