# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub tells servers when rights change, and servers need not ask (requirement V9). A real hub, and alice's real server on it.

On the first hub, servers trust an answer for 300 seconds, so only what the hub tells explains that something ends sooner.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

import plain_http
from jupyterhub_collab.names import CHANGES
from jupyterhub_collab.server.visitors import ENDED
from local_hub import PATIENCE, wait_until
from people.sockets import dial
from viewed_hub import Viewed
from visits import EVENTS

pytestmark = pytest.mark.anyio
SLOW = 300  # seconds
Ended = Callable[[Viewed, str], None]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    hub = Viewed(tmp_path_factory.mktemp("push"), revocation=SLOW)
    with hub.running():
        yield hub


@pytest.fixture
def guest(hub: Viewed) -> str:
    """Return a new user with whom alice shares her server."""
    return new_guest(hub)


def new_guest(hub: Viewed) -> str:
    name = f"guest-{uuid4().hex[:8]}"
    hub.ask("POST", f"users/{name}")
    hub.share(name)
    return name


async def come(hub: Viewed, *who: str) -> list[ClientConnection]:
    """Open a page's websocket for each, and wait until the hub watches them."""
    sockets = [await dial(hub.door(name, EVENTS)) for name in who]
    await until_watched(hub)
    return sockets


async def until_watched(hub: Viewed) -> None:
    """Wait until the server listens to the hub, and has asked it about its visitors since then."""
    before = hub.log.count(ASKED)
    async with asyncio.timeout(PATIENCE):
        while LISTENS not in hub.log:
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    assert hub.log.count(ASKED) >= before


LISTENS = "listens to changes"
ASKED = "GET /hub/api/user ("


async def end_of(socket: ClientConnection, seconds: float = PATIENCE) -> int | None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                await socket.recv()
    except TimeoutError:
        return None
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else 1006


def revoke(hub: Viewed, name: str) -> None:
    hub.revoke(name)


def revoke_all(hub: Viewed, _name: str) -> None:
    hub.ask("DELETE", "shares/alice/")


def leave(hub: Viewed, name: str) -> None:
    headers = {"Authorization": f"token {hub.token_of(name)}"}
    plain_http.delete(f"{hub.hub_url}/hub/api/users/{name}/shared/alice/", headers=headers).raise_for_status()


def delete_user(hub: Viewed, name: str) -> None:
    hub.ask("DELETE", f"users/{name}")


def revoke_token(hub: Viewed, name: str) -> None:
    hub.forget(name)


@pytest.mark.parametrize("end", [revoke, revoke_all, leave, delete_user, revoke_token])
async def test_access_ends_at_once(hub: Viewed, guest: str, end: Ended) -> None:
    """Whichever way it ends, open websockets are closed and requests are refused. Others stay connected."""
    token = hub.token_of(guest)
    his, hers = await come(hub, guest, "alice")
    assert hub.opens(token)
    end(hub, guest)
    assert await end_of(his) == ENDED
    assert not hub.opens(token)
    assert await end_of(hers, 1) is None
    await hers.close()


async def test_access_by_a_group_starts_and_ends_at_once(hub: Viewed) -> None:
    name = f"member-{uuid4().hex[:8]}"
    hub.ask("POST", f"users/{name}")
    token = hub.token_of(name)
    [hers] = await come(hub, "alice")
    assert not hub.opens(token)
    hub.join("team", name)
    wait_until(lambda: hub.opens(token))
    [his] = await come(hub, name)
    hub.part("team", name)
    assert await end_of(his) == ENDED
    await hers.close()
