# SPDX-License-Identifier: GPL-3.0-or-later
"""What a former visitor of a server keeps, on a real hub with our fragments and a server of alice's.

mallory is the attacker: a former guest of alice's who has read everything that a terminal on her server shows.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from socket import create_connection
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

import plain_http
from attacked_hub import OUT, SERVER, Attacked
from local_hub import PATIENCE, wait_until
from people import background
from people.errors import Failed, Refused
from people.sockets import Door, dial
from visits import EVENTS, door_of_document

NOW = {"last_activity": "2026-11-26T10:00:00Z"}


@pytest.fixture
def hub(attacked: Attacked) -> Attacked:
    return attacked


def test_server_that_ran_before_loses_that_right_with_the_next_start_of_the_hub(hub: Attacked) -> None:
    """A running server survives the hub's next start, and its own token no longer opens it."""
    assert hub.old_token_opened is False


def test_own_token_of_a_server_opens_nothing(hub: Attacked) -> None:
    own = hub.own_token
    assert not hub.opens(own)
    with plain_http.Client(base_url=hub.hub_url, headers={"Authorization": f"token {own}"}) as program:
        assert program.post("/hub/api/users/alice/activity", json=NOW).status_code == 200
        scopes = program.get("/hub/api/user").json()["scopes"]
    assert not [scope for scope in scopes if scope.startswith("access:servers")]
    assert "users:activity!user=alice" in scopes
    assert hub.opens(hub.token_of("alice"))


def test_sign_in_that_a_guest_has_read_ends_with_the_server(hub: Attacked) -> None:
    """A sign-in of alice's that a guest has read ends when her server restarts after the guest was revoked.

    As long as all earlier visitors still have access, their sign-ins stay valid after a restart of the server.
    """
    hub.share("mallory")
    stolen, own = hub.sign_in_of("alice"), hub.sign_in_of("mallory")
    hub.restart_server()
    assert hub.opens(stolen)
    assert hub.opens(own)
    hub.forget("mallory")  # so that no token of his own shows that he visited
    hub.revoke("mallory")
    hub.restart_server()
    assert not hub.opens(stolen)


def test_guest_who_came_with_a_token_alone_is_remembered(hub: Attacked) -> None:
    """A guest who only used an API token counts: others' sign-ins end after he leaves the group that gave him access.

    He leaves it while the server is stopped. A program of his needs no sign-in at the server.
    """
    stolen = hub.sign_in_of("alice")
    hub.ask("POST", "groups/team/users", {"users": ["mallory"]})
    assert hub.opens(hub.token_of("mallory"))
    hub.restart_server(lambda: hub.ask("DELETE", "groups/team/users", {"users": ["mallory"]}))
    assert not hub.opens(stolen)


# One origin


def test_scripts_get_nothing_of_the_sharing_page(hub: Attacked) -> None:
    """A script of alice's server that runs in dave's browser, and so sends his cookies, gets nothing from the sharing page."""
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


@pytest.mark.parametrize("dest", ["empty", "iframe", "image", "script", "serviceworker"])
def test_scripts_get_no_code_for_the_page_or_another_server(hub: Attacked, dest: str) -> None:
    """A script that runs in alice's browser cannot get a code that mallory, who began the sign-in, could use as alice."""
    script = {"Sec-Fetch-Dest": dest, "Sec-Fetch-Mode": "navigate" if dest == "iframe" else "no-cors"}
    for address in ("/services/sharing/", f"{SERVER}files/none"):
        with hub.browser("alice", page=hub.page) as alice, hub.browser(page=hub.page) as mallory:
            begun = mallory.get(address, follow_redirects=False).headers["location"]
            assert urlsplit(begun).path == "/hub/api/oauth2/authorize"
            answer = alice.get(begun, headers=script, follow_redirects=False)
            assert answer.status_code == 403
            assert "location" not in answer.headers
            assert "Open or reload this one in its own tab" in answer.text
            # The same in a tab, so that it is the header that decides.
            assert "code=" in alice.get(begun, follow_redirects=False).headers["location"]


def test_user_without_access_is_not_told_whether_there_is_a_server(hub: Attacked) -> None:
    """A hub user without access gets the same answer for a server that runs, for one that never ran, and for a name that nobody has."""
    faults: list[dict[str, str]] = [
        {},
        {"redirect_uri": "/elsewhere"},
        {"response_type": "x"},
        {"scope": "none"},
    ]
    with hub.browser("eve") as eve:
        for fault in faults:
            told = set()
            for name in ("alice", "bob", "nobody-at-all"):
                wish = {
                    "client_id": f"jupyterhub-user-{name}",
                    "redirect_uri": f"/user/{name}/oauth_callback",
                    "response_type": "code",
                    "state": "x",
                }
                answer = eve.get("/hub/api/oauth2/authorize", params=wish | fault, follow_redirects=False)
                page = re.sub(r'xsrf_token: ".*"', "", answer.text).replace(name, "NAME")
                told.add((answer.status_code, page))
            ((status, page),) = told
            assert status == 403
            assert "You do not have " in page


