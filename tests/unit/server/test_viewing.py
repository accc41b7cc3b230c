# SPDX-License-Identifier: GPL-3.0-or-later
"""What a viewer sees and cannot change (requirement B6): a real hub, alice's real server on it, and vera, who tries everything."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from pycrdt import Encoder, create_awareness_message, create_update_message
from websockets.asyncio.client import ClientConnection

import plain_http
from jupyterhub_collab.server.levels import Level, Levels
from jupyterhub_collab.server.viewing import HIDDEN, VIEW_ONLY, is_setting
from jupyterhub_collab.server.visitors import ENDED, LOWERED
from local_hub import PATIENCE, wait_until
from open_files import until
from people.errors import Failed, Refused
from people.room import RAW, Room
from people.sockets import Door, dial
from tiers import some_long
from viewed_hub import Viewed
from visits import EVENTS, door_of_document, open_document

pytestmark = pytest.mark.anyio
TEXT = {"type": "file", "format": "text", "content": "hello"}
SETTLED = 1.5  # seconds after which a change would have arrived
AWARENESS = "api/collaboration/room/JupyterLab:globalAwareness"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    hub = Viewed(tmp_path_factory.mktemp("viewed"))
    with hub.running():
        for name in ("plan.txt", "other.txt"):
            hub.at_server("alice", "PUT", f"api/contents/{name}", TEXT).raise_for_status()
        yield hub


@pytest.fixture
async def plan(hub: Viewed) -> AsyncIterator[tuple[Room, Room]]:
    """Yield alice's and vera's tabs with a new document, which says hello."""
    name = new_document(hub)
    alice, vera = await open_document(hub, "alice", name), await open_document(hub, "vera", name)
    for room in (alice, vera):
        await room.wait_until(lambda room: room.text == "hello", PATIENCE)
    yield alice, vera
    for room in (alice, vera):
        await room.leave()


def new_document(hub: Viewed) -> str:
    name = f"{uuid4()}.txt"
    answer = hub.at_server("alice", "PUT", f"api/contents/{name}", TEXT)
    assert answer.status_code == 201, answer.text
    return name


def saved(hub: Viewed, name: str) -> str:
    return str(hub.at_server("alice", "GET", f"api/contents/{name}").json()["content"])


# Documents


async def test_viewer_sees_each_edit_and_changes_nothing(hub: Viewed, plan: tuple[Room, Room]) -> None:
    alice, vera = plan
    alice.insert(5, " world")
    await vera.wait_until(lambda room: room.text == "hello world", PATIENCE)
    vera.insert(0, "<vera>")
    vera._line.send(create_update_message(vera._doc.get_update()))
    await asyncio.sleep(SETTLED)
    assert alice.text == "hello world"
    with pytest.raises(TimeoutError):
        await vera.save(SETTLED)
    await until(lambda: saved(hub, alice.seat.path) == "hello world")
    assert vera.closed_by_server is None


async def test_a_tab_with_text_from_before_brings_none_of_it(hub: Viewed, plan: tuple[Room, Room]) -> None:
    """A tab that reconnects sends what the server lacks as an answer to the server's first sync step."""
    alice, vera = plan
    await vera.drop()
    vera.insert(0, "<offline>")
    await vera.join()
    alice.insert(0, "<alice>")
    await vera.wait_until(lambda room: "<alice>" in room.text, PATIENCE)
    await asyncio.sleep(SETTLED)
    assert alice.text == "<alice>hello"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x00",
        b"\x00\x00",
        b"\x00\x02",
        b"\x80\x00\x02\x02\x00\x00",  # the same type, written in two bytes
        b"\x00\x80\x02\x02\x00\x00",
        b"\x00\x00" + b"\xff" * 100_000,  # a length of 100 000 bytes takes minutes to compute
        b"\x01" + b"\xff" * 9_000,
        b"\x01\x02\x01\xff",
        bytes([RAW]) + b"\x04save\x00",
        bytes([3]) + b"\x00",
        "text",
    ],
    ids=lambda message: repr(message[:6]),
)
async def test_messages_that_are_no_request_for_the_document_are_dropped(
    hub: Viewed, plan: tuple[Room, Room], message: str | bytes
) -> None:
    alice, vera = plan
    socket = await dial(door_of_document(hub, "vera", alice.seat.path))
    await socket.send(message)
    alice.insert(0, "<on>")
    async with asyncio.timeout(5):
        await vera.wait_until(lambda room: "<on>" in room.text, PATIENCE)
    assert alice.text == "<on>hello"
    await socket.close()


