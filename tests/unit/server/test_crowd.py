# SPDX-License-Identifier: GPL-3.0-or-later
"""What many people cost a real server, and those who flood others or never read, in messages and bytes (requirement V9)."""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from pycrdt import Doc, create_sync_message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from here import PRESENCE, Here
from jupyterhub_collab.server.awareness import LONGEST_STATE, MOST_INTRODUCED, Told
from jupyterhub_collab.server.limits import WAITING_EVENTS, WAITING_ROOM
from jupyterhub_collab.server.presence import SCHEMA_ID, SETTLE_SECONDS
from jupyterhub_collab.server.watching import AWARENESS, message_of, tabs_in
from local_server import PATIENCE, TOKEN, Configured, LocalServer
from people.sockets import Door, dial

pytestmark = pytest.mark.anyio
PAGES = "api/collaboration/room/JupyterLab:globalAwareness"
# A server extension with which anyone can have an event of any size sent to all pages.
FLOOD = """
from jupyter_server.base.handlers import JupyterHandler

SCHEMA = "https://test.invalid/flood"


class Flood(JupyterHandler):
    def get(self, size):
        self.event_logger.emit(schema_id=SCHEMA, data={"text": int(size) * "x"})
        self.finish({})


def _load_jupyter_server_extension(app):
    form = {"$id": SCHEMA, "version": "1", "title": "t", "type": "object", "properties": {"text": {"type": "string"}}}
    app.event_logger.register_event_schema(form)
    app.web_app.add_handlers(".*", [("/flood/([0-9]+)", Flood)])


def _jupyter_server_extension_points():
    return [{"module": "flood"}]
"""
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    directory = tmp_path_factory.mktemp("server")
    (directory / "flood.py").write_text(FLOOD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(directory), prepend=os.pathsep)
        server = Configured(directory, 'c.ServerApp.jpserver_extensions.update({"flood": True})')
        server.write("notes.txt", "one\n")
        server.start()
    yield server
    server.kill()


def door(server: LocalServer, path: str) -> Door:
    """Without a hub, each websocket is that of another person."""
    return Door(f"{server.address.replace('http', 'ws')}/{path}", TOKEN)


@asynccontextmanager
async def opened(server: LocalServer, path: str, number: int) -> AsyncIterator[list[ClientConnection]]:
    sockets = await asyncio.gather(*(dial(door(server, path)) for _each in range(number)))
    try:
        if "/room/" in path:
            await asyncio.gather(*(socket.recv() for socket in sockets))  # from now on, they hear everything
        yield sockets
    finally:
        for each in sockets:
            each.transport.abort()


@asynccontextmanager
async def idle(server: LocalServer, path: str) -> AsyncIterator[ClientConnection]:
    """Open a websocket that reads nothing but the handshake, with little room on this side for what arrives."""
    place = urlsplit(server.address)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
    narrow.connect((place.hostname, place.port))
    narrow.setblocking(False)
    url = door(server, path).url
    sock = await connect(
        url,
        sock=narrow,
        additional_headers=TOKEN,
        proxy=None,
        compression=None,
        max_size=None,
        max_queue=1,
        ping_interval=None,
    )
    sock.transport.pause_reading()
    try:
        yield sock
    finally:
        sock.transport.abort()


