# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors who lose access are disconnected from everything that they have open on a server, and no one else is (requirements 39 and B5).

Uses a real hub and a server that it started. The server asks the hub about once a second.
"""

import asyncio
import json
import time
from collections.abc import Iterator

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from jupyterhub_collab.patches.server.websockets import close
from jupyterhub_collab.server import farewell
from jupyterhub_collab.server.visitors import ENDED, REASON, TELL_SECONDS
from local_hub import PATIENCE, LocalHub
from open_files import until
from people.sockets import Door, dial, end_of
from visits import EVENTS, open_document

pytestmark = pytest.mark.anyio
SECONDS = 1  # the hub's last answer is valid so long, and its end is noticed within one more


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    with LocalHub(tmp_path_factory.mktemp("hub"), seconds=SECONDS).running() as hub:
        hub.at_server(
            "alice", "PUT", "api/contents/plan.txt", {"type": "file", "format": "text", "content": ""}
        )
        yield hub


async def test_anyone_who_is_out_is_out_of_all_they_have_open(hub: LocalHub) -> None:
    """All websockets of a user who lost access are closed, including documents, terminals and kernels.

    Others stay connected, with their text.
    """
    terminal = hub.at_server("bob", "POST", "api/terminals").json()["name"]
    paths = [EVENTS, f"terminals/websocket/{terminal}", "api/collaboration/room/JupyterLab:globalAwareness"]
    his = [await dial(hub.door("bob", path)) for path in paths]
    hers = [await dial(hub.door("alice", path)) for path in paths]
    alice, dave, bob = [await open_document(hub, who) for who in ("alice", "dave", "bob")]
    bob.insert(0, "<bob>")
    for room in (alice, dave):
        await room.wait_until(lambda room: "<bob>" in room.text, PATIENCE)
    hub.forget("bob")
    assert await asyncio.gather(*(end_of(socket, PATIENCE) for socket in his)) == [ENDED] * len(paths)
    await bob.wait_until(lambda room: room.closed_by_server is not None, PATIENCE)
    assert bob.closed_by_server and bob.closed_by_server.code == ENDED
    bob.insert(0, "<late>")
    alice.insert(0, "<alice>")
    await dave.wait_until(lambda room: "<alice>" in room.text, PATIENCE)
    dave.insert(0, "<dave>")
    await alice.wait_until(lambda room: "<dave>" in room.text, PATIENCE)
    assert alice.closed_by_server is dave.closed_by_server is None
    assert await asyncio.gather(*(end_of(socket, 3 * SECONDS) for socket in hers)) == [None] * len(paths)
    assert sorted(alice.text) == sorted("<alice><dave><bob>") == sorted(dave.text)
    assert "<alice>" not in bob.text
    assert hub.at_server("alice", "GET", f"api/terminals/{terminal}").status_code == 200
    for room in (alice, bob, dave):
        await room.leave()


async def test_page_is_told_before_it_is_disconnected(hub: LocalHub) -> None:
    """Requirement V4: a page whose visitor loses access gets an event that says so, in time to say it before a document is closed. Other pages do not."""
    his, hers = [await dial(hub.door(who, EVENTS)) for who in ("bob", "alice")]
    terminal = hub.at_server("bob", "POST", "api/terminals").json()["name"]
    shell = await dial(hub.door("bob", f"terminals/websocket/{terminal}"))
    hub.forget("bob")
    told = {"schema_id": farewell.SCHEMA_ID, "reason": farewell.ENDED}
    async with asyncio.timeout(PATIENCE):
        while json.loads(await his.recv()) != told:
            pass
    begin = time.monotonic()
    assert await asyncio.gather(*(end_of(each, PATIENCE) for each in (his, shell))) == [ENDED] * 2
    assert time.monotonic() - begin > TELL_SECONDS / 2
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while json.loads(await hers.recv()) != told:
                pass
    await hers.close()


async def test_owner_who_logs_out_is_no_exception(hub: LocalHub) -> None:
    socket = await dial(hub.door("alice", EVENTS))
    hub.forget("alice")
    assert await end_of(socket, PATIENCE) == ENDED


async def test_who_shows_something_else_besides_is_known_by_what_let_them_in(hub: LocalHub) -> None:
    """A visitor with a valid token in the URL and an invalid cookie is known by the token that admitted them."""
    door = hub.door("dave", EVENTS)
    token = door.headers["Authorization"].removeprefix("token ")
    headers = {"Cookie": "jupyterhub-user-alice=none", "Sec-Fetch-Mode": "websocket"}
    socket = await dial(type(door)(f"{door.url}?token={token}", headers))
    assert await end_of(socket, 3 * SECONDS) is None
    hub.forget("dave")
    assert await end_of(socket, PATIENCE) == ENDED


async def test_hub_that_is_away_puts_nobody_out(hub: LocalHub) -> None:
    """No one is disconnected while the hub is away, or when it returns. Access that ends afterwards ends as usual."""
    socket = await dial(hub.door("erin", EVENTS))
    hub.kill()
    try:
        assert await end_of(socket, 4 * SECONDS) is None
    finally:
        hub.start()
    assert await end_of(socket, 3 * SECONDS) is None
    hub.forget("erin")
    assert await end_of(socket, PATIENCE) == ENDED


async def test_hub_is_asked_as_often_for_one_websocket_as_for_many(hub: LocalHub) -> None:
    """The hub is asked once per user, not once per websocket, even if each one has another session ID, which a browser can choose."""
    door = hub.door("carol", EVENTS)
    sessions = [{"Cookie": f"jupyterhub-session-id={number}"} for number in range(20)]
    sockets = [await dial(Door(door.url, {**door.headers, **session})) for session in sessions]
    asked = "GET /hub/api/user (carol@"
    before = hub.log.count(asked)
    await until(lambda: hub.log.count(asked) >= before + 2)
    assert hub.log.count(asked) - before < 5
    for socket in sockets:
        await socket.close()
    await asyncio.sleep(3 * SECONDS)
    before = hub.log.count(asked)
    await asyncio.sleep(3 * SECONDS)
    assert hub.log.count(asked) == before, "the hub is still asked about a user who has left"


@pytest.mark.parametrize("after", [0, 0.3])
async def test_nothing_is_heard_of_anyone_who_does_not_answer_the_end(after: float) -> None:
    """Nothing is read from a client that does not answer the close, or is not told yet: it could send for as long as tornado waits."""
    heard: list[str | bytes] = []
    ended: list[float] = []
    opened: list[WebSocketHandler] = []

    class Websocket(WebSocketHandler):
        def open(self, *_arguments: str, **_options: str) -> None:
            opened.append(self)

        def on_message(self, message: str | bytes) -> None:
            heard.append(message)

        def on_close(self) -> None:
            ended.append(time.monotonic())

    sock, port = bind_unused_port()
    server = HTTPServer(Application([("/", Websocket)]))
    server.add_socket(sock)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = (
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
    )
    writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n{key}\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame("before"))
    while not heard:
        await asyncio.sleep(0.01)
    close(opened[0], ENDED, REASON, after=after)
    assert len(ended) == 1, "closing waits for the client"
    writer.write(frame("after"))
    await asyncio.sleep(0.5)
    assert heard == ["before"]
    writer.close()
    await asyncio.sleep(0.2)
    assert len(ended) == 1
    server.stop()


def frame(text: str) -> bytes:
    """Return a text message as a client sends it, masked with zeros."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text.encode()