async def test_a_message_of_a_megabyte_ends_the_websocket(hub: Viewed, plan: tuple[Room, Room]) -> None:
    alice, _vera = plan
    socket = await dial(door_of_document(hub, "vera", alice.seat.path))
    await socket.send(b"\x00" * 1_000_001)
    await socket.wait_closed()
    hers = await dial(door_of_document(hub, "alice", alice.seat.path))
    await hers.send(b"\x02\x04none" + b"\x00" * 1_000_001)
    await asyncio.sleep(SETTLED)
    assert hers.close_code is None
    await hers.close()


@pytest.mark.parametrize(
    "what", some_long(["sync", "awareness", "update", "save"], short=["awareness", "update"])
)
async def test_a_thousand_messages_a_second_disturb_nobody(
    hub: Viewed, plan: tuple[Room, Room], what: str
) -> None:
    alice, vera = plan
    messages = {
        "sync": b"\x00\x00\x01\x00",
        "awareness": awareness_of(vera._awareness.client_id, {"user": {"name": "alice"}}),
        "update": create_update_message(vera._doc.get_update()),
        "save": bytes([RAW]) + b"\x04save\x00",
    }
    got = 0
    watcher = await dial(door_of_document(hub, "bob", alice.seat.path))

    async def count() -> None:
        nonlocal got
        async for _message in watcher:
            got += 1

    counting = asyncio.create_task(count())
    began, seconds = time.monotonic(), 3.0
    while time.monotonic() < began + seconds:
        for _each in range(50):
            vera._line.send(messages[what])
        await asyncio.sleep(0.05)
    alice.insert(0, "<on>")
    then = time.monotonic()
    await vera.wait_until(lambda room: "<on>" in room.text, PATIENCE)
    assert time.monotonic() - then < 2
    assert got < 20 + 10 * (seconds + 5), "the server passes all of it on"
    counting.cancel()
    await watcher.close()


# Awareness


