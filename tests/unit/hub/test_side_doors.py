# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody keeps who was on a server and may not be there any more: a real hub with our fragments, and a server of alice's.

mallory plays the attacker. He was alice's guest, and has read there whatever a terminal shows.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from attacked_hub import Attacked
from local_hub import PATIENCE
from people import background
from people.errors import Failed, Refused
from people.sockets import Door, dial

NOW = {"last_activity": "2026-11-26T10:00:00Z"}


@pytest.fixture
def hub(attacked: Attacked) -> Attacked:
    return attacked


def test_server_that_ran_before_loses_that_right_with_the_next_start_of_the_hub(hub: Attacked) -> None:
    """The server goes on, and its own token opens it no more."""
    assert hub.old_token_opened is False


def test_own_token_of_a_server_opens_nothing(hub: Attacked) -> None:
    own = hub.own_token
    assert not hub.opens(own)
    with httpx.Client(base_url=hub.hub_url, headers={"Authorization": f"token {own}"}) as program:
        assert program.post("/hub/api/users/alice/activity", json=NOW).status_code == 200
        scopes = program.get("/hub/api/user").json()["scopes"]
    assert not [scope for scope in scopes if scope.startswith("access:servers")]
    assert "users:activity!user=alice" in scopes
    assert hub.opens(hub.token_of("alice"))


def test_sign_in_that_a_guest_has_read_ends_with_the_server(hub: Attacked) -> None:
    """A guest who has taken alice's, and was revoked, is no longer in once her server was stopped and started. As long as everybody
    who was there may come again, their open pages go on.
    """
    hub.share("mallory")
    stolen, own = hub.sign_in_of("alice"), hub.sign_in_of("mallory")
    hub.restart_server()
    assert hub.opens(stolen)
    assert hub.opens(own)
    hub.forget("mallory")  # he leaves no token of his own behind that would tell that he was there
    hub.revoke("mallory")
    hub.restart_server()
    assert not hub.opens(stolen)


def test_guest_who_came_with_a_token_alone_is_remembered(hub: Attacked) -> None:
    """A program of the guest's needs no sign-in at the server, and he came by a group. He leaves it while the server is stopped."""
    stolen = hub.sign_in_of("alice")
    hub.ask("POST", "groups/team/users", {"users": ["mallory"]})
    assert hub.opens(hub.token_of("mallory"))
    hub.restart_server(lambda: hub.ask("DELETE", "groups/team/users", {"users": ["mallory"]}))
    assert not hub.opens(stolen)


# One origin


def test_scripts_get_nothing_of_the_sharing_page(hub: Attacked) -> None:
    """A page of alice's server, open in dave's browser, which sends his cookies along."""
    with hub.browser("dave", page=hub.page) as browser:
        page = browser.get("/services/sharing/")
        assert page.status_code == 200
        token = page.text.partition('name="_xsrf" value="')[2].partition('"')[0]
        wish = {"_xsrf": token, "action": "end-links"}
        for dest in ("empty", "iframe", "image", "script", "object", "embed", "serviceworker"):
            script = {"Sec-Fetch-Dest": dest, "Sec-Fetch-Mode": "no-cors"}
            for path in ("", "elsewhere", "oauth_callback"):
                answer = browser.get(f"/services/sharing/{path}", headers=script)
                assert answer.status_code == 403
                assert "_xsrf" not in answer.text
                assert "This page is for people and not for scripts" in answer.text + answer.reason_phrase
            assert browser.post("/services/sharing/", data=wish, headers=script).status_code == 403
        assert browser.post("/services/sharing/", data=wish).status_code == 200


def test_servers_give_workers_no_further_reach(hub: Attacked) -> None:
    """Whatever an extension, or a program behind one, says: the header leaves the server in no answer."""
    address = {"Authorization": f"token {hub.token_of('alice')}"}
    for path in ("wide/worker.js", "wide/raw.js"):
        answer = httpx.get(f"{hub.url}/{path}", headers=address)
        assert answer.status_code == 200
        assert "service-worker-allowed" not in answer.headers


# Limits, of which this hub has low ones


