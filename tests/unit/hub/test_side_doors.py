# SPDX-License-Identifier: GPL-3.0-or-later
"""What someone keeps who was on a server and may not be there any more: a real hub with our fragments, and a server of alice's.

mallory plays the attacker. He was alice's guest, and has read there whatever a terminal shows.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from attacked_hub import SERVER, Attacked
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
    """A guest who has taken alice's, and was revoked, is no longer in once her server was stopped and started. As long as everyone
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
        token = xsrf_of(page)
        wish = {"_xsrf": token, "action": "end-links"}
        for dest in ("empty", "iframe", "image", "script", "object", "embed", "serviceworker"):
            script = {"Sec-Fetch-Dest": dest, "Sec-Fetch-Mode": "no-cors"}
            for path in ("", "elsewhere", "oauth_callback"):
                answer = browser.get(f"/services/sharing/{path}", headers=script)
                assert answer.status_code == 403
                assert "_xsrf" not in answer.text
                assert "This page is for people, not for scripts" in answer.text + answer.reason_phrase
            assert browser.post("/services/sharing/", data=wish, headers=script).status_code == 403
        assert browser.post("/services/sharing/", data=wish).status_code == 200


def xsrf_of(page: httpx.Response) -> str:
    return page.text.partition('name="_xsrf" value="')[2].partition('"')[0]


def test_form_without_the_token_of_its_session_keeps_nobody_waiting(hub: Attacked) -> None:
    """JupyterHub's own handling waits for itself then, and the page would answer nobody any more."""
    with hub.browser("mallory", page=hub.page) as mallory, hub.browser("dave", page=hub.page) as dave:
        another = xsrf_of(dave.get("/services/sharing/"))
        mallory.get("/services/sharing/")
        hers = {each.name: each.value for each in mallory.cookies.jar if each.path != "/hub/"}
        for changed in ({"_xsrf": another}, {"_xsrf": "none"}, {"jupyterhub-session-id": "another"}):
            sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in {**hers, **changed}.items())}
            for path in ("", "elsewhere", "oauth_callback"):
                wish = {"_xsrf": another, "action": "end-links"}
                answer = mallory.post(f"/services/sharing/{path}", data=wish, headers=sent, timeout=10)
                assert answer.status_code in (403, 405)
        assert dave.get("/services/sharing/", timeout=10).status_code == 200


def test_form_at_a_server_without_it_keeps_nobody_waiting_either(hub: Attacked) -> None:
    with hub.browser("carol") as carol:
        carol.get(f"{SERVER}files/none")  # the first page that asks who comes
        cookies = carol.build_request("GET", SERVER).headers["Cookie"]
        for changed in ("_xsrf=none", "jupyterhub-session-id=another"):
            name = changed.partition("=")[0]
            kept = [each for each in cookies.split("; ") if not each.startswith(f"{name}=")]
            sent = {"Cookie": "; ".join([*kept, changed])}
            for path in ("oauth_callback", "api/contents"):
                answer = carol.post(f"{SERVER}{path}", data={"_xsrf": "none"}, headers=sent, timeout=10)
                assert answer.status_code in (403, 405)
    assert hub.opens(hub.token_of("alice"))


def test_nobody_writes_lines_of_the_log(hub: Attacked) -> None:
    with hub.browser("alice", page=hub.page) as alice:
        token = xsrf_of(alice.get("/services/sharing/"))
        name = "nobody\nsharing: CRITICAL a line of mine"
        wish = {"_xsrf": token, "action": "give", "kind": "user", "name": name}
        assert alice.post("/services/sharing/", data=wish).status_code == 404
    assert "a line of mine" in hub.log
    assert "\nsharing: CRITICAL a line of mine" not in hub.log


