# SPDX-License-Identifier: GPL-3.0-or-later
"""The sharing page's process without a hub: what it accepts, which privileges it drops, and what it answers."""

import asyncio
import contextlib
import json
import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.services.auth import HubOAuth
from sqlalchemy import event
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, create_signed_value
from traitlets.config import Config

from jupyterhub_collab.hub.policy import applied
from jupyterhub_collab.hub.sharing import share_servers
from jupyterhub_collab.names import SETTINGS
from jupyterhub_collab.patches import bounded
from jupyterhub_collab.sharing import app, privileges
from jupyterhub_collab.sharing.handlers import Base
from jupyterhub_collab.sharing.settings import Settings
from ports import free_port

PREFIX = "/services/sharing/"
SHARE: dict[str, Any] = {
    "groups": [],
    "by_name": True,
    "link_seconds": 3600,
    "longest_link": 86400,
    "links_per_server": 20,
    "guesses_per_minute": 20,
    "ends_with_server": True,
    "authorize_page": True,
    "revocation": 5,
    "log": "/nowhere/shares.jsonl",
    "port": 905,
    "account": "nobody",
}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Yield a port on which nothing listens, and which nothing else can take in the meantime."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def settings(hub_port: int, port: int = 0) -> Settings:
    return Settings(
        link_seconds=3600,
        longest_link=86400,
        ends_with_server=True,
        by_name=True,
        revocation_seconds=5,
        template_paths=[],
        template_vars={},
        account="nobody",
        base_url="/",
        prefix=PREFIX,
        api_url=f"http://127.0.0.1:{hub_port}/hub/api",
        public_url="",
        hub_origin="",
        address="127.0.0.1",
        port=port,
    )


async def ask(told: Settings, path: str, **cookies: str) -> tuple[int, str]:
    """Ask the page for a path, with cookies signed as its own. Return the status and the body."""
    application = app.application(told)
    listening = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(application)
    server.add_sockets(listening)
    secret = application.settings["cookie_secret"]
    signed = [
        f"{name}={create_signed_value(secret, name, value).decode()}" for name, value in cookies.items()
    ]
    url = f"http://127.0.0.1:{listening[0].getsockname()[1]}{path}"
    try:
        answer = await AsyncHTTPClient().fetch(
            url, headers={"Cookie": "; ".join(signed)}, raise_error=False, follow_redirects=False
        )
    finally:
        server.stop()
    return answer.code, answer.body.decode()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    """Set the variables that the hub gives to every service."""
    for name, value in {
        "API_URL": f"http://127.0.0.1:{closed_port}/hub/api",
        "API_TOKEN": "x" * 32,
        "CLIENT_ID": "service-sharing",
        "SERVICE_NAME": "sharing",
        "SERVICE_PREFIX": PREFIX,
        "SERVICE_URL": "http://127.0.0.1:905",
        "BASE_URL": "/",
        "OAUTH_ACCESS_SCOPES": "[]",
        "OAUTH_SCOPES": "[]",
    }.items():
        monkeypatch.setenv(f"JUPYTERHUB_{name}", value)


@pytest.mark.usefixtures("environment")
def test_hub_that_cannot_say_who_it_is_is_away(closed_port: int) -> None:
    """If the hub does not answer, the page says so in a sentence, although it cannot identify the user."""
    status, text = asyncio.run(ask(settings(closed_port), PREFIX, **{"service-sharing": "a token of before"}))
    assert status == 503
    assert "The hub does not answer at the moment. Try again in a minute" in text