def awareness_of(*states: Any) -> bytes:
    """Return an awareness message with the states of tabs: tab, state, tab, state ..."""
    encoder = Encoder()
    encoder.write_var_uint(len(states) // 2)
    for tab, state in zip(states[::2], states[1::2], strict=True):
        encoder.write_var_uint(tab)
        encoder.write_var_uint(1000)
        encoder.write_var_string(state if isinstance(state, str) else json.dumps(state))
    return create_awareness_message(encoder.to_bytes())


async def test_viewer_is_seen_under_the_own_name(hub: Viewed, plan: tuple[Room, Room]) -> None:
    """Whatever a viewer claims, others see the viewer's name at the hub."""
    alice, vera = plan
    vera._awareness.set_local_state(
        {"user": {"username": "alice", "name": "Alice"}, "evil": 1, "autosave": True}
    )
    await until(lambda: vera._awareness.client_id in alice._awareness.states)
    state = alice._awareness.states[vera._awareness.client_id]
    assert (state["user"]["username"], state["user"]["name"]) == ("vera", "vera")
    assert {*state} == {"user", "viewer"}


async def test_viewer_does_not_speak_for_others(hub: Viewed, plan: tuple[Room, Room]) -> None:
    """Neither in a tab that has told its own state, nor in one that claims another person's tab from the start."""
    alice, vera = plan
    bob = await open_document(hub, "bob", alice.seat.path)
    own, hers = alice._awareness.client_id, vera._awareness.client_id
    alice.point_at(1)
    await until(lambda: own in bob._awareness.states and hers in alice._awareness.states)
    for message in (
        awareness_of(own, {"user": {}}),
        awareness_of(own, "null"),
        awareness_of(own, {}, hers, {}),
    ):
        vera._line.send(message)
    states: list[Any] = ["null", {"user": {}}]
    for state in states:
        fresh = await dial(door_of_document(hub, "vera", alice.seat.path))
        await fresh.send(awareness_of(own, state))
        await asyncio.sleep(SETTLED)
        assert bob._awareness.states[own]["user"]["username"] == "alice"
        await fresh.close()
    await bob.leave()


async def test_viewer_with_the_same_tab_is_known_again(hub: Viewed, plan: tuple[Room, Room]) -> None:
    alice, vera = plan
    await until(lambda: vera._awareness.client_id in alice._awareness.states)
    await vera.join()
    before = dict(alice._awareness.meta[vera._awareness.client_id])
    vera._awareness.set_local_state_field("current", "plan.txt")
    await until(lambda: alice._awareness.states[vera._awareness.client_id].get("current") == "plan.txt")
    assert alice._awareness.meta[vera._awareness.client_id] != before


@pytest.mark.parametrize(
    "state",
    [
        '{"cursors": NaN}',
        '{"current": 1e999}',
        '{"cursors": 5}',
        '{"cursors": [{"anchor": 1, "head": 1}]}',
        '{"cursors": [{}]}',
        '{"cursors": [{"anchor": {"type": 5}, "head": {}}]}',
        '{"current": {}}',
        '{"documents": {"a": 1}}',
        "[" * 4000,
        "5",
        "not JSON",
    ],
    ids=lambda state: state[:20],
)
async def test_states_that_break_pages_do_not_reach_them(
    hub: Viewed, plan: tuple[Room, Room], state: str
) -> None:
    alice, vera = plan
    await until(lambda: vera._awareness.client_id in alice._awareness.states)
    vera._line.send(awareness_of(vera._awareness.client_id, state))
    await asyncio.sleep(0.5)
    assert {*alice._awareness.states[vera._awareness.client_id]} == {"user", "viewer"}


async def test_viewer_does_not_decide_whether_others_save(hub: Viewed) -> None:
    """A viewer whose page saves in the background does not make the document of others save who have turned that off."""
    name = new_document(hub)
    alice, vera = await open_document(hub, "alice", name), await open_document(hub, "vera", name)
    alice.save_by_hand_only()
    await until(lambda: vera._awareness.client_id in alice._awareness.states)
    await asyncio.sleep(0.5)
    alice.insert(0, "<unsaved>")
    await asyncio.sleep(3 * SETTLED)
    assert saved(hub, name) == "hello"
    assert await alice.save() == "success"
    for room in (alice, vera):
        await room.leave()


# Websockets


async def refused(door: Door) -> bool:
    try:
        socket = await dial(door)
    except (Failed, Refused):
        return True
    await socket.close()
    return False


async def test_viewer_opens_no_other_websocket(hub: Viewed) -> None:
    """Nor does the attempt create a room."""
    terminal = hub.at_server("alice", "POST", "api/terminals").json()["name"]
    rooms = hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]
    try:
        for path in (
            f"api/kernels/{uuid4()}/channels",
            f"terminals/websocket/{terminal}",
            "wide/rooms",
            "api/collaboration/room/other",
            "api/collaboration/room/a:b",
            "api/collaboration/room/text:evil:none",
            "api/collaboration/room/JupyterLab:other",
            "api/collaboration/room/JupyterLab%3AglobalAwareness",  # jupyter-collaboration takes it for another room
            "api/collaboration/room/text%3Afile%3Anone",
        ):
            with pytest.raises(Refused, match=VIEW_ONLY):
                await dial(hub.door("vera", path))
        for path in ("api/collaboration/room/text:file:none", "lsp/ws/pylsp", "no/such/socket"):
            assert await refused(hub.door("vera", path)), path
        assert not await refused(hub.door("alice", f"terminals/websocket/{terminal}"))
        # Rooms of earlier tests may end meanwhile.
        assert {*hub.at_server("alice", "GET", "wide/rooms").json()["rooms"]} <= {*rooms}
    finally:
        hub.at_server("alice", "DELETE", f"api/terminals/{terminal}")


async def test_viewer_listens_to_events_and_sends_none(hub: Viewed) -> None:
    vera = await dial(hub.door("vera", EVENTS))
    await vera.send(json.dumps({"schema_id": "x"}))
    other = await dial(hub.door("vera", AWARENESS))
    async with asyncio.timeout(PATIENCE):
        while "presence" not in json.loads(await vera.recv())["schema_id"]:
            pass
    assert vera.close_code is None
    await vera.close()
    await other.close()


# Requests


def token_of(hub: Viewed, who: str = "vera") -> str:
    return hub.token_of(who)


