# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub tells servers when rights change, and servers need not ask (requirement V9). A real hub, and alice's real server on it.

On the first hub, servers trust an answer for 300 seconds, so only what the hub tells explains that something ends sooner. On the second, they
trust it for 2 seconds, and for 180 seconds while the hub says that nothing has changed.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

import plain_http
from jupyterhub_collab.hub.push import BURST, SHORTEST_BEAT
from jupyterhub_collab.names import CHANGES, EDIT, NO_LEVEL, VIEW, WATCH
from jupyterhub_collab.patches.server.answers import REFUSED_SECONDS
from jupyterhub_collab.server.push import Push, Stream
from jupyterhub_collab.server.visitors import ENDED
from local_hub import PATIENCE, wait_until
from people.sockets import Door, dial, end_of
from viewed_hub import Viewed
from visits import EVENTS

pytestmark = pytest.mark.anyio
SLOW, FAST = 300, 2  # seconds
Ended = Callable[[Viewed, str], None]
Change = Callable[[Viewed, str, str], None]
TEXT = {"type": "file", "format": "text", "content": "hello"}
# What the hub's host does to what the hub sends, by a file: loses messages about changes, or everything.
LOSES = """
from pathlib import Path

from jupyterhub_collab.hub.push import Listener

send = Listener.send


def lose(listener, *what):
    how = Path("lose").read_text() if Path("lose").exists() else ""
    if not (how == "everything" or (how == "news" and what)):
        send(listener, *what)


Listener.send = lose
"""
LISTENS = "jupyterhub-user-alice listens to changes"
ASKED = "GET /hub/api/user ("


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    hub = Viewed(tmp_path_factory.mktemp("slow"), LOSES, revocation=SLOW)
    with hub.running():
        yield hub


@pytest.fixture(scope="module")
def fast_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    hub = Viewed(tmp_path_factory.mktemp("fast"), LOSES, revocation=FAST)
    with hub.running():
        yield hub


@contextmanager
def losing(hub: Viewed, what: str) -> Iterator[None]:
    file = hub.directory / "lose"
    file.write_text(what)
    try:
        yield
    finally:
        file.unlink()


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
    """Open a page's websocket for each, and wait until the hub says when their rights change."""
    sockets = [await dial(hub.door(name, EVENTS)) for name in who]
    await listening(hub)
    return sockets


async def listening(hub: Viewed, times: int = 1) -> None:
    """Wait until the server listens to the hub, and has asked about its visitors since then."""
    async with asyncio.timeout(PATIENCE):
        while hub.log.count(LISTENS) < times:
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)


def revoke(hub: Viewed, name: str) -> None:
    hub.revoke(name)


def revoke_all(hub: Viewed, _name: str) -> None:
    hub.ask("DELETE", "shares/alice/")


def set_level(hub: Viewed, name: str, level: str) -> None:
    hub.ask("PATCH", "shares/alice/", {"user": name, "level": level})


def share_again(hub: Viewed, name: str, level: str) -> None:
    hub.ask("POST", "shares/alice/", {"user": name, "level": level})


def leave(hub: Viewed, name: str) -> None:
    headers = {"Authorization": f"token {hub.token_of(name)}"}
    plain_http.delete(f"{hub.hub_url}/hub/api/users/{name}/shared/alice/", headers=headers).raise_for_status()


def delete_user(hub: Viewed, name: str) -> None:
    hub.ask("DELETE", f"users/{name}")


def revoke_token(hub: Viewed, name: str) -> None:
    hub.forget(name)


@pytest.mark.parametrize(
    "end",
    [
        revoke,
        pytest.param(revoke_all, marks=pytest.mark.long),
        leave,
        delete_user,
        pytest.param(revoke_token, marks=pytest.mark.long),
    ],
)
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


async def test_access_ends_with_a_logout_at_once(hub: Viewed, guest: str) -> None:
    with hub.browser(guest) as browser:
        browser.get("/user/alice/files/none")
        cookies = browser.build_request("GET", f"/user/alice/{EVENTS}").headers["Cookie"]
        headers = {"Cookie": cookies, "Sec-Fetch-Mode": "websocket", "Origin": hub.server_url}
        socket = await dial(Door(hub.door(guest, EVENTS).url, headers))
        await listening(hub)
        browser.get("/hub/logout")
        assert await end_of(socket) == ENDED