@pytest.mark.anyio
async def test_user_without_access_does_not_learn_it_as_a_server_either(hub: Attacked) -> None:
    """The hub's answer about a visitor is the same if eve says that she is alice's server, which runs and hears of changes, or another one."""
    socket = await dial(hub.door("alice", EVENTS))
    await asyncio.to_thread(wait_until, lambda: "jupyterhub-user-alice listens to changes" in hub.log)
    with hub.browser("eve"):  # so that she is a user
        token = hub.token_of("eve")
    told = []
    for name in ("alice", "bob", "nobody-at-all"):
        headers = {
            "Authorization": f"token {token}",
            "X-JupyterHub-Collab-Server": f"jupyterhub-user-{name}",
            "X-JupyterHub-Collab-Levels": "yes",
        }
        model = plain_http.get(f"{hub.hub_url}/hub/api/user", headers=headers).json()
        told.append({key: value for key, value in model.items() if key != "last_activity"})
    await socket.close()
    assert told[0]["name"] == "eve"
    assert told[0] == told[1] == told[2]


def xsrf_of(page: httpx.Response) -> str:
    return page.text.partition('name="_xsrf" value="')[2].partition('"')[0]


def test_form_without_the_token_of_its_session_keeps_nobody_waiting(hub: Attacked) -> None:
    """A form whose XSRF token does not match its session is refused and blocks nobody.

    JupyterHub's own handling would wait for itself forever.
    """
    with hub.browser("mallory", page=hub.page) as mallory, hub.browser("dave", page=hub.page) as dave:
        another = xsrf_of(dave.get("/services/sharing/"))
        mallory.get("/services/sharing/")
        hers = {each.name: each.value for each in mallory.cookies.jar if each.path != "/hub/"}
        for changed in ({"_xsrf": another}, {"_xsrf": "none"}, {"jupyterhub-session-id": "another"}):
            sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in {**hers, **changed}.items())}
            for path in ("", "elsewhere", "oauth_callback"):
                wish = {"_xsrf": another, "action": "end-links"}
                answer = mallory.post(f"/services/sharing/{path}", data=wish, headers=sent)
                assert answer.status_code in (403, 405)
        assert dave.get("/services/sharing/").status_code == 200


def test_form_at_a_server_without_it_keeps_nobody_waiting_either(hub: Attacked) -> None:
    with hub.browser("carol") as carol:
        carol.get(f"{SERVER}files/none")  # the first page that asks who the visitor is
        cookies = carol.build_request("GET", SERVER).headers["Cookie"]
        for changed in ("_xsrf=none", "jupyterhub-session-id=another"):
            name = changed.partition("=")[0]
            kept = [each for each in cookies.split("; ") if not each.startswith(f"{name}=")]
            sent = {"Cookie": "; ".join([*kept, changed])}
            for path in ("oauth_callback", "api/contents"):
                answer = carol.post(f"{SERVER}{path}", data={"_xsrf": "none"}, headers=sent)
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


@pytest.mark.parametrize("end", ["\n", "\u2028", "\u202e", "\x9b2K"])
def test_strangers_write_no_lines_of_the_log_either(hub: Attacked, end: str) -> None:
    """What a stranger writes into an address begins no line of the logs of page and server, and no terminal obeys it."""
    for place in ("/services/sharing/", SERVER):
        said = f"CRITICAL by a stranger at {place}"
        with hub.browser(page=hub.page) as stranger:
            answer = stranger.get(f"{place}oauth_callback", params={"error": f"x{end}{said}"})
            assert answer.status_code == 400
        wait_until(lambda: said in hub.log)  # noqa: B023
        assert f"{end}{said}" not in hub.log


