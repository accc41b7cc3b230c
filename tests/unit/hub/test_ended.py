# SPDX-License-Identifier: GPL-3.0-or-later
"""Check each cell of docs/ended.yml on a live hub and server: what mallory keeps of alice's server after her access has ended."""

import asyncio
import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from attacked_hub import SERVER, Attacked
from local_hub import wait_until
from people import background
from people.sockets import dial

ENDED = yaml.safe_load((Path(__file__).parents[3] / "docs/ended.yml").read_text())
AT_ONCE, WITH_SERVER, NEVER, STAYS = "at once", "with the server", "never", "stays"
SECONDS = 20  # the server asks the hub once a second, and the machine may be busy


class Loot:
    """What mallory takes with her. Each property tells whether it still opens the server."""

    def __init__(self, hub: Attacked, name: str, link: str, stack: ExitStack) -> None:
        self.hub = hub
        self.browser = stack.enter_context(hub.browser(name))
        self.browser.get(f"{SERVER}files/none")  # the first page that asks who the visitor is
        self._token = hub.token_of(name)
        assert self.sign_in, "the browser could not sign in to the server"
        self._code = hub.code_of(self.browser)
        self._own_token = hub.own_token
        self._of_another = hub.sign_in_of("alice")
        self._link = link
        self._other = stack.enter_context(hub.browser("dave"))
        events = "api/events/subscribe"
        cookies = self.browser.build_request("GET", f"{SERVER}{events}").headers["Cookie"]
        headers = {"Cookie": cookies, "Sec-Fetch-Mode": "websocket", "Origin": hub.server_url}
        door = replace(hub.door(name, events), headers=headers)
        self._socket: ClientConnection = background.run(dial(door))
        hub.at_server(name, "POST", "api/terminals")
        self._server = hub.server_process

    @property
    def sign_in(self) -> bool:
        return self.browser.get(f"{SERVER}api/contents").status_code == 200

    @property
    def code(self) -> bool:
        try:
            return self.hub.opens(self.hub.exchange(self._code))
        except httpx.HTTPStatusError:
            return False

    @property
    def token(self) -> bool:
        return self.hub.opens(self._token)

    @property
    def websocket(self) -> bool:
        return background.run(_is_open(self._socket))

    @property
    def own_token(self) -> bool:
        return self.hub.opens(self._own_token)

    @property
    def sign_in_of_another(self) -> bool:
        return self.hub.opens(self._of_another)

    @property
    def link(self) -> bool:
        return self._other.get("/hub/accept-share", params={"code": self._link}).status_code == 200

    @property
    def program(self) -> bool:
        """Tell whether a process that the server started, here a terminal's shell, is still running."""
        return os.path.exists(f"/proc/{self._server}") and bool(
            Path(f"/proc/{self._server}/task/{self._server}/children").read_text().strip()
        )

    def __getitem__(self, thing: str) -> bool:
        return bool(getattr(self, thing.replace(" ", "_").replace("-", "_")))

    def lacks(self, thing: str) -> bool:
        return not self[thing]


async def _is_open(socket: ClientConnection) -> bool:
    """Read the pending messages: the websocket's end goes unnoticed behind more than a few of them."""
    try:
        while True:
            async with asyncio.timeout(0.1):
                await socket.recv()
    except TimeoutError:
        return True
    except ConnectionClosed:
        return False


def end(hub: Attacked, way: str, name: str, loot: Loot) -> None:
    if way == "revoked":
        hub.revoke(name)
    elif way == "group":
        hub.ask("DELETE", "groups/team/users", {"users": [name]})
    elif way == "logout":
        loot.browser.get("/hub/logout")
    else:
        hub.ask("DELETE", f"users/{name}")


# Someone who logs out still has access. Once others have lost theirs, no sign-in outlives the server.
@pytest.mark.parametrize("ways", [["logout"], ["revoked", "group", "deleted"]])
def test_what_was_obtained_ends_as_the_table_says(attacked: Attacked, ways: list[str]) -> None:
    hub = attacked
    hub.restart_server()  # ends the sign-ins that earlier tests left behind
    link = hub.ask("POST", "share-codes/alice/", {})["code"]
    expected = {(way, thing): row["ends"][way] for way in ways for thing, row in ENDED["things"].items()}
    told: dict[tuple[str, str], str] = {}
    with ExitStack() as stack:
        loots = {}
        for way in ways:
            name = f"mallory-{way}"
            hub.ask("POST", f"users/{name}")
            if way == "group":
                hub.ask("POST", "groups/team/users", {"users": [name]})
            else:
                hub.share(name)
            loots[way] = Loot(hub, name, link, stack)
        # A code works only once, so it is not tried yet.
        before = {each: each[1] == "code" or loots[each[0]][each[1]] for each in expected}
        for way, loot in loots.items():
            end(hub, way, f"mallory-{way}", loot)
        for (way, thing), says in expected.items():
            if says == AT_ONCE:
                wait_until(partial(loots[way].lacks, thing), SECONDS)
        left = {(way, thing) for way, thing in expected if loots[way][thing]}
        hub.restart_server()
        for way, thing in expected:
            if not before[way, thing]:
                told[way, thing] = NEVER
            elif (way, thing) not in left:
                told[way, thing] = AT_ONCE
            else:
                # A used code has become a sign-in.
                told[way, thing] = STAYS if thing == "code" or loots[way][thing] else WITH_SERVER
        hub.ask("DELETE", "share-codes/alice/")
    assert told == expected


def test_no_way_is_left_out() -> None:
    for thing, row in ENDED["things"].items():
        assert row["ends"].keys() == ENDED["ways"].keys()
        assert STAYS not in row["ends"].values() or row["why"], thing
    assert ENDED["ways"].keys() == {"logout", "revoked", "group", "deleted"}
