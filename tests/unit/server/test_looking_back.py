# SPDX-License-Identifier: GPL-3.0-or-later
"""The history that pages show (requirement V6): a real hub with alice's server, on which alice and bob edit and vera only looks."""

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from jupyterhub_collab.server.notices import SCHEMA_ID
from jupyterhub_collab.server.sittings import PAUSE
from local_hub import PATIENCE
from open_files import notebook, words
from people.room import Room, Seat
from people.sockets import Door, dial
from viewed_hub import Viewed
from visits import EVENTS

pytestmark = pytest.mark.anyio
API = "api/collaboration-history/"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    hub = Viewed(tmp_path_factory.mktemp("viewed"))
    with hub.running():
        hub.join("team", "bob")
        yield hub


def new(hub: Viewed, *sources: str, folder: str = "") -> str:
    """Create a notebook with these cells, or a text if there is one source, and return its path."""
    name = f"{folder}{uuid4()}" + (".ipynb" if len(sources) > 1 else ".txt")
    form: dict[str, Any] = {"type": "file", "format": "text", "content": sources[0]}
    if len(sources) > 1:
        form = {"type": "notebook", "format": "json", "content": notebook(*sources)}
    hub.at_server("alice", "PUT", f"api/contents/{name}", form).raise_for_status()
    return name


def kind_of(name: str) -> str:
    return "notebook" if name.endswith(".ipynb") else "file"


async def join(hub: Viewed, who: str, name: str) -> Room:
    form = {"format": "json" if name.endswith(".ipynb") else "text", "type": kind_of(name)}
    session = hub.at_server(who, "PUT", "api/collaboration/session/" + quote(name, safe=""), form).json()
    path = "api/collaboration/room/{format}:{type}:{fileId}?sessionId={sessionId}".format(**session)
    door: Door = hub.door(who, path)
    room = Room(Seat(name, kind_of(name) == "notebook", door, {"username": who, "name": who, "color": "red"}))
    await room.join()
    return room


def database(hub: Viewed) -> Path:
    """Return the path of the database that the server has open."""
    descriptors = Path(f"/proc/{hub.server_process}/fd")
    opened = (os.readlink(each) for each in descriptors.iterdir())
    return Path(next(path for path in opened if path.endswith("documents.db")))


def home(hub: Viewed) -> Path:
    """Return the directory whose files the server has."""
    return hub.directory / "home/alice"


def wait_a_while(hub: Viewed) -> None:
    """Have everything in the history happen as much earlier as ends a sitting."""
    with closing(sqlite3.connect(database(hub), timeout=PATIENCE)) as db, db:
        db.execute("update updates set time = time - ?", (2 * PAUSE,))


def ask(hub: Viewed, who: str, name: str, **more: Any) -> httpx.Response:
    asked = "&".join(f"{key}={value}" for key, value in {"type": kind_of(name), **more}.items())
    return hub.at_server(who, "GET", f"{API}{quote(name)}?{asked}")


def past_of(hub: Viewed, name: str, who: str = "alice") -> dict[str, Any]:
    answer = ask(hub, who, name)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def recorded(hub: Viewed, name: str) -> dict[str, Any]:
    """Wait until the history has a change of a document, and return it."""
    async with asyncio.timeout(PATIENCE):
        while not (past := past_of(hub, name))["sittings"]:
            await asyncio.sleep(0.05)
    return past


def shown(hub: Viewed, name: str, sitting: dict[str, Any], who: str = "alice") -> list[dict[str, Any]]:
    answer = ask(hub, who, name, before=sitting["before"], last=sitting["last"])
    assert answer.status_code == 200, answer.text
    cells: list[dict[str, Any]] = answer.json()["cells"]
    return cells


def restore(hub: Viewed, who: str, name: str, last: int, cell: str = "") -> httpx.Response:
    body = {"type": kind_of(name), "last": last, "cell": cell}
    return hub.at_server(who, "POST", f"{API}{quote(name)}", body)


def apply(room: Room, answer: httpx.Response) -> None:
    """Do what the page does with the answer: change its own copy of the document, which is sent like any other change."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/octet-stream"
    length = int.from_bytes(answer.content[:4], "big")
    room._doc.apply_update(answer.content[4 + length :])


def source(room: Room, name: str) -> str:
    return str(next(cell["source"] for cell in room.cells if cell["id"] == name))


async def until_equal(*rooms: Room) -> None:
    async with asyncio.timeout(PATIENCE):
        while len({json.dumps(words(room)) for room in rooms}) > 1:
            await asyncio.sleep(0.05)


async def leave(*rooms: Room) -> None:
    for room in rooms:
        await room.leave()


# The list


async def test_history_says_who_changed_a_document_and_when(hub: Viewed) -> None:
    """Each sitting has its people and times, the latest first. Opening a document is nobody's change."""
    name = new(hub, "x = 0", "x = 1")
    alice, bob = await join(hub, "alice", name), await join(hub, "bob", name)
    alice.insert(0, "# alice\n", 0)
    await bob.wait_until(lambda room: "# alice" in words(room))
    wait_a_while(hub)
    bob.insert(0, "# bob\n", 1)
    alice.insert(0, "# again\n", 0)
    await until_equal(alice, bob)
    past = past_of(hub, name)
    assert [each["people"] for each in past["sittings"]] == [["alice", "bob"], ["alice"]]
    later, earlier = past["sittings"]
    assert time.time() - PAUSE < later["began"] <= later["ended"] <= time.time()
    assert earlier["ended"] < later["began"] - PAUSE
    assert past["first"] == earlier["before"] and past["began"] <= earlier["began"]
    assert past["people"]["bob"]["name"] == "bob" and past["people"]["bob"]["color"].startswith("#")
    assert not past["has_more"]
    await leave(alice, bob)


