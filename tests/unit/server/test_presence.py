# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages are told about where they are and who is here: a real hub, alice's server on it, and its visitors."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from jupyterhub_collab.server.presence import SCHEMA_ID, SETTLE_SECONDS
from local_hub import PATIENCE, LocalHub
from people.sockets import dial
from visits import EVENTS, open_document

pytestmark = pytest.mark.anyio
PRESENCE = "api/collaboration-presence"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    directory = tmp_path_factory.mktemp("hub")
    with LocalHub(directory, managers={"users": ["dave"]}, shared=True).running() as hub:
        for name in ("plan.txt", "other.txt"):
            form = {"type": "file", "format": "text", "content": ""}
            hub.at_server("alice", "PUT", f"api/contents/{name}", form)
        yield hub


def told(hub: LocalHub, who: str) -> dict[str, Any]:
    answer: dict[str, Any] = hub.at_server(who, "GET", PRESENCE).json()
    return answer


async def until_people(events: ClientConnection, *expected: tuple[str, list[str]]) -> list[dict[str, Any]]:
    """Wait for the event that says who is here and in which documents, and return it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            event = json.loads(await events.recv())
            if event["schema_id"] == SCHEMA_ID:
                people: list[dict[str, Any]] = event["people"]
                if [(each["username"], each["documents"]) for each in people] == [*expected]:
                    return people


@pytest.mark.parametrize(
    ("who", "level"), [("alice", "manage"), ("bob", "edit"), ("carol", "manage"), ("dave", "manage")]
)
async def test_page_is_told_where_it_is(hub: LocalHub, who: str, level: str) -> None:
    """The server tells each visitor who owns it, that others can open it, and what the visitor can do."""
    there = told(hub, who)
    assert (there["owner"], there["server"], there["shared"]) == ("alice", "", True)
    assert (there["username"], there["level"]) == (who, level)


async def test_strangers_are_told_nothing(hub: LocalHub) -> None:
    assert hub.at_server_with("3" * 32, "GET", PRESENCE).status_code == 403


async def test_people_are_told_who_is_here_and_in_which_document(hub: LocalHub) -> None:
    """Everyone with a page or a document open is here, once. Someone who has left is here for some seconds more, without documents."""
    alice = await dial(hub.door("alice", EVENTS))
    bob = await dial(hub.door("bob", EVENTS))
    await until_people(alice, ("alice", []), ("bob", []))
    again = await dial(hub.door("bob", EVENTS))
    room = await open_document(hub, "bob", "plan.txt")
    people = await until_people(alice, ("alice", []), ("bob", ["plan.txt"]))
    assert {"name", "initials", "color", "avatar"} < people[1].keys()
    assert people[1]["initials"] == "Bo" and people[1]["color"].startswith("#")
    other = await open_document(hub, "bob", "other.txt")
    await until_people(alice, ("alice", []), ("bob", ["other.txt", "plan.txt"]))
    assert told(hub, "dave")["people"][1]["documents"] == ["other.txt", "plan.txt"]
    for one in (room, other):
        await one.leave()
    await until_people(alice, ("alice", []), ("bob", []))
    await again.close()
    await bob.close()
    await until_people(alice, ("alice", []))
    await alice.close()


async def test_a_reloaded_page_has_not_left(hub: LocalHub) -> None:
    alice = await dial(hub.door("alice", EVENTS))
    bob = await dial(hub.door("bob", EVENTS))
    await until_people(alice, ("alice", []), ("bob", []))
    await bob.close()
    await asyncio.sleep(3 * SETTLE_SECONDS)  # long enough that the server would have told alice
    bob = await dial(hub.door("bob", EVENTS))
    room = await open_document(hub, "bob", "plan.txt")
    # The next event is the one about the document: none said that bob was gone.
    while (event := json.loads(await alice.recv()))["schema_id"] != SCHEMA_ID:
        pass
    assert [(each["username"], each["documents"]) for each in event["people"]] == [
        ("alice", []),
        ("bob", ["plan.txt"]),
    ]
    await room.leave()
    await bob.close()
    await alice.close()
