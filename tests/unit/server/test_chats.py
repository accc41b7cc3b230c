# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement V7: chats of jupyterlab-chat between two people and a viewer, on a real hub and alice's real server with the package."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from pycrdt import Array, Map, Text, YSyncMessageType, create_update_message

from jupyterhub_collab.server import view_table
from local_hub import PATIENCE, wait_until
from local_server import LocalServer, come_back
from open_files import until
from people.errors import Refused
from people.room import Room, Seat
from people.sockets import dial
from viewed_hub import Viewed

pytestmark = pytest.mark.anyio
PACKAGES = Path(__file__).parents[3] / ".cache/beside/chat"
SETTLED = 1.5  # seconds after which a change would have arrived
Change = Callable[["Chat"], None]


class Chat(Room):
    """One person's tab with a chat, which does what jupyterlab-chat does."""

    who: dict[str, Any]  # as the server tells the page

    @property
    def messages(self) -> Any:
        return self._doc.get("messages", type=Array)

    @property
    def users(self) -> Any:
        return self._doc.get("users", type=Map)

    @property
    def attachments(self) -> Any:
        return self._doc.get("attachments", type=Map)

    def say(self, body: str, **other: Any) -> None:
        with self._doc.transaction():
            if self.who["username"] not in self.users:
                self.users[self.who["username"]] = self.who
            message = {"type": "msg", "id": str(uuid4()), "body": body, "time": 1.0, "raw_time": True}
            self.messages.append(Map({**message, "sender": self.who["username"], **other}))

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(each["sender"], each["body"]) for each in self.messages.to_py() or []]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    assert PACKAGES.is_dir(), "run `make env`"
    directory = tmp_path_factory.mktemp("chats")
    more = f'c.Spawner.environment = {{**c.Spawner.environment, "PYTHONPATH": "{directory}:{PACKAGES}"}}\n'
    hub = Viewed(directory, more)
    config = directory / "jupyterhub_config.py"
    config.write_text(config.read_text().replace('email_domain="",', 'email_domain="", chat=True,'))
    with hub.running():
        yield hub


async def opened(hub: Viewed, who: str, name: str) -> Chat:
    form = {"format": "text", "type": "chat"}
    answer = hub.at_server(who, "PUT", "api/collaboration/session/" + quote(name), form)
    answer.raise_for_status()
    session = answer.json()
    path = f"api/collaboration/room/text:chat:{session['fileId']}?sessionId={session['sessionId']}"
    identity = hub.at_server(who, "GET", "api/me").json()["identity"]
    chat = Chat(Seat(name, False, hub.door(who, path), identity))
    chat.who = identity
    await chat.join()
    return chat


def new_chat(hub: Viewed) -> str:
    name = f"{uuid4()}.chat"
    text = {"type": "file", "format": "text", "content": ""}
    hub.at_server("alice", "PUT", f"api/contents/{name}", text).raise_for_status()
    return name


def saved(hub: Viewed, name: str) -> list[tuple[str, str]]:
    text = hub.at_server("alice", "GET", f"api/contents/{name}").json()["content"]
    return [(each["sender"], each["body"]) for each in json.loads(text or "{}").get("messages", [])]


@pytest.fixture
async def chats(hub: Viewed) -> AsyncIterator[tuple[Chat, Chat, Chat]]:
    """Yield alice's, bob's and vera's tabs with a new chat, in which alice has said hello."""
    name = new_chat(hub)
    tabs = tuple([await opened(hub, who, name) for who in ("alice", "bob", "vera")])
    alice, bob, vera = tabs
    alice.say("hello")
    for each in (bob, vera):
        await each.wait_until(lambda chat: chat.said == [("alice", "hello")], PATIENCE)
    yield alice, bob, vera
    for tab in tabs:
        await tab.leave()