class Origin(Base):
    """Answers with the origin that a link would have."""

    def get(self) -> None:
        self.write(self.origin)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("public_url", "sent", "origin"),
    [
        # The hub's proxy appends its own scheme to the one that a web server in front of it sends.
        ("", {"X-Forwarded-Proto": "https,http"}, "https://hub.example.org"),
        ("", {"X-Forwarded-Proto": "https"}, "https://hub.example.org"),
        ("", {"Forwarded": "proto=https"}, "https://hub.example.org"),
        (
            "",
            {"Host": "hub.example.org:8443", "X-Forwarded-Proto": "https, http"},
            "https://hub.example.org:8443",
        ),
        ("", {}, "http://hub.example.org"),
        ("https://public.example.org:8443/jupyter/", {}, "https://public.example.org:8443"),
    ],
)
def test_links_begin_as_browsers_see_the_hub(
    closed_port: int, public_url: str, sent: dict[str, str], origin: str
) -> None:
    told = replace(settings(closed_port), public_url=public_url)

    async def visit() -> str:
        listening = bind_sockets(0, "127.0.0.1")
        server = HTTPServer(Application([("/", Origin)], sharing=told, cookie_secret="x"), xheaders=True)
        server.add_sockets(listening)
        url = f"http://127.0.0.1:{listening[0].getsockname()[1]}/"
        try:
            answer = await AsyncHTTPClient().fetch(url, headers={"Host": "hub.example.org", **sent})
        finally:
            server.stop()
        return answer.body.decode()

    assert asyncio.run(visit()) == origin