def test_viewer_reads_what_a_page_needs(hub: Viewed) -> None:
    for path in (
        "api",
        "api/me",
        "api/status",
        "api/contents",
        "api/contents/plan.txt",
        "files/plan.txt",
        "api/kernels",
        "api/kernelspecs",
        "api/sessions",
        "api/terminals",
        "api/collaboration-presence",
        "api/collaboration-protection",
        "view/plan.txt",
    ):
        assert hub.at_server("vera", "GET", path).status_code == 200, path
    assert hub.at_server("vera", "GET", "api/collaboration-presence").json()["level"] == "view"
    wish = {"contents": ["read", "write"], "kernels": ["read", "execute"], "server": ["write"]}
    may = hub.at_server("vera", "GET", f"api/me?permissions={quote(json.dumps(wish))}").json()["permissions"]
    assert {kind: may[kind] for kind in wish} == {"contents": ["read"], "kernels": ["read"], "server": []}


def test_viewer_changes_nothing(hub: Viewed) -> None:
    """No method but GET, HEAD and OPTIONS is answered, whatever the path; except the one that opens a document."""
    session = {"path": "plan.txt", "type": "file", "name": "", "kernel": {"name": "python3"}}
    before = hub.at_server("alice", "GET", "api/contents").json()["content"]
    requests: list[tuple[str, str, Any]] = [
        ("PUT", "api/contents/plan.txt", TEXT),
        ("PUT", "api/contents/new.txt", TEXT),
        ("POST", "api/contents", {"type": "file"}),
        ("POST", "api/contents", {"copy_from": "plan.txt"}),
        ("PATCH", "api/contents/plan.txt", {"path": "gone.txt"}),
        ("DELETE", "api/contents/plan.txt", None),
        ("GET", "api/contents/new/folder/plan.txt/checkpoints", None),
        ("GET", "api/contents/plan.txt/checkpoints", None),
        ("POST", "api/contents/plan.txt/checkpoints", None),
        ("POST", "api/contents/plan.txt/checkpoints/checkpoint", None),
        ("DELETE", "api/contents/plan.txt/checkpoints/checkpoint", None),
        ("POST", "api/contents/plan.txt/trust", None),
        ("POST", "api/kernels", {}),
        ("POST", "api/sessions", session),
        ("POST", "api/terminals", None),
        ("POST", "api/events", {}),
        ("PATCH", "api/me", {}),
        ("PUT", "api/config/common", {}),
        ("PATCH", "api/config/common", {}),
        ("POST", "api/shutdown", None),
        ("POST", "api/security/csp-report", {}),
        ("POST", "nbconvert/html", {"type": "notebook", "content": {}}),
        ("GET", "nbconvert/html/plan.txt", None),
        ("GET", "metrics", None),
        ("GET", "api/config/common", None),
        ("PUT", "api/collaboration/fork/text:file:x", {}),
        ("DELETE", "api/collaboration/fork/x?merge=true", None),
        ("GET", "api/collaboration/timeline/plan.txt", None),
        ("PUT", "api/collaboration/undo_redo/x?action=undo&steps=1&forkRoom=x", None),
        ("GET", "wide/rooms", None),
        ("GET", "wide/worker.js", None),
    ]
    for method, path, body in requests:
        answer = hub.at_server("vera", method, path, body)
        assert (answer.status_code, VIEW_ONLY in answer.text) == (403, True), (method, path, answer.text)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in (
            "",
            "api",
            "api/me",
            "api/kernels",
            "files/plan.txt",
            "login",
            "no/such/path",
            "api/status",
        ):
            assert hub.at_server("vera", method, path).status_code in (403, 405), (method, path)
    after = hub.at_server("alice", "GET", "api/contents").json()["content"]
    assert [(each["name"], each["last_modified"]) for each in after] == [
        (each["name"], each["last_modified"]) for each in before
    ]
    for kind in ("kernels", "sessions", "terminals"):
        assert hub.at_server("alice", "GET", f"api/{kind}").json() == []


def test_viewer_opens_only_documents_that_exist(hub: Viewed) -> None:
    ask = "api/collaboration/session/"
    form = {"format": "text", "type": "file"}
    assert hub.at_server("vera", "PUT", f"{ask}other.txt", form).status_code in (200, 201)
    for path, body, status in (
        ("none.txt", form, 404),
        (".hidden", form, 403),
        ("other.txt", {}, 400),
        ("other.txt", [], 400),
        ("other.txt", {"format": "text", "type": ["file"]}, 400),
        ("other.txt", {"format": "evil", "type": "file"}, 400),
        ("other.txt", {"format": "text", "type": "evil"}, 400),
    ):
        assert hub.at_server("vera", "PUT", ask + path, body).status_code == status, (path, body)