async def test_two_people_chat_and_lose_nothing(hub: Viewed, chats: tuple[Chat, Chat, Chat]) -> None:
    """Messages survive a kill, and a rename, and are from whom the hub knows. The server says when they were sent."""
    alice, bob, _vera = chats
    bob.say("hello, alice")
    await alice.wait_until(lambda chat: len(chat.said) == 2, PATIENCE)
    await alice.wait_until(lambda chat: not any(each["raw_time"] for each in chat.messages.to_py()), PATIENCE)
    assert all(each["time"] > 1e9 for each in alice.messages.to_py())
    identity = hub.at_server("bob", "GET", "api/me").json()["identity"]
    assert dict(alice.users.to_py())["bob"] == identity and identity["color"] and identity["initials"]

    bob.say("and then the lights went out")  # just before
    await alice.wait_until(lambda chat: len(chat.said) == 3, PATIENCE)
    os.kill(hub.server_process, signal.SIGKILL)
    await until(lambda: not hub.runs)
    hub.ask("DELETE", "users/alice/server")
    hub.start_server()
    await come_back(alice, bob)
    alice.say("back again")
    everything = [
        ("alice", "hello"),
        ("bob", "hello, alice"),
        ("bob", "and then the lights went out"),
        ("alice", "back again"),
    ]
    await bob.wait_until(lambda chat: chat.said == everything, PATIENCE)
    await until(lambda: saved(hub, alice.seat.path) == everything)

    new = f"renamed-{alice.seat.path}"
    hub.at_server("alice", "PATCH", f"api/contents/{alice.seat.path}", {"path": new}).raise_for_status()
    bob.say("I am still here")
    await until(lambda: saved(hub, new) == [*everything, ("bob", "I am still here")])
    assert str(alice._doc.get("source", type=Text)) == "", "a chat is not a text"


async def test_people_change_their_own_messages(hub: Viewed, chats: tuple[Chat, Chat, Chat]) -> None:
    """They edit and delete them, attach files, and mention who has been here, also if that person has just left."""
    alice, bob, vera = chats
    await vera.drop()
    with bob._doc.transaction():
        bob.attachments["one"] = {"type": "file", "value": "plan.txt"}
        bob.users["vera"] = vera.who
    bob.say("look, @vera", attachments=["one"], mentions=["vera"])
    await alice.wait_until(lambda chat: ("bob", "look, @vera") in chat.said, PATIENCE)
    bob.messages[1]["body"] = "look, all"
    await alice.wait_until(lambda chat: ("bob", "look, all") in chat.said, PATIENCE)
    with bob._doc.transaction():
        bob.messages[1]["body"] = ""
        bob.messages[1]["deleted"] = True
    await alice.wait_until(lambda chat: ("bob", "") in chat.said, PATIENCE)
    assert bob.closed_by_server is None


async def is_closed(chat: Chat) -> None:
    """Wait until the server has closed a tab's connection, as it does if the page is to load its document again."""
    await until(lambda: chat.closed_by_server is not None)
    assert chat.closed_by_server is not None and chat.closed_by_server.code == 1003


def _as_alice(bob: Chat) -> None:
    bob.say("I owe you a beer", sender="alice")


def _her_words(bob: Chat) -> None:
    bob.messages[0]["body"] = "goodbye"


def _her_message_as_mine(bob: Chat) -> None:
    bob.messages[0]["sender"] = "bob"


def _without_her_message(bob: Chat) -> None:
    del bob.messages[0]


def _her_name(bob: Chat) -> None:
    bob.users["alice"] = {**bob.who, "username": "alice"}


def _without_her_name(bob: Chat) -> None:
    del bob.users["alice"]


def _my_name_as_hers(bob: Chat) -> None:
    bob.users["bob"] = {**bob.who, "display_name": "alice"}


def _her_colour_as_mine(bob: Chat) -> None:
    bob.users["bob"] = {**bob.who, "color": "#000000"}


def _as_a_program(bob: Chat) -> None:
    bob.users["bob"] = {**bob.who, "bot": True}


def _for_one_who_is_not_here(bob: Chat) -> None:
    bob.users["carol"] = {**bob.who, "username": "carol", "name": "bob", "display_name": "Nobody"}


def _as_someone_new(bob: Chat) -> None:
    with bob._doc.transaction():
        bob.users["mallory"] = {"username": "mallory", "name": "mallory", "display_name": "Alice"}
        bob.messages.append(
            Map({"id": "1", "body": "hm", "sender": "mallory", "time": 1.0, "raw_time": True})
        )


def _no_message(bob: Chat) -> None:
    bob.messages.append("not even a message")


FORGERIES: list[Change] = [
    _as_alice,
    _her_words,
    _her_message_as_mine,
    _without_her_message,
    _her_name,
    _without_her_name,
    _my_name_as_hers,
    _her_colour_as_mine,
    _as_a_program,
    _for_one_who_is_not_here,
    _as_someone_new,
    _no_message,
]


