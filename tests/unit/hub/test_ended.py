# SPDX-License-Identifier: GPL-3.0-or-later
"""Each cell of docs/ended.yml, asked of a live hub and server: what mallory obtained on alice's server, after her access has ended."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml
from websockets.asyncio.client import ClientConnection

from attacked_hub import SERVER, Attacked
from local_hub import wait_until
from people import background
from people.sockets import dial

ENDED = yaml.safe_load((Path(__file__).parents[3] / "docs/ended.yml").read_text())
AT_ONCE, WITH_SERVER, NEVER, STAYS = "at once", "with the server", "never", "stays"
SECONDS = 8  # the hub is asked once a second; the machine may be busy


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with Attacked(tmp_path_factory.mktemp("hub")).running() as hub:
        yield hub


class Loot:
    """What mallory takes with her. Each property says whether that opens the server now."""

    def __init__(self, hub: Attacked, name: str, stack: ExitStack) -> None:
        self.hub = hub
        self.browser = stack.enter_context(hub.browser(name))
        self._token = hub.token_of(name)
        assert self.sign_in, "the browser signs in at the server"
        self._code = hub.code_of(self.browser)
        self._own_token = hub.own_token
        self._of_another = hub.sign_in_of("alice")
        self._link = hub.ask("POST", "share-codes/alice/", {})["code"]
        self._other = stack.enter_context(hub.browser("dave"))
        self._socket: ClientConnection = background.run(dial(hub.door(name, "api/events/subscribe")))
        hub.at_server(name, "POST", "api/terminals")
        self._server = hub.process

    @property
    def sign_in(self) -> bool:
        # Without what would let the browser sign in anew.
        answer = self.browser.get(
            f"{SERVER}api/contents", follow_redirects=not self.browser.cookies.get("seen")
        )
        self.browser.cookies.set("seen", "yes")
        return answer.status_code == 200

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
        return self._socket.close_code is None

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
        """Whether a process that the server has started still runs: the shell of a terminal."""
        return os.path.exists(f"/proc/{self._server}") and bool(
            Path(f"/proc/{self._server}/task/{self._server}/children").read_text().strip()
        )

    def __getitem__(self, thing: str) -> bool:
        return bool(getattr(self, thing.replace(" ", "_").replace("-", "_")))


def end(hub: Attacked, way: str, name: str, loot: Loot) -> None:
    if way == "revoked":
        hub.revoke(name)
    elif way == "group":
        hub.ask("DELETE", "groups/team/users", {"users": [name]})
    elif way == "logout":
        loot.browser.get("/hub/logout")
    else:
        hub.ask("DELETE", f"users/{name}")


@pytest.mark.parametrize("way", ENDED["ways"])
def test_what_was_obtained_ends_as_the_table_says(hub: Attacked, way: str) -> None:
    name = f"mallory-{way}"
    hub.ask("POST", f"users/{name}")
    if way == "group":
        hub.ask("POST", "groups/team/users", {"users": [name]})
    else:
        hub.share(name)
    told: dict[str, str] = {}
    with ExitStack() as stack:
        loot = Loot(hub, name, stack)
        before = {thing: loot[thing] for thing in ENDED["things"] if thing != "code"}  # which is good once
        end(hub, way, name, loot)
        expected = {thing: row["ends"][way] for thing, row in ENDED["things"].items()}
        for thing, says in expected.items():
            if says == AT_ONCE:
                wait_until(lambda thing=thing: not loot[thing], SECONDS)
        left = {thing for thing in expected if loot[thing]}
        hub.restart_server()
        for thing in expected:
            if not before.get(thing, True):
                told[thing] = NEVER
            elif thing not in left:
                told[thing] = AT_ONCE
            else:
                # A code is good once: whoever has used it has a sign-in instead.
                told[thing] = STAYS if thing == "code" or loot[thing] else WITH_SERVER
        hub.ask("DELETE", "share-codes/alice/")
    assert told == expected