@pytest.mark.parametrize("path", ["api/collaboration/room/JupyterLab:theirs", "api/events/subscribe"])
def test_page_of_another_address_opens_no_websocket(hub: Attacked, path: str) -> None:
    """With a domain for each user the browser sends the visitor's sign-in along. jupyter-collaboration lets every page in."""
    with hub.browser("alice") as alice:
        alice.get(f"{SERVER}files/none")  # the first page that asks who comes
        cookies = alice.build_request("GET", f"{SERVER}{path}").headers["Cookie"]
    for origin in ("https://mallory.hub.example.org", "null", hub.server_url):
        headers = {
            "Cookie": cookies,
            "Sec-Fetch-Mode": "websocket",
            "Sec-Fetch-Site": "same-site",
            "Origin": origin,
        }
        door = replace(hub.door("alice", path), headers=headers)
        if origin == hub.server_url:
            with opened(door):
                pass
        else:
            with pytest.raises(Refused, match="403"):
                background.run(dial(door))
            rooms = hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]
            assert path.rpartition("/")[2] not in rooms


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
        "3.txt was not opened: you have 3 documents open here, which is the limit. Close some, then wait a minute."
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


def test_many_documents_at_once_are_no_more(hub: Attacked) -> None:
    """While a room is being made, the server does not hold it yet."""
    hub.ask("POST", "users/nadia")
    hub.share("nadia")
    doors = [hub.door("nadia", f"api/collaboration/room/JupyterLab:{number}") for number in range(5)]

    async def open_all() -> list[Any]:
        return await asyncio.gather(*map(dial, doors), return_exceptions=True)

    came = [each for each in background.run(open_all()) if not isinstance(each, Failed)]
    for socket in came:
        background.run(socket.close())
    assert len(came) == 3
    hub.revoke("nadia")


def test_strangers_make_no_rooms(hub: Attacked) -> None:
    """jupyter-collaboration makes a room before it looks who asks."""
    for name in ("JupyterLab:mine", "text:file:1"):
        stranger = replace(hub.door("alice", f"api/collaboration/room/{name}"), headers={})
        with pytest.raises(Refused, match="403"):
            background.run(dial(stranger))
        assert name not in hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]
    with opened(hub.door("alice", "api/collaboration/room/JupyterLab:mine")):
        assert "JupyterLab:mine" in hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upgrade": "websocket"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "12"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
    ],
)
def test_what_becomes_no_websocket_makes_no_room(hub: Attacked, headers: dict[str, str]) -> None:
    """It would stay for good, as nobody leaves it, and count as one of that person's documents."""
    door = hub.door("alice", "api/collaboration/room/JupyterLab:never")
    answer = httpx.get(door.url.replace("ws", "http", 1), headers={**door.headers, **headers})
    assert answer.status_code == 400
    assert "JupyterLab:never" not in hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]


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


def test_code_of_a_link_stays_between_its_user_and_the_hub(hub: Attacked) -> None:
    """A browser tells a server from which address its visitor comes, and others on that server can read it."""
    code = hub.ask("POST", "share-codes/alice/", {})["code"]
    with hub.browser("zoe") as zoe:
        page = zoe.get("/hub/accept-share", params={"code": code}).text
    assert '<meta name="referrer" content="origin">' in page.partition("</head>")[0]
    hub.ask("DELETE", "share-codes/alice/")


def test_server_has_so_many_links(hub: Attacked) -> None:
    for _number in range(3):
        hub.ask("POST", "share-codes/alice/", {})
    with pytest.raises(httpx.HTTPStatusError, match="429"):
        hub.ask("POST", "share-codes/alice/", {})
    with hub.browser("alice", page=hub.page) as alice:
        page = alice.get("/services/sharing/")
        token = xsrf_of(page)
        wish = {"_xsrf": token, "action": "make-link"}
        assert (
            "This server has the maximum number of links" in alice.post("/services/sharing/", data=wish).text
        )
    hub.ask("DELETE", "share-codes/alice/")
    hub.ask("POST", "share-codes/alice/", {})
    hub.ask("DELETE", "share-codes/alice/")