@pytest.mark.parametrize("offline", [False, True])
async def test_nobody_writes_in_the_name_of_others(hub: Viewed, offline: bool) -> None:
    """Each page says itself who sends a message. The server refuses a page that says who it is not, also when it comes back."""
    name = new_chat(hub)
    alice = await opened(hub, "alice", name)
    alice.attachments["hers"] = {"type": "file", "value": "hers.txt"}
    alice.say("hello", attachments=["hers"])
    await until(lambda: saved(hub, name) == [("alice", "hello")])

    def state() -> list[Any]:
        return [each.to_py() for each in (alice.messages, alice.users, alice.attachments)]

    await alice.wait_until(lambda chat: chat.messages[0]["raw_time"] is False, PATIENCE)
    before = state()
    for forge in [*FORGERIES, _other_attachment]:
        bob = await opened(hub, "bob", name)
        await bob.wait_until(lambda chat: len(chat.said) == 1, PATIENCE)
        if offline:
            await bob.drop()
        forge(bob)
        if offline:
            await bob.join()
        await is_closed(bob)
        assert state() == before, forge
        await bob.leave()
    assert "Refused what bob sent to the chat" in hub.log
    alice.say("on we go")
    await until(lambda: saved(hub, name) == [("alice", "hello"), ("alice", "on we go")])
    await alice.leave()


def _other_attachment(bob: Chat) -> None:
    bob.attachments["hers"] = {"type": "file", "value": "bad.txt"}


@pytest.mark.parametrize("kind", [YSyncMessageType.SYNC_UPDATE, YSyncMessageType.SYNC_STEP2])
async def test_a_forgery_cannot_wait_for_another_update(
    hub: Viewed, chats: tuple[Chat, Chat, Chat], kind: YSyncMessageType
) -> None:
    """An update that builds on what the server lacks would come into force together with the one that it lacks."""
    alice, bob, _vera = chats
    await bob.drop()
    begun = bob._doc.get_state()
    bob.say("first")
    first, known = bob._doc.get_update(begun), bob._doc.get_state()
    bob.say("I owe you a beer", sender="alice")
    later = create_update_message(bob._doc.get_update(known))
    again = await opened(hub, "bob", alice.seat.path)
    again._line.send(later[:1] + bytes([kind]) + later[2:])
    again._line.send(create_update_message(first))
    await alice.wait_until(lambda chat: ("bob", "first") in chat.said, PATIENCE)
    await asyncio.sleep(SETTLED)
    assert alice.said == [("alice", "hello"), ("bob", "first")]
    await again.leave()
    await bob.join()  # what waited there is refused as well
    await is_closed(bob)


async def test_viewer_reads_a_chat_and_writes_nothing(hub: Viewed, chats: tuple[Chat, Chat, Chat]) -> None:
    alice, bob, vera = chats
    vera.say("may I?")
    vera._line.send(create_update_message(vera._doc.get_update()))
    vera._awareness.set_local_state_field("isWriting", True)
    vera._awareness.set_local_state_field("writers", [{"user": alice.who}])
    bob.say("vera is so quiet")
    await vera.wait_until(lambda chat: ("bob", "vera is so quiet") in chat.said, PATIENCE)
    await asyncio.sleep(SETTLED)
    assert alice.said == [("alice", "hello"), ("bob", "vera is so quiet")]
    assert "vera" not in (alice.users.to_py() or {})
    hers = [
        each for each in alice._awareness.states.values() if each.get("user", {}).get("username") == "vera"
    ]
    assert hers and not any({"isWriting", "writers"} & each.keys() for each in hers)
    # Neither by way of files, nor of the websocket that chats have without live collaboration.
    new = f"{uuid4()}.chat"
    text = {"type": "file", "format": "text", "content": "{}"}
    for method, path in (("PUT", alice.seat.path), ("PUT", new), ("POST", ""), ("DELETE", alice.seat.path)):
        assert hub.at_server("vera", method, f"api/contents/{path}", text).status_code == 403
    form = {"format": "text", "type": "chat"}
    assert hub.at_server("vera", "PUT", f"api/collaboration/session/{new}", form).status_code == 404
    with pytest.raises(Refused):
        await dial(hub.door("vera", f"api/chat/ws/{alice.seat.path}"))


def test_the_websocket_of_chats_without_collaboration_is_refused() -> None:
    assert "jupyterlab_chat.websocket_handler:WSChatHandler" in view_table.REFUSED


def test_server_has_chats_if_the_hub_says_so(hub: Viewed) -> None:
    """`verify` learns whether they are there. The environment has the package turned off."""
    told = hub.at_server("alice", "GET", "api/collaboration-protection").json()
    assert told == {"problem": "", "output": "", "chat": ""}
    wait_until(
        lambda: "Registered jupyterlab_chat server extension (RTC provider: jupyter_server_ydoc)" in hub.log
    )


def test_server_that_lacks_the_package_says_so(tmp_path: Path) -> None:
    """Documents are protected as before, and `verify` learns that there are no chats."""
    server = LocalServer(tmp_path, chat=True)
    server.start()
    try:
        told = server.ask("GET", "api/collaboration-protection")
    finally:
        server.kill()
    assert told["problem"] == ""
    assert told["chat"].startswith("jupyterlab-chat is missing, or failed to load")