async def test_level_changes_at_once(hub: Viewed) -> None:
    """It rises and falls within a second (median), measured on a busy machine."""
    [socket] = await come(hub, "vera")
    took = []
    for _ in range(3):
        for change, level in ((hub.join, "edit"), (hub.part, "view")):
            begin = time.monotonic()
            change("team", "vera")
            await told(socket, "vera", level)
            took.append(time.monotonic() - begin)
            await asyncio.sleep(1)
    assert statistics.median(took) < 1
    await socket.close()


@pytest.mark.parametrize("change", [set_level, pytest.param(share_again, marks=pytest.mark.long)])
async def test_level_of_a_share_changes_at_once(hub: Viewed, guest: str, change: Change) -> None:
    """Whichever request changes it. Access of someone who can only view ends at once, too."""
    token = hub.token_of(guest)
    [socket] = await come(hub, guest)
    assert can(hub, token) == EDIT
    for level in (VIEW, EDIT, VIEW):
        change(hub, guest, level)
        await told(socket, guest, level)
        assert can(hub, token) == level
        await asyncio.sleep(
            1
        )  # the server asks about its visitors again, and the hub tells of the next change
    hub.revoke(guest)
    assert await end_of(socket) == ENDED
    assert not hub.opens(token)


def can(hub: Viewed, token: str) -> str:
    """Return the level that alice's server enforces for a token."""
    written = hub.at_server_with(token, "PUT", "api/contents/tried.txt", TEXT).status_code
    return EDIT if written in (200, 201) else VIEW if hub.opens(token) else NO_LEVEL