def test_names_that_users_choose_are_on_lines_of_their_own_message(hub: Attacked) -> None:
    """Also in the errors that such a name causes, and in the log of the hub."""
    name = "name\x9b2k\r\n[c by a guest\x85\u2028\u202e"
    notebook = {
        "type": "notebook",
        "content": {"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5},
    }
    assert hub.at_server("alice", "PUT", f"api/contents/{quote(name)}.ipynb", notebook).status_code == 500
    session = {"path": "x", "type": "notebook", "name": "x", "kernel": {"name": name}}
    assert hub.at_server("alice", "POST", "api/sessions", session).status_code == 501
    with hub.browser(name):
        pass
    hub.ask("DELETE", f"users/{quote(name)}")
    written = (hub.directory / "log").read_bytes().decode()
    for start in (
        "NoSuchKernel: No such kernel named name",
        "Error while saving file: name",
        "User logged in: name",
    ):
        assert f"{start}\\x9b2k\\r\n    [c by a guest\\x85\\u2028\\u202e" in written


def door_for_page(hub: Attacked, who: str, path: str, origin: str) -> Door:
    """Return what a page from an origin needs to open a websocket, in the browser of a user who has signed in to the server."""
    with hub.browser(who) as browser:
        browser.get(f"{SERVER}files/none")  # the first page that asks who the visitor is
        cookies = browser.build_request("GET", f"{SERVER}{path}").headers["Cookie"]
    headers = {
        "Cookie": cookies,
        "Sec-Fetch-Mode": "websocket",
        "Sec-Fetch-Site": "same-site",
        "Origin": origin,
    }
    return replace(hub.door("alice", path), headers=headers)


@pytest.mark.parametrize("path", ["api/collaboration/room/JupyterLab:theirs", EVENTS])
def test_page_of_another_address_opens_no_websocket(hub: Attacked, path: str) -> None:
    """A page from another address cannot open a websocket, although jupyter-collaboration admits every page.

    If each user has a domain of their own, the browser sends the visitor's sign-in along.
    """
    for origin in ("https://mallory.hub.example.org", "null"):
        with pytest.raises(Refused, match="403"):
            background.run(dial(door_for_page(hub, "alice", path, origin)))
        rooms = hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]
        assert path.rpartition("/")[2] not in rooms
    with opened(door_for_page(hub, "alice", path, hub.server_url)):
        pass


def test_page_of_another_address_shows_nobody_as_present(hub: Attacked) -> None:
    """Otherwise that page could make its visitor appear on a server that they did not open."""

    def are_here() -> set[str]:
        told = hub.at_server("alice", "GET", "api/collaboration-presence").json()
        return {each["username"] for each in told["people"]}

    with pytest.raises(Refused, match="403"):
        background.run(dial(door_for_page(hub, "erin", EVENTS, "https://mallory.hub.example.org")))
    assert "erin" not in are_here()
    with opened(door_for_page(hub, "erin", EVENTS, hub.server_url)):
        assert "erin" in are_here()


def test_servers_give_workers_no_further_reach(hub: Attacked) -> None:
    """No answer of the server contains `Service-Worker-Allowed`, even if an extension or a program behind one sets it."""
    address = {"Authorization": f"token {hub.token_of('alice')}"}
    for path in ("wide/worker.js", "wide/raw.js"):
        answer = plain_http.get(f"{hub.url}/{path}", headers=address)
        assert answer.status_code == 200
        assert "service-worker-allowed" not in answer.headers


# Limits, which are low on this hub


def session_of(hub: Attacked, who: str, name: str) -> Door:
    """Create a document, and return its address."""
    hub.at_server(who, "PUT", f"api/contents/{name}", {"type": "file", "format": "text", "content": name})
    return door_of_document(hub, who, name)


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
        with opened(door):  # its room stays in memory for a while
            pass
    events = background.run(dial(hub.door("mallory", EVENTS)))
    with pytest.raises(Failed, match="429"):
        background.run(dial(doors[3]))
    told = background.run(message_with(events, "documents open here"))
    assert (
        "3.txt was not opened: you have 3 documents open here, which is the limit. Close some, then wait a minute."
        in told
    )
    background.run(events.close())
    hers = [session_of(hub, "alice", name) for name in ("3.txt", "0.txt")]
    with opened(*hers, doors[0], doors[3]):  # documents that others have open do not count
        pass
    hub.revoke("mallory")


async def message_with(events: Any, text: str) -> str:
    async with asyncio.timeout(PATIENCE):
        async for message in events:
            if text in message:
                return str(message)
    raise AssertionError


def test_many_documents_at_once_are_no_more(hub: Attacked) -> None:
    """The limit also holds for rooms that are still being created, which the server does not list yet."""
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
    """An unauthenticated request creates no room, although jupyter-collaboration creates one before it checks who asks."""
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
    """A request that does not become a websocket creates no room. Nobody would leave it, and it would count against its user's limit."""
    door = hub.door("alice", "api/collaboration/room/JupyterLab:never")
    answer = plain_http.get(door.url.replace("ws", "http", 1), headers={**door.headers, **headers})
    assert answer.status_code == 400
    assert "JupyterLab:never" not in hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]


def test_one_person_opens_so_many_websockets_and_others_carry_on(hub: Attacked) -> None:
    hub.share("mallory")
    with opened(*[hub.door("mallory", EVENTS)] * 5):
        for path in (EVENTS, "api/collaboration/room/JupyterLab:globalAwareness"):
            with pytest.raises(Failed, match="429"):
                background.run(dial(hub.door("mallory", path)))
        with opened(hub.door("alice", EVENTS)):
            pass
    with opened(hub.door("mallory", EVENTS)):
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