def session_of(hub: Attacked, who: str, name: str) -> Door:
    """Where a document is, which is made first."""
    hub.at_server(who, "PUT", f"api/contents/{name}", {"type": "file", "format": "text", "content": name})
    told = hub.at_server(
        who, "PUT", f"api/collaboration/session/{name}", {"format": "text", "type": "file"}
    ).json()
    return hub.door(who, f"api/collaboration/room/text:file:{told['fileId']}?sessionId={told['sessionId']}")


@contextmanager
def opened(*doors: Door) -> Iterator[None]:
    sockets = [background.run(dial(door)) for door in doors]
    try:
        yield
    finally:
        for socket in sockets:
            background.run(socket.close())


def test_one_person_opens_so_many_documents_and_others_carry_on(hub: Attacked) -> None:
    hub.share("mallory")
    doors = [session_of(hub, "mallory", f"{number}.txt") for number in range(4)]
    for door in doors[:3]:
        with opened(door):  # it stays in memory for a while
            pass
    events = background.run(dial(hub.door("mallory", "api/events/subscribe")))
    with pytest.raises(Failed, match="429"):
        background.run(dial(doors[3]))
    told = background.run(message_with(events, "documents open here"))
    assert (
        "3.txt is not open: you have 3 documents open here, as many as one person may have. Close some, then wait a minute."
        in told
    )
    background.run(events.close())
    hers = [session_of(hub, "alice", name) for name in ("3.txt", "0.txt")]
    with opened(*hers, doors[0], doors[3]):  # what others have open costs nothing
        pass
    hub.revoke("mallory")


async def message_with(events: Any, text: str) -> str:
    async with asyncio.timeout(PATIENCE):
        async for message in events:
            if text in message:
                return str(message)
    raise AssertionError


def test_strangers_make_no_rooms(hub: Attacked) -> None:
    """jupyter-collaboration makes a room before it looks who asks."""
    for name in ("JupyterLab:mine", "text:file:1"):
        stranger = replace(hub.door("alice", f"api/collaboration/room/{name}"), headers={})
        with pytest.raises(Refused, match="403"):
            background.run(dial(stranger))
        assert name not in hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]
    with opened(hub.door("alice", "api/collaboration/room/JupyterLab:mine")):
        assert "JupyterLab:mine" in hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]


def test_one_person_opens_so_many_websockets_and_others_carry_on(hub: Attacked) -> None:
    hub.share("mallory")
    events = "api/events/subscribe"
    with opened(*[hub.door("mallory", events)] * 5):
        for path in (events, "api/collaboration/room/JupyterLab:globalAwareness"):
            with pytest.raises(Failed, match="429"):
                background.run(dial(hub.door("mallory", path)))
        with opened(hub.door("alice", events)):
            pass
    with opened(hub.door("mallory", events)):
        pass
    hub.revoke("mallory")


def test_links_are_not_guessed_fast(hub: Attacked) -> None:
    code = hub.ask("POST", "share-codes/alice/", {})["code"]
    with hub.browser("eve") as mallory, hub.browser("dave") as dave:
        for number in range(3):
            assert mallory.get("/hub/accept-share", params={"code": f"guess{number}"}).status_code == 404
        answer = mallory.get("/hub/accept-share", params={"code": code})
        assert answer.status_code == 429
        assert "You have opened too many sharing links that do not exist. Wait a minute" in answer.text
        assert dave.get("/hub/accept-share", params={"code": code}).status_code == 200
    assert code not in hub.log
    hub.ask("DELETE", "share-codes/alice/")


def test_server_has_so_many_links(hub: Attacked) -> None:
    for _number in range(3):
        hub.ask("POST", "share-codes/alice/", {})
    with pytest.raises(httpx.HTTPStatusError, match="429"):
        hub.ask("POST", "share-codes/alice/", {})
    with hub.browser("alice", page=hub.page) as alice:
        page = alice.get("/services/sharing/")
        token = page.text.partition('name="_xsrf" value="')[2].partition('"')[0]
        wish = {"_xsrf": token, "action": "make-link"}
        assert (
            "This server has as many links as one may have"
            in alice.post("/services/sharing/", data=wish).text
        )
    hub.ask("DELETE", "share-codes/alice/")
    hub.ask("POST", "share-codes/alice/", {})
    hub.ask("DELETE", "share-codes/alice/")