async def next_about_people(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while (event := json.loads(await socket.recv()))["schema_id"] != SCHEMA_ID:
            pass
        return dict(event)


# Who is there


async def test_one_who_comes_costs_the_others_one_short_message(server: LocalServer) -> None:
    """Nobody is told again about those who are there already. A page that has just come learns all of them."""
    here = Here()
    async with opened(server, "api/events/subscribe", 1) as (page,):
        told = []
        here.hear(await next_about_people(page))
        here.learn(server.ask("GET", PRESENCE))
        for number in range(1, 13):
            async with asyncio.timeout(PATIENCE):
                while len(here.people) < number:
                    told.append(await next_about_people(page))
                    assert here.hear(told[-1])
            if number < 12:
                other = await dial(door(server, "api/events/subscribe"))
                asyncio.get_running_loop().call_later(PATIENCE, other.transport.abort)
        assert sum(len(event["changed"]) for event in told) <= 12
        newcomer = Here()
        async with opened(server, "api/events/subscribe", 1) as (latest,):
            newcomer.learn(server.ask("GET", PRESENCE))
            while len(newcomer.people) < 13:
                assert newcomer.hear(await next_about_people(latest))
            assert [*here.names] == newcomer.names[:12]


async def test_those_who_come_together_share_a_message(server: LocalServer) -> None:
    async with opened(server, "api/events/subscribe", 1) as (page,):
        here = Here()
        here.hear(await next_about_people(page))
        here.learn(server.ask("GET", PRESENCE))
        begin, events, before = time.monotonic(), 0, len(here.people)
        others = []
        for _each in range(60):
            others.append(await dial(door(server, "api/events/subscribe")))
        while len(here.people) < before + 60:
            assert here.hear(await next_about_people(page))
            events += 1
        assert events <= 2 + (time.monotonic() - begin) / SETTLE_SECONDS
        for each in others:
            each.transport.abort()


# What pages tell each other


def state_of(name: str) -> bytes:
    return json.dumps({"user": {"name": name, "username": name}}).encode()


async def told(socket: ClientConnection) -> list[Told]:
    """Return the tabs in the next awareness message."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message = await socket.recv()
            assert isinstance(message, bytes)
            if message[0] == AWARENESS:
                return tabs_in(message)


async def until_all(socket: ClientConnection, tabs: list[Told]) -> None:
    heard: list[Told] = []
    while not {*tabs} <= {*heard}:
        heard += await told(socket)


def flat(heard: list[list[Told]]) -> list[Told]:
    return [each for tabs in heard for each in tabs]


async def until(socket: ClientConnection, last: Told) -> list[list[Told]]:
    """Return what a page is told until it hears this."""
    heard: list[list[Told]] = []
    while not heard or last not in heard[-1]:
        heard.append(await told(socket))
    return heard


@pytest.mark.parametrize("path", [PAGES, "document"])
async def test_what_pages_repeat_is_told_once(server: LocalServer, path: str) -> None:
    """Each page repeats to the server what it hears of others. Nobody else hears that again."""
    path = document(server) if path == "document" else path
    async with opened(server, path, 8) as pages:
        own = [(100 + index, 1, state_of(str(index))) for index in range(len(pages))]
        for each, page in zip(own, pages, strict=True):
            await page.send(message_of([each]))
        for page in pages:
            await until_all(page, own)
        news, last = (100, 2, state_of("moved")), (101, 2, state_of("last"))
        await pages[0].send(message_of([news]))
        for page in pages:
            await until_all(page, [news])
        for page in pages[1:]:
            await page.send(message_of([news]))
        await pages[1].send(message_of([last]))
        for page in pages:
            assert news not in flat(await until(page, last))
        assert [await until_quiet(page) for page in pages] == len(pages) * [0]


async def until_quiet(socket: ClientConnection) -> int:
    """Return how many awareness messages have arrived by the time that the server has answered a later request."""
    await socket.ping()
    number = 0
    try:
        while True:
            async with asyncio.timeout(0.2):
                number += (await socket.recv())[:1] == bytes([AWARENESS])
    except TimeoutError:
        return number


@pytest.mark.parametrize("path", [PAGES, "document"])
async def test_flood_of_one_page_reaches_others_as_few_messages(server: LocalServer, path: str) -> None:
    """The last state arrives. Of those before, others hear a few."""
    path = document(server) if path == "document" else path
    async with opened(server, path, 20) as pages:
        states = [(201, number, state_of(str(number))) for number in range(1, 1001)]
        for each in states:
            await pages[0].send(message_of([each]))
        heard = await asyncio.gather(*(until(page, states[-1]) for page in pages))
        assert max(map(len, heard)) < len(states) / 4


async def test_what_no_page_could_read_reaches_none(server: LocalServer) -> None:
    """What others tell in the same moment arrives all the same."""
    async with opened(server, PAGES, 3) as (liar, honest, watching):
        numbers = iter(range(301, 400))
        bad = [
            b"NaN", b'{"a": -Infinity}', b"{", b"\xff\xfe1\x00", b"[" * 100_000 + b"]" * 100_000,
            b'"' + LONGEST_STATE * b"x" + b'"', b"\xef\xbb\xbf{}",
        ]  # fmt: skip
        for each in bad:
            await liar.send(message_of([(next(numbers), 1, each)]))
        for each in (b"\1", b"\1\x05", b"\1\1\1", message_of([])[:-1], b"\1" + b"\xff" * 30):
            await liar.send(each)
        good, last = (390, 1, state_of("liar")), (391, 1, state_of("honest"))
        await liar.send(message_of([*((next(numbers), 1, each) for each in bad), good]))
        assert flat(await until(watching, good)) == [good]
        await honest.send(message_of([last]))
        assert flat(await until(watching, last)) == [last]
        await until(liar, last)
        await liar.send(message_of([(next(numbers), 1, bad[-1])]))
        assert await told(liar) == []  # it hears something, or it would connect again and again


async def test_one_page_cannot_invent_any_number_of_others(server: LocalServer) -> None:
    async with opened(server, PAGES, 3) as (liar, honest, watching):
        await liar.send(message_of([(500 + number, 1, b"{}") for number in range(10 * MOST_INTRODUCED)]))
        heard = flat(await until(watching, (500, 1, b"{}")))
        last = (5000, 1, state_of("honest"))
        await honest.send(message_of([last]))
        heard += flat(await until(watching, last))
        assert len({tab for tab, _clock, _state in heard}) <= MOST_INTRODUCED + 1


async def test_page_that_connects_again_is_seen_by_those_who_came_meanwhile(server: LocalServer) -> None:
    own = (601, 7, state_of("alice"))
    async with opened(server, PAGES, 1) as (page,):
        await page.send(message_of([own]))
        assert await told(page) == [own]
    async with opened(server, PAGES, 2) as (page, newcomer):
        await page.send(message_of([own]))
        assert await told(newcomer) == [own]


# Those who do not read


def document(server: LocalServer, name: str = "notes.txt") -> str:
    return server.seat(name).door.url.partition(f"{urlsplit(server.address).netloc}/")[2]


async def end_of(sock: ClientConnection) -> int:
    """Read what is left, and return how many bytes that was."""
    sock.transport.resume_reading()
    number = 0
    async with asyncio.timeout(PATIENCE):
        try:
            while True:
                number += len(await sock.recv())
        except ConnectionClosed:
            return number


async def test_page_that_does_not_read_events_is_disconnected(server: LocalServer) -> None:
    """The server keeps no more for it than a limit. Others get everything."""
    size, number = 100_000, 100
    async with (
        opened(server, "api/events/subscribe", 1) as (page,),
        idle(server, "api/events/subscribe") as narrow,
    ):
        got = 0
        for _each in range(number):
            await asyncio.to_thread(server.ask, "GET", f"flood/{size}")
            while len(await page.recv()) < size:
                pass
            got += 1
        assert got == number
        assert "Disconnecting /api/events/subscribe" in server.log
        assert await end_of(narrow) < size * number - WAITING_EVENTS
        assert "Disconnecting /api/events/subscribe" not in server.log.partition("Disconnecting")[2]


async def test_page_that_does_not_read_a_document_loses_no_text(server: LocalServer) -> None:
    """A reader that is too slow is disconnected. When it connects again, it gets everything, and the others get what it typed."""
    server.write("slow.txt", "")
    alice, slow = await server.open("slow.txt", "alice"), await server.open("slow.txt", "slow")
    slow.insert(0, "<typed before>")
    await alice.wait_until(lambda room: "before" in room.text)
    assert slow._line._socket is not None
    slow._line._socket.transport.pause_reading()
    slow._line._socket.transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000
    )
    big = MEGABYTE * "x"
    for _each in range(60):
        alice.insert(0, big)
        alice.delete(0, MEGABYTE)
        await asyncio.sleep(0.02)
        if "Disconnecting /api/collaboration/room/text" in server.log:
            break
    await until_logged(server, "Disconnecting /api/collaboration/room/text")
    slow.insert(0, "<typed meanwhile>")
    alice.insert(0, "<alice>")
    await slow.join()
    for room in (alice, slow):
        await room.wait_until(
            lambda room: all(text in room.text for text in ("<typed before>", "<typed meanwhile>", "<alice>"))
        )
    for room in (alice, slow):
        await room.leave()
    await server.until_file("slow.txt", "<typed before>", "<typed meanwhile>", "<alice>")


async def test_large_document_reaches_a_slow_reader(server: LocalServer) -> None:
    """One message can be larger than the limit: a document opens over any connection, also while others type."""
    size = 3 * WAITING_ROOM // 2
    server.write("large.txt", size * "x")
    alice = await server.open("large.txt", "alice")
    async with idle(server, document(server, "large.txt")) as narrow:
        await narrow.send(create_sync_message(Doc()))
        await asyncio.sleep(1)
        for _each in range(20):
            alice.insert(0, "a")
            await alice.save()  # the server has the letter, and has sent it
        assert await read(narrow, size) >= size
        alice.insert(0, "b")
        assert await read(narrow, 1) >= 1
    await alice.leave()


async def read(sock: ClientConnection, least: int) -> int:
    """Read at least this many bytes, and return how many there were."""
    sock.transport.resume_reading()
    number = 0
    async with asyncio.timeout(PATIENCE):
        while number < least:
            number += len(await sock.recv())
    return number


async def until_logged(server: LocalServer, text: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while text not in server.log:
            await asyncio.sleep(0.05)