async def test_document_without_history_has_an_empty_list(hub: Viewed) -> None:
    past = past_of(hub, new(hub, "hello"))
    assert (past["first"], past["sittings"]) == (0, [])


# Restoring


async def test_restored_cell_reaches_everyone_and_nothing_else_changes(hub: Viewed) -> None:
    """Two people type. One restores one cell to an earlier version. The other sees it, is told, and the rest of the notebook stays."""
    name = new(hub, "first = 1", "second = 2")
    events = await dial(hub.door("bob", EVENTS))
    alice, bob = await join(hub, "alice", name), await join(hub, "bob", name)
    alice.insert(0, "# early\n", 0)
    await bob.wait_until(lambda room: "# early" in words(room))
    wait_a_while(hub)
    bob.delete(0, 8, 0)
    bob.insert(0, "# late\n", 1)
    await until_equal(alice, bob)
    early = past_of(hub, name)["sittings"][1]
    cell = alice.cells[0]["id"]
    apply(alice, restore(hub, "alice", name, early["last"], cell))
    await bob.wait_until(lambda room: source(room, cell) == "# early\nfirst = 1")
    assert bob.read(1) == "# late\nsecond = 2"
    assert await told(events, name) == f"alice restored an earlier version of a cell of {name}."
    async with asyncio.timeout(PATIENCE):
        while "# early" not in str(hub.at_server("bob", "GET", f"api/contents/{name}").json()):
            await asyncio.sleep(0.1)
    # It is alice's change, and what was there before is kept.
    assert past_of(hub, name)["sittings"][0]["people"] == ["alice", "bob"]
    await leave(alice, bob)
    await events.close()


async def told(events: ClientConnection, name: str) -> str:
    async with asyncio.timeout(PATIENCE):
        while True:
            event = json.loads(await events.recv())
            if event["schema_id"] == SCHEMA_ID and event["path"] == name:
                return str(event["message"])


async def test_what_others_type_meanwhile_into_a_restored_cell_stays(hub: Viewed) -> None:
    """The restoring update is made before bob's last words, and arrives after them."""
    name = new(hub, "one two three\nfour\n", "x")
    alice, bob = await join(hub, "alice", name), await join(hub, "bob", name)
    alice.delete(4, 4, 0)  # "two "
    await bob.wait_until(lambda room: "two" not in words(room))
    past = past_of(hub, name)
    answer = restore(hub, "alice", name, past["first"], alice.cells[0]["id"])
    bob.insert(len(bob.read(0)), "bob is here\n", 0)
    apply(alice, answer)
    for room in (alice, bob):
        await room.wait_until(lambda room: room.read(0) == "one two three\nfour\nbob is here\n")
    await leave(alice, bob)


async def test_text_typed_into_a_cell_that_a_restore_removes_comes_back(hub: Viewed) -> None:
    """Restoring everything removes a cell that bob types into at the same moment. His text is not lost."""
    name = new(hub, "one", "two")
    alice, bob = await join(hub, "alice", name), await join(hub, "bob", name)
    alice.append_cell("new")
    await bob.wait_until(lambda room: room.cell_count == 3)
    answer = restore(hub, "alice", name, past_of(hub, name)["first"])
    await bob.drop()
    bob.insert(3, " of bob", 2)  # he has not seen that the cell goes
    apply(alice, answer)
    await asyncio.sleep(0.5)
    await bob.join()
    for room in (alice, bob):
        await room.wait_until(lambda room: "of bob" in words(room))
    await leave(alice, bob)


async def test_text_file_is_restored(hub: Viewed) -> None:
    name = new(hub, "one\ntwo\n")
    alice, bob = await join(hub, "alice", name), await join(hub, "bob", name)
    alice.delete(0, 4)
    await bob.wait_until(lambda room: room.text == "two\n")
    apply(bob, restore(hub, "bob", name, past_of(hub, name)["first"]))
    await alice.wait_until(lambda room: room.text == "one\ntwo\n")
    await leave(alice, bob)


# Who may