@pytest.mark.parametrize(
    ("said", "known", "public_url"),
    [
        ("", "", ""),
        ("", "https://of.the.hub/", "https://of.the.hub/"),
        ("https://of.the.variable", "https://of.the.hub/", "https://of.the.variable"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_administrators_address_reaches_the_page(
    monkeypatch: pytest.MonkeyPatch, said: str, known: str, public_url: str
) -> None:
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_HUB_URL", known)
    applied.clear()
    c = Config()
    with monkeypatch.context() as alone:
        alone.setattr(event, "listen", lambda *what, **how: None)
        share_servers(c, **SHARE, public_url=said)
    monkeypatch.setenv(SETTINGS, c.JupyterHub.services[0]["environment"][SETTINGS])
    assert Settings.of_environment().public_url == public_url
    applied.clear()


@pytest.mark.usefixtures("environment")
def test_page_of_a_hub_that_ended_meanwhile_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's process ends with its hub, even if the hub ends before the page has started, as on a slow host.

    The port is needed for the next hub's page.
    """
    told = {
        **{name: SHARE[name] for name in ("by_name", "link_seconds", "longest_link", "ends_with_server")},
        "hub": 1,
    }
    told |= {
        "revocation_seconds": 5,
        "template_paths": [],
        "template_vars": {},
        "account": "nobody",
        "public_url": "",
    }
    monkeypatch.setenv(SETTINGS, json.dumps(told))
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:0")
    command = [sys.executable, "-c", "from jupyterhub_collab.sharing import main; main()"]
    assert subprocess.run(command, check=False, timeout=120).returncode == 0


@pytest.mark.usefixtures("environment")
def test_strangers_are_sent_to_the_hub(closed_port: int) -> None:
    for path in (PREFIX, f"{PREFIX}elsewhere"):
        status, text = asyncio.run(ask(settings(closed_port), path))
        assert (status, text) == (302, "")


@pytest.mark.usefixtures("environment")
def test_strangers_do_not_fill_the_memory(closed_port: int) -> None:
    """A request is refused by its length alone. Without an account, a few dozen of them would otherwise fill the host's memory."""

    async def post(length: int) -> bytes:
        listening = bind_sockets(0, "127.0.0.1")
        server = app.http_server(settings(closed_port))
        server.add_sockets(listening)
        reader, writer = await asyncio.open_connection(*listening[0].getsockname())
        writer.write(f"POST {PREFIX} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        try:
            writer.write(b"x" * min(length, 1000))
            async with asyncio.timeout(30):
                return (await reader.readline()).strip()
        finally:
            writer.close()
            server.stop()

    assert asyncio.run(post(100_000_000)) == b"HTTP/1.1 400 Bad Request"
    assert asyncio.run(post(1000)) == b"HTTP/1.1 403 Forbidden"


@pytest.mark.usefixtures("environment")
def test_addresses_of_strangers_do_not_fill_the_memory(
    closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page remembers so many sign-ins that have begun, and nothing of their addresses but the tab."""
    monkeypatch.setattr(bounded, "MOST", 5)
    states = HubOAuth.instance()._oauth_states

    async def come() -> None:
        for number in range(8):
            path = f"{PREFIX}elsewhere/{number}" if number % 2 else f"{PREFIX}?tab=theirs&x={number}"
            assert await ask(settings(closed_port), path + "x" * 10_000) == (302, "")

    states.clear()
    asyncio.run(come())
    kept = [state["next_url"] for state in states.values.values()]
    assert kept == [PREFIX, f"{PREFIX}?tab=theirs", PREFIX, f"{PREFIX}?tab=theirs", PREFIX]


@pytest.mark.usefixtures("environment")
def test_file_to_share_is_kept_until_the_sign_in(closed_port: int) -> None:
    """What JupyterLab's button fills in is still there after a sign-in, unless it is too long."""
    states = HubOAuth.instance()._oauth_states
    filled = "?tab=mine&server=big&document=a%26b.txt"

    async def come() -> None:
        for path in (filled, "?tab=mine&document=" + "x" * 10_000, "?document=plan.txt"):
            assert await ask(settings(closed_port), PREFIX + path) == (302, "")

    states.clear()
    asyncio.run(come())
    assert [state["next_url"] for state in states.values.values()] == [PREFIX + filled, PREFIX, PREFIX]


@pytest.mark.usefixtures("environment")
def test_memory_of_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest entries go first, also if one of them is renewed, and no entry is long."""
    bounded.bound_memory()
    monkeypatch.setattr(bounded, "MOST", 3)
    hub_auth = HubOAuth()
    for name in ("first", "second", "third", "first", "fourth"):
        hub_auth.cache[name] = None
    assert [*hub_auth.cache.values] == ["third", "first", "fourth"]
    for length, kept in ((1000, True), (3000, False)):
        state = hub_auth.generate_state("/" * length)
        assert (hub_auth.get_next_url(state) == "/" * length) is kept
    for session, used in (("x" * 32, "x" * 32), ("x" * 3000, "")):
        handler = SimpleNamespace(get_cookie=lambda _name, _none, session=session: session)
        assert hub_auth.get_session_id(handler) == used


@pytest.mark.usefixtures("environment")
def test_health_says_whose_page_it_is(closed_port: int) -> None:
    status, text = asyncio.run(ask(settings(closed_port, 905), f"{PREFIX}health"))
    assert (status, text) == (200, '{"page": "collab.jupyterhub sharing", "port": 905}')


def test_port_is_waited_for(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page waits for its port, which the process of a killed hub's page holds for a moment. Another program keeps it."""
    monkeypatch.setattr(privileges, "PAUSE", 0.05)
    with socket.socket() as other:
        port = free_port()
        other.bind(("127.0.0.1", port))
        other.listen()

        async def meanwhile() -> int:
            asyncio.get_running_loop().call_later(0.2, other.close)
            (taken,) = await privileges.sockets("127.0.0.1", port)
            with taken:
                return int(taken.getsockname()[1])

        assert asyncio.run(meanwhile()) == port
    with pytest.raises(OSError, match=r"another program listens on port .* Set jupyterhub_sharing_port"):
        asyncio.run(privileges.sockets("127.0.0.1", closed_port))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to drop privileges")
@pytest.mark.parametrize(("account", "why"), [("no-such-account", "does not exist"), ("root", "is root")])
def test_root_is_not_kept(account: str, why: str) -> None:
    with pytest.raises(OSError, match=why):
        privileges.give_up_root(account)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to drop privileges")
def test_root_is_given_up_for_good() -> None:
    """Dropping root is final: groups, and effective, real and saved IDs, give no way back."""
    if child := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        return
    good = False
    try:
        os.setgroups([0, 4])
        privileges.give_up_root("nobody")
        nobody = pwd.getpwnam("nobody")
        good = (
            os.getresuid() == (nobody.pw_uid,) * 3
            and os.getresgid() == (nobody.pw_gid,) * 3
            and not os.getgroups()
        )
        with contextlib.suppress(PermissionError):
            os.setuid(0)
            good = False
    finally:  # else this process would run the tests that follow, too
        os._exit(0 if good else 1)
