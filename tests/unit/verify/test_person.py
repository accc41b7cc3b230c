# SPDX-License-Identifier: GPL-3.0-or-later
"""A user who authenticates with tokens, at a real hub and one of its servers, both at one address as behind a proxy."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from jupyterhub_collab.verify.browser import Answer, Browser
from jupyterhub_collab.verify.person import Person, Refused
from local_hub import LocalHub

CACHED = 300  # seconds that a server trusts what it heard about a token, by default


class Front(RequestHandler):
    """Forwards requests to the hub or to the server."""

    hub = server = ""

    async def pass_on(self, path: str) -> None:
        origin = self.hub if path.startswith("hub/") else self.server
        headers = {
            name: self.request.headers[name]
            for name in ("Authorization", "Accept", "Sec-Fetch-Mode")
            if name in self.request.headers
        }
        answer = await AsyncHTTPClient().fetch(
            f"{origin}{self.request.uri}",
            method=str(self.request.method),
            headers=headers,
            body=self.request.body or None,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            raise_error=False,
        )
        self.set_status(answer.code)
        for name in ("Location", "Content-Type"):
            if name in answer.headers:
                self.set_header(name, answer.headers[name])
        self.write(answer.body or b"")

    get = post = delete = pass_on


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    directory: Path = tmp_path_factory.mktemp("hub")
    with LocalHub(directory, seconds=CACHED).running() as hub:
        hub.ask("POST", "users/frank")
        yield hub


def behind(hub: LocalHub, visit: Callable[[str], Awaitable[None]]) -> None:
    async def run() -> None:
        socket, port = bind_unused_port()
        Front.hub, Front.server = hub.hub_url, hub.url.removesuffix("/user/alice")
        server = HTTPServer(Application([("/(.*)", Front)]))
        server.add_socket(socket)
        try:
            await visit(f"http://127.0.0.1:{port}")
        finally:
            server.stop()

    asyncio.run(run())


def test_refusal_that_is_remembered_is_no_reason(hub: LocalHub) -> None:
    """A user who was refused a moment ago and then gets a share has access at once, with a new token."""

    async def visit(url: str) -> None:
        frank = Person("frank", Browser(url, token=hub.token_of("frank")))

        async def look() -> int:
            return (await frank.browser.ask("GET", "/user/alice/api/contents")).status

        await frank.introduce()
        assert await look() == 403
        hub.ask("POST", "shares/alice/", {"user": "frank"})
        assert await look() == 403
        await frank.renew()
        assert await look() == 200
        assert frank.browser.token == frank.token != hub.token_of("frank")

    behind(hub, visit)


@pytest.mark.parametrize(
    "text", ["", "<h1></h1>", "<h1><b> </b></h1>", '<p class="error"></p>', '{"message": ""}']
)
def test_reason_is_never_empty(text: str) -> None:
    assert Answer(403, "http://hub/", text).sentence == "status 403"


FULL = """
import asyncio

async def refuse(spawner):
    await asyncio.sleep(0.3 if spawner.user.name == "frank" else 0)
    if spawner.user.name == "frank":
        why = RuntimeError("refused")
        why.jupyterhub_message = "There is no room for this server."
        raise why

c.Spawner.pre_spawn_hook = refuse
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
"""


def test_server_that_failed_to_start_is_named_with_the_hubs_reason(tmp_path: Path) -> None:
    """Administrators read what users are told, such as that an image lacks the package."""
    with LocalHub(tmp_path, config=FULL).running() as hub:
        hub.ask("POST", "users/frank")

        async def visit(url: str) -> None:
            frank = Person("frank", Browser(url, token=hub.token_of("frank")))
            with pytest.raises(Refused, match=r"There is no room for this server$"):
                await frank.start("frank", 2)
            assert await frank._why_not("alice") == ""

        behind(hub, visit)