async def test_viewer_neither_looks_back_nor_restores(hub: Viewed) -> None:
    """Earlier versions have what the document no longer has, such as a password."""
    name = new(hub, "one\n")
    alice = await join(hub, "alice", name)
    alice.insert(0, "more ")
    past = await recorded(hub, name)
    sitting = past["sittings"][0]
    for query in ("", f"&before={sitting['before']}&last={sitting['last']}"):
        assert hub.at_server("bob", "GET", f"{API}{name}?type=file{query}").status_code == 200
        assert hub.at_server("vera", "GET", f"{API}{name}?type=file{query}").status_code == 403
    assert restore(hub, "vera", name, past["first"]).status_code == 403
    # Not even with what another person's page got.
    vera = await join(hub, "vera", name)
    apply(vera, restore(hub, "alice", name, past["first"]))
    await asyncio.sleep(1)
    assert alice.text == "more one\n"
    await leave(alice, vera)


async def test_strangers_and_users_without_access_get_nothing(hub: Viewed) -> None:
    name = new(hub, "one\n")
    # walter has an account, and no access to this server.
    for token in ("3" * 32, hub.token_of("walter")):
        for method, body in (("GET", None), ("POST", {"type": "file", "last": 1})):
            answer = hub.at_server_with(token, method, f"{API}{name}?type=file", body)
            assert answer.status_code == 403


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "/etc/passwd", "no.txt", ".hidden.txt", ""],
)
def test_only_what_one_may_open_has_a_history(hub: Viewed, path: str) -> None:
    for place in (home(hub) / ".hidden.txt", home(hub).parent / "secret.txt"):
        place.write_text("secret\n")
    answer = hub.at_server("bob", "GET", f"{API}{path}?type=file")
    assert answer.status_code in (400, 403, 404), answer.text
    assert "sittings" not in answer.text


# What is no longer there


async def test_version_that_is_no_longer_kept_is_refused_in_words(hub: Viewed) -> None:
    """The server combines old updates when the history grows too large. A list that was read before names some that are gone."""
    name = new(hub, "one\n")
    alice = await join(hub, "alice", name)
    alice.insert(0, "a ")
    past = await recorded(hub, name)
    sitting = past["sittings"][0]
    with closing(sqlite3.connect(database(hub), timeout=PATIENCE)) as db, db:
        db.execute("delete from updates where id = ?", (sitting["before"],))
    for answer in (
        ask(hub, "alice", name, before=sitting["before"], last=sitting["last"]),
        ask(hub, "alice", name, before=sitting["last"], last=10**9),
        restore(hub, "alice", name, sitting["before"]),
    ):
        assert answer.status_code == 410
        assert "no longer kept" in answer.text
    await leave(alice)


@pytest.mark.parametrize("last", ["0", "-1", "x", str(2**63), "1.5"])
def test_what_is_no_version_is_refused(hub: Viewed, last: str) -> None:
    name = new(hub, "one\n")
    assert ask(hub, "alice", name, before=1, last=last).status_code == 400
    assert hub.at_server("alice", "POST", API + name, {"type": "file", "last": last}).status_code == 400
    for body in ({"type": ["file"], "last": 1}, {"type": "file", "last": 1, "cell": 3}, [1], {}):
        assert hub.at_server("alice", "POST", API + name, body).status_code == 400


async def test_moved_document_keeps_its_history_and_a_deleted_one_is_not_found(hub: Viewed) -> None:
    name = new(hub, "one\n")
    alice = await join(hub, "alice", name)
    alice.insert(0, "typed ")
    await recorded(hub, name)
    moved = f"moved-{name}"
    hub.at_server("alice", "PATCH", f"api/contents/{name}", {"path": moved}).raise_for_status()
    past = past_of(hub, moved)
    assert [each["people"] for each in past["sittings"]] == [["alice"]]
    assert ask(hub, "alice", name).status_code == 404
    hub.at_server("alice", "DELETE", f"api/contents/{moved}").raise_for_status()
    assert ask(hub, "alice", moved).status_code == 404
    assert restore(hub, "alice", moved, past["first"]).status_code == 404
    await leave(alice)


async def test_new_history_begins_with_the_document_as_it_is(hub: Viewed) -> None:
    """The database is deleted while a document is open. The new one has a version of the document, and nobody's changes."""
    name = new(hub, "one\n")
    alice = await join(hub, "alice", name)
    alice.insert(0, "typed ")
    old = await recorded(hub, name)
    database(hub).unlink()
    alice.insert(0, "more ")
    async with asyncio.timeout(PATIENCE):
        # Until the server has made another database, and the document is in it
        while not ask(hub, "alice", name).json().get("first"):
            await asyncio.sleep(0.1)
    past = past_of(hub, name)
    assert past["sittings"] == []
    assert ask(hub, "alice", name, before=old["first"], last=old["sittings"][0]["last"]).status_code == 410
    alice.delete(0, 5)
    await recorded(hub, name)
    apply(alice, restore(hub, "alice", name, past["first"]))
    assert alice.text == "more typed one\n"
    await leave(alice)