def test_viewer_reads_no_hidden_files_and_no_tokens(hub: Viewed) -> None:
    """Not by links either: what the system shows of processes has the server's token, as have Jupyter's runtime files."""
    home = hub.directory / "home/alice"
    (home / ".ssh").mkdir()
    (home / ".ssh/key").write_text("secret")
    (home / "environment").symlink_to(f"/proc/{hub.server_process}/environ")
    (home / "everything").symlink_to("/")
    (home / "keys").symlink_to(".ssh")
    (home / "state").symlink_to(hub.directory / "state")
    for path in (
        ".ssh/key",
        "keys/key",
        "environment",
        "everything/proc/self/environ",
        "everything/proc/self/task/../environ",
        f"everything{home}/.ssh/key",
        "everything/dev/null",
        "keys",
    ):
        for kind in ("api/contents", "files", "view"):
            answer = hub.at_server("vera", "GET", f"{kind}/{path}")
            assert answer.status_code in (403, 404), (kind, path)
            assert hub.own_token not in answer.text and "secret" not in answer.text
    assert HIDDEN in hub.at_server("vera", "GET", "api/contents/environment").text
    assert hub.own_token in hub.at_server("alice", "GET", "files/environment").text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("@jupyterlab/apputils-extension:themes", True),
        ("jupyter.lab:plugin.x", True),
        ("/home/alice/.local/share/jupyter/runtime:jpserver-1", False),
        ("x:/home/alice/.local/share/jupyter/runtime/jpserver-1", False),
        ("../../runtime:jpserver-1", False),
        ("@jupyterlab/..:x", False),
        ("x:../x", False),
        ("x:..", False),
        (":x", False),
        ("//x:y", False),
    ],
)
def test_name_of_a_setting_leads_out_of_no_directory(name: str, expected: bool) -> None:
    """JupyterLab's handler would read the JSON at any path: the server's runtime file, which has its token, or a kernel's, with its key."""
    assert is_setting(name) is expected


# Levels that change


async def test_a_level_that_rises_and_falls_is_followed_at_once(hub: Viewed) -> None:
    """Text typed while viewing arrives once the person can edit, and what an editor typed stays when they can only view."""
    name = new_document(hub)
    alice, vera = await open_document(hub, "alice", name), await open_document(hub, "vera", name)
    events = await dial(hub.door("alice", EVENTS))
    vera.insert(0, "<early>")
    await asyncio.sleep(SETTLED)
    assert alice.text == "hello"
    hub.join("team", "vera")
    await alice.wait_until(lambda room: room.text == "<early>hello", PATIENCE)
    assert await level_told(events, "edit") == "edit"
    vera.insert(0, "<can>")
    await alice.wait_until(lambda room: "<can>" in room.text, PATIENCE)
    terminal = hub.at_server("vera", "POST", "api/terminals").json()["name"]
    shell = await dial(hub.door("vera", f"terminals/websocket/{terminal}"))
    hub.part("team", "vera")
    assert await level_told(events, "view") == "view"
    await shell.wait_closed()
    assert (shell.close_code, shell.close_reason) == (ENDED, LOWERED)
    assert await refused(hub.door("vera", f"terminals/websocket/{terminal}"))
    vera.insert(0, "<late>")
    alice.insert(0, "<alice>")
    await vera.wait_until(lambda room: "<alice>" in room.text, PATIENCE)
    await asyncio.sleep(SETTLED)
    assert alice.text == "<alice><can><early>hello"
    assert vera.closed_by_server is None
    assert hub.at_server("vera", "PUT", "api/contents/plan.txt", TEXT).status_code == 403
    hub.at_server("alice", "DELETE", f"api/terminals/{terminal}")
    await events.close()
    for room in (alice, vera):
        await room.leave()