async def told(socket: ClientConnection, name: str, level: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            event = json.loads(await socket.recv())
            people = event.get("changed", [])
            if any((each["username"], each["level"]) == (name, level) for each in people):
                return


async def test_missed_message_is_noticed(hub: Viewed, guest: str) -> None:
    """Messages are numbered. A server that misses one asks about everyone."""
    [socket] = await come(hub, guest)
    with losing(hub, "news"):
        hub.revoke(guest)
        assert await end_of(socket) == ENDED


async def test_access_that_starts_waits_for_no_message(fast_hub: Viewed) -> None:
    """Someone is refused, then accepts a share, and comes at once."""
    name = f"late-{uuid4().hex[:8]}"
    fast_hub.ask("POST", f"users/{name}")
    token = fast_hub.token_of(name)
    [hers] = await come(fast_hub, "alice")
    assert not fast_hub.opens(token)
    with losing(fast_hub, "everything"):
        await asyncio.sleep(2 * REFUSED_SECONDS)
        fast_hub.share(name)
        assert fast_hub.opens(token)
    await hers.close()


@pytest.mark.long
async def test_silent_connection_is_worth_nothing(fast_hub: Viewed) -> None:
    """Without the hub's messages, servers ask as often as before. When they hear from the hub again, they do not."""
    guest = new_guest(fast_hub)
    his, hers = await come(fast_hub, guest, "alice")
    with losing(fast_hub, "everything"):
        fast_hub.revoke(guest)
        begin = time.monotonic()
        assert await end_of(his) == ENDED
        assert time.monotonic() - begin < 30
        await asyncio.sleep(1)
        asked = fast_hub.log.count(ASKED)
        await asyncio.sleep(3 * FAST)
        assert fast_hub.log.count(ASKED) > asked
    await asyncio.sleep(2 * FAST)
    asked = fast_hub.log.count(ASKED)
    await asyncio.sleep(4 * FAST)
    assert fast_hub.log.count(ASKED) == asked
    await hers.close()


@pytest.mark.long
async def test_token_ends_when_it_expires(fast_hub: Viewed) -> None:
    """Nothing changes in the database at that time."""
    guest = new_guest(fast_hub)
    token = fast_hub.ask("POST", f"users/{guest}/tokens", {"expires_in": 10})["token"]
    door = replace(fast_hub.door("alice", EVENTS), headers={"Authorization": f"token {token}"})
    socket = await dial(door)
    assert await end_of(socket) == ENDED


@pytest.mark.long
async def test_rights_that_changed_while_the_hub_was_restarted(hub: Viewed) -> None:
    """As when a play changes who is in a project. The server asks about everyone as soon as it reaches the hub."""
    bob, hers = await come(hub, "bob", "alice")
    times = hub.log.count(LISTENS)
    hub.kill()
    config = hub.directory / "jupyterhub_config.py"
    text = config.read_text()
    config.write_text(text.replace('"users": ["bob", "dave", "erin"]', '"users": ["dave", "erin"]'))
    try:
        hub.start()
        assert await end_of(bob) == ENDED
        await listening(hub, times + 1)
        guest = new_guest(hub)
        [his] = await come(hub, guest)
        hub.revoke(guest)
        assert await end_of(his) == ENDED
        assert await end_of(hers, 0.1) is None
    finally:
        config.write_text(text)
        hub.kill()
        hub.start()
    await hers.close()


@pytest.mark.long
async def test_highest_level_that_changed_while_the_hub_was_restarted(hub: Viewed, guest: str) -> None:
    """The administrator's limit applies to a share that exists as soon as the server reaches the hub, and so does its end."""
    [socket] = await come(hub, guest)
    config = hub.directory / "jupyterhub_config.py"
    text = config.read_text()
    limited = text.replace('level="edit", highest_level="edit"', 'level="view", highest_level="view"')
    assert limited != text
    for now, level in ((limited, VIEW), (text, EDIT)):
        times = hub.log.count(LISTENS)
        hub.kill()
        config.write_text(now)
        hub.start()
        await told(socket, guest, level)
        assert can(hub, hub.token_of(guest)) == level
        await listening(hub, times + 1)
    await socket.close()


# Attacks


def stream_of(hub: Viewed, token: str) -> int:
    """Return the status with which the hub answers a request for a server's stream. Read no more than that."""
    with plain_http.Client(timeout=PATIENCE) as client:
        headers = {"Authorization": f"token {token}"} if token else {}
        with client.stream("GET", f"{hub.hub_url}/hub/api/{CHANGES}?seconds=5", headers=headers) as answer:
            return answer.status_code


def test_only_a_server_hears_what_changes_on_it(hub: Viewed) -> None:
    """Neither users, administrators and services do, nor owners with a token of their own. Nobody does without a token."""
    for token in (hub.token, hub.service_token, *map(hub.token_of, ("alice", "bob", "carol")), "3" * 32, ""):
        assert stream_of(hub, token) == 403
    with hub.browser("alice") as alice:
        assert alice.get(f"/hub/api/{CHANGES}?seconds=5").status_code == 403


@pytest.mark.parametrize("seconds", ["", "x", "nan", "-1", "1e999"])
def test_a_request_for_an_odd_rhythm_is_harmless(hub: Viewed, seconds: str) -> None:
    headers = {"Authorization": f"token {hub.own_token}"}
    address = f"{hub.hub_url}/hub/api/{CHANGES}?seconds={seconds}"
    with (
        plain_http.Client(timeout=PATIENCE) as client,
        client.stream("GET", address, headers=headers) as answer,
    ):
        assert answer.status_code in (200, 400)
        if answer.status_code == 200:
            # By the hub's clock. The server itself may take its stream back at any time.
            told: list[Any] = []
            with suppress(httpx.RemoteProtocolError):
                told.extend(json.loads(line) for line in islice(answer.iter_lines(), 4))
            beats = [each[0] for each in told if len(each) == 2]
            assert all(later - one > SHORTEST_BEAT / 2 for one, later in pairwise(beats))


async def test_guest_who_takes_the_stream_gains_nothing(fast_hub: Viewed) -> None:
    """A guest with a terminal has the server's token, and can take its stream again and again. Access ends all the same, by asking."""
    guest = new_guest(fast_hub)
    his, hers = await come(fast_hub, guest, "alice")
    token = fast_hub.own_token
    until = time.monotonic() + 8

    def take() -> None:
        while time.monotonic() < until:
            stream_of(fast_hub, token)

    taking = asyncio.gather(*(asyncio.to_thread(take) for _ in range(4)))
    await asyncio.sleep(1)
    fast_hub.revoke(guest)
    assert await end_of(his) == ENDED
    assert await end_of(hers, 0.1) is None
    await taking
    await hers.close()


async def test_user_cannot_make_servers_ask_all_the_time(hub: Viewed) -> None:
    """A user who creates and revokes tokens changes their rights, as far as the hub knows."""
    guest = new_guest(hub)
    [socket] = await come(hub, guest)
    about = f"{ASKED}{guest}@"
    before = hub.log.count(about)
    begin = time.monotonic()
    for _ in range(20):
        token = hub.ask("POST", f"users/{guest}/tokens", {})
        hub.ask("DELETE", f"users/{guest}/tokens/{token['id']}")
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    assert 0 < hub.log.count(about) - before <= BURST + (time.monotonic() - begin) / 5 + 1
    hub.revoke(guest)
    assert await end_of(socket) == ENDED


# What a server does with what it hears, from any sender


class Auth:
    """What `Push` needs of a `HubOAuth`."""

    api_token = "t"
    cache_max_age = 5
    certfile = keyfile = client_ca = ""

    def __init__(self, port: int = 0) -> None:
        self.api_url = f"http://127.0.0.1:{port}/hub/api"
        self.cache: Any = Answers()


class Answers(dict[str, Any]):
    def purge_expired(self) -> None:
        pass


def answer(told: int, name: str = "bob", stream: str = "s", seconds: float = 100) -> dict[str, Any]:
    return {"name": name, WATCH: {"stream": stream, "told": told, "seconds": seconds}}


def test_answer_is_overtaken_by_later_changes_only() -> None:
    push = Push(Auth(), lambda names: None)
    push._stream = stream = Stream("s")
    assert stream.hear(b"[10.0, 0]") == []
    assert stream.hear(b'[11.0, 1, ["bob"]]') == ["bob"]
    assert push.is_overtaken(answer(0))
    assert not push.is_overtaken(answer(1))
    assert not push.is_overtaken(answer(0, "carol"))
    assert stream.hear(b"[12.0, 2, null]") is None
    assert push.is_overtaken(answer(1))
    assert push.is_overtaken(answer(0, "carol"))


def test_repeated_and_missing_messages_only_make_the_server_ask() -> None:
    stream = Stream("s")
    stream.hear(b'[1.0, 1, ["bob"]]')
    assert stream.hear(b'[1.0, 1, ["bob"]]') is None, "a repeated one"
    assert stream.hear(b"[1.0, 3]") is None, "one that came after a missing one"
    assert stream.hear(b"[1.0, 3]") == []
    assert stream.hear(b"[1.0, 2]") is None, "an older one"


def test_message_that_was_held_up_confirms_nothing_of_now() -> None:
    stream = Stream("s")
    stream.hear(b"[1000.0, 0]")
    soon = stream.until
    time.sleep(0.5)
    stream.hear(b"[1000.1, 0]")  # sent 0.1 s later, and arrived 0.5 s later
    assert stream.until == pytest.approx(soon + 0.1, abs=0.05)
    stream.hear(b"[2000.0, 0]")  # a clock that jumps
    assert stream.until <= time.monotonic()


def test_answers_without_a_stream_are_not_confirmed() -> None:
    push = Push(Auth(), lambda names: None)
    assert push.confirmed(answer(0)) == (0, 0)
    push._stream = stream = Stream("s")
    stream.hear(b"[1.0, 0]")
    assert push.confirmed(answer(0, seconds=1e9)) == (stream.until, 180)
    watches: list[Any] = [None, [], {}, {"stream": "s"}, {"stream": "s", "told": "0", "seconds": 9}]
    watches.append({"stream": "x", "told": 0, "seconds": 9})
    for watch in watches:
        assert push.confirmed({"name": "bob", WATCH: watch}) == (0, 0)
    assert push.confirmed({"name": "bob"}) == (0, 0)


@asynccontextmanager
async def listening_to(sent: bytes) -> AsyncIterator[list[Any]]:
    """Have a server listen to a hub that sends this, again and again, on every connection. Yield what the server is told."""

    async def answer_with(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            while True:
                writer.write(sent)
                await writer.drain()
        except OSError:
            writer.close()

    heard: list[Any] = []
    false_hub = await asyncio.start_server(answer_with, "127.0.0.1", 0)
    push = Push(Auth(false_hub.sockets[0].getsockname()[1]), heard.append)
    push.start()
    try:
        yield heard
    finally:
        push.stop()
        false_hub.close()


OPEN = b"HTTP/1.0 200 OK\r\nX-JupyterHub-Collab-Stream: s\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nX-JupyterHub-Collab-Stream: s\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.0 404 Not Found\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"\r\n\r\n",
        b"x" * 100_000,
    ],
    ids=lambda sent: repr(sent[:20]),
)
async def test_what_is_no_stream_is_not_listened_to(sent: bytes) -> None:
    async with listening_to(sent) as heard:
        await asyncio.sleep(0.5)
        assert heard == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b"[1]",
        b'["x", 1]',
        b"[1, null]",
        b'[1, 1, "bob"]',
        b"[1, 1, [7]]",
        b"[" * 5000,
        b"\xff",
    ],
    ids=lambda line: repr(line[:20]),
)
async def test_what_is_no_message_ends_the_connection(line: bytes) -> None:
    """The server is told once that it listens, and of nothing else."""
    async with listening_to(OPEN + line + b"\n") as heard:
        await asyncio.sleep(0.5)
        assert heard == [None]