def test_code_of_a_link_is_in_no_log_before_its_user_has_logged_in(hub: Attacked) -> None:
    """Someone who reads the hub's log could accept a link that was opened before its user had logged in, and is in `next` of the login."""
    code = hub.ask("POST", "share-codes/alice/", {})["code"]
    with hub.browser(page=hub.page) as browser:
        page = browser.get("/hub/accept-share", params={"code": code, "next": "/user/alice/lab"})
        assert page.url.path == "/hub/login" and code in str(page.url)
        browser.get("/services/sharing/oauth_callback", params={"code": code, "state": "x"})
        browser.post(page.url, data={"username": "zoe", "password": "x", "_xsrf": "wrong"})
        browser.get("/hub/login", params={"next": f"/hub/login?next=%2Fhub%2Faccept-share%3Fcode%3D{code}"})
    assert "GET /hub/login" in hub.log and "POST /hub/login" in hub.log
    assert code not in hub.log
    hub.ask("DELETE", "share-codes/alice/")


def test_code_of_a_link_stays_between_its_user_and_the_hub(hub: Attacked) -> None:
    """The accept page sends no code in the referrer, which a server would receive and which others on that server could read."""
    code = hub.ask("POST", "share-codes/alice/", {})["code"]
    with hub.browser("zoe") as zoe:
        page = zoe.get("/hub/accept-share", params={"code": code}).text
    assert '<meta name="referrer" content="origin">' in page.partition("</head>")[0]
    hub.ask("DELETE", "share-codes/alice/")


def test_server_remembers_no_long_address_until_a_sign_in(hub: Attacked) -> None:
    """Otherwise strangers, who never sign in, could fill its memory. After the sign-in, the server shows its first page."""
    for length, kept in ((1000, True), (3000, False)):
        with hub.browser("carol") as carol:
            page = carol.get(f"{SERVER}files/none?{'x' * length}")
            assert (page.url.path == f"{SERVER}files/none") is kept
            assert carol.get(f"{SERVER}api/contents").status_code == 200


LARGE = 1_000_000  # bytes; the server limits others to a tenth


@pytest.mark.parametrize("who", ["", "mallory"])
@pytest.mark.parametrize("path", ["api/contents", "oauth_callback"])
@pytest.mark.parametrize(
    ("size", "begun"),
    [
        (f"Content-Length: {1 << 28}", b""),
        (f"Content-Length: {'0' * 30}{1 << 28}", b""),
        ("Transfer-Encoding: chunked", (b"%x\r\n" % LARGE) + bytes(LARGE)),
    ],
)
def test_server_reads_no_large_requests_of_others(
    hub: Attacked, who: str, path: str, size: str, begun: bytes
) -> None:
    """Otherwise anyone could fill its memory. It refuses them before they are complete."""
    lines = [f"POST {SERVER}{path} HTTP/1.1", "Host: x", size]
    if who:
        wait_until(lambda: not hub.opens(hub.token_of(who)))  # the former guest of another test
        lines.append(f"Authorization: token {hub.token_of(who)}")
    address = urlsplit(hub.server_url)
    with create_connection((str(address.hostname), address.port or 0), timeout=OUT) as link:
        link.sendall("\r\n".join([*lines, "", ""]).encode())
        with suppress(ConnectionError):  # the answer may come before all is sent
            link.sendall(begun)
        assert link.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_server_reads_large_requests_of_its_visitors(hub: Attacked) -> None:
    """However they show who they are. A token that is none does not hide their sign-in."""
    file = {"type": "file", "format": "text", "content": "x" * LARGE}
    assert hub.at_server("alice", "PUT", "api/contents/large.txt", file).status_code == 201
    with hub.browser("carol") as carol:
        carol.get(f"{SERVER}files/none")  # the first page that asks who the visitor is
        cookies = [each for each in carol.cookies.jar if each.name == "_xsrf" and each.path == SERVER]
        mark = {"X-XSRFToken": str(cookies[0].value)}
        for headers in (mark, mark | {"Authorization": "token none"}):
            told = carol.put(f"{SERVER}api/contents/large.txt", json=file, headers=headers)
            assert told.status_code == 200
        # Without a mark of the browser's session, the server still says so itself.
        assert carol.put(f"{SERVER}api/contents/large.txt", json=file).status_code == 403


def test_lifetime_of_thousands_of_digits_is_the_longest(hub: Attacked) -> None:
    with hub.browser("alice", page=hub.page) as alice:
        token = xsrf_of(alice.get("/services/sharing/"))
        wish = {"_xsrf": token, "action": "make-link", "seconds": "9" * 5000}
        assert "accept-share?code=" in alice.post("/services/sharing/", data=wish).text
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