async def level_told(events: ClientConnection, level: str) -> str:
    """Wait until pages are told that vera has a level."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for person in json.loads(await events.recv()).get("changed", []):
                if (person["username"], person["level"]) == ("vera", level):
                    return level


async def test_two_tabs_have_the_same_level(hub: Viewed) -> None:
    """Also if one of them is older than the level."""
    hub.join("team", "vera")
    wait_until(lambda: hub.at_server("vera", "GET", "api/collaboration-presence").json()["level"] == "edit")
    name = new_document(hub)
    older, alice = await open_document(hub, "vera", name), await open_document(hub, "alice", name)
    older.insert(0, "<can>")
    await alice.wait_until(lambda room: "<can>" in room.text, PATIENCE)
    hub.part("team", "vera")
    wait_until(lambda: hub.at_server("vera", "GET", "api/collaboration-presence").json()["level"] == "view")
    newer = await open_document(hub, "vera", name)
    await asyncio.sleep(SETTLED)
    older.insert(0, "<older>")
    newer.insert(0, "<newer>")
    await asyncio.sleep(SETTLED)
    assert alice.text == "<can>hello"
    for room in (alice, older, newer):
        await room.leave()


async def test_highest_level_counts(hub: Viewed) -> None:
    """A share, a role or a group that lets a viewer edit wins, whichever came first."""

    def level(who: str) -> str:
        return str(hub.at_server(who, "GET", "api/collaboration-presence").json().get("level"))

    assert level("vera") == "view"
    hub.share("vera")
    wait_until(lambda: level("vera") == "edit")
    hub.revoke("vera")
    wait_until(lambda: level("vera") == "view")
    hub.join("lookers", "walter")
    wait_until(lambda: level("walter") == "view")
    hub.join("lookers", "bob")
    await asyncio.sleep(SETTLED)
    assert level("bob") == "edit"
    hub.part("lookers", "bob")
    hub.part("lookers", "walter")
    wait_until(lambda: hub.at_server("walter", "GET", "api/contents").status_code == 403)


def test_server_that_enforces_no_levels_admits_no_viewers(hub: Viewed) -> None:
    """The hub hides a viewer's access from requests that do not say which of its servers asks, and that it enforces levels."""
    own = {"Authorization": f"token {token_of(hub)}"}

    def scopes(**headers: str) -> list[str]:
        answer = plain_http.get(f"{hub.hub_url}/hub/api/user", headers={**own, **headers})
        return list(answer.json()["scopes"])

    assert "access:servers!server=alice/" not in scopes()
    asked = {"X-JupyterHub-Collab-Server": "jupyterhub-user-alice"}
    assert "access:servers!server=alice/" not in scopes(**asked)
    enforces = {"X-JupyterHub-Collab-Levels": "yes"}
    assert "access:servers!server=alice/" in scopes(**asked, **enforces)
    # The hub could tell no level to a server that it does not know.
    unknown = {"X-JupyterHub-Collab-Server": "jupyterhub-user-nobody"}
    assert "access:servers!server=alice/" not in scopes(**unknown, **enforces)


async def test_server_of_jupyterhubs_older_kind_has_viewers_alike(tmp_path: Path) -> None:
    """That kind refuses to change anything with a token and without a browser's `_xsrf`, from anyone, so only reading is tried here."""
    older = 'c.Spawner.environment = {**c.Spawner.environment, "JUPYTERHUB_SINGLEUSER_EXTENSION": "0"}'
    with Viewed(tmp_path, older).running() as hub:
        assert hub.at_server("vera", "GET", "api/contents").status_code == 200
        assert hub.at_server("vera", "GET", "api/collaboration-presence").json()["level"] == "view"
        for path in ("wide/rooms", "metrics", "nbconvert/html/x.ipynb"):
            assert VIEW_ONLY in hub.at_server("vera", "GET", path).text
        assert hub.at_server("alice", "GET", "wide/rooms").status_code == 200
        for path in ("terminals/websocket/1", f"api/kernels/{uuid4()}/channels", "wide/rooms"):
            with pytest.raises(Refused, match=VIEW_ONLY):
                await dial(hub.door("vera", path))


@pytest.mark.parametrize("level", [None, "own", 7, ["edit"], {}, ""])
def test_level_that_the_server_does_not_know_is_none(level: Any) -> None:
    levels = Levels("alice", {}, told=True)
    assert levels.of({"kind": "user", "name": "eve", "collab_level": level}) is Level.NONE
    assert levels.of({"kind": "user", "name": "eve"}) is Level.NONE
    assert levels.of({"kind": "user", "name": "alice"}) is Level.MANAGE
