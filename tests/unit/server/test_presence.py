# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages are told about where they are and who is here: a real hub, alice's server on it, and its visitors."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from here import PRESENCE, Here
from jupyterhub_collab.server.presence import SCHEMA_ID, SETTLE_SECONDS
from local_hub import PATIENCE, LocalHub
from people.sockets import dial
from visits import EVENTS, open_document

pytestmark = pytest.mark.anyio


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


class Page(Here):
    """A page of someone at alice's server."""

    def __init__(self, hub: LocalHub, who: str) -> None:
        super().__init__()
        self._hub, self._who = hub, who
        self.asked = 0

    async def open(self) -> None:
        self._events = await dial(self._hub.door(self._who, EVENTS))

    async def close(self) -> None:
        await self._events.close()

    async def next(self) -> dict[str, Any]:
        """Take in the next event about people, and return it."""
        async with asyncio.timeout(PATIENCE):
            while (event := json.loads(await self._events.recv()))["schema_id"] != SCHEMA_ID:
                pass
        if not self.hear(event):
            self.asked += 1
            self.learn(told(self._hub, self._who))
            self.hear(event)
        return dict(event)

    async def until(self, *expected: tuple[str, list[str]]) -> list[dict[str, Any]]:
        """Wait until these people are here, in these documents, and return them."""
        async with asyncio.timeout(PATIENCE):
            while [(each["username"], each["documents"]) for each in self.people] != [*expected]:
                await self.next()
        return self.people


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
    alice, bob, again = (Page(hub, who) for who in ("alice", "bob", "bob"))
    await alice.open()
    await bob.open()
    await alice.until(("alice", []), ("bob", []))
    await again.open()
    room = await open_document(hub, "bob", "plan.txt")
    people = await alice.until(("alice", []), ("bob", ["plan.txt"]))
    assert {"name", "initials", "color", "avatar"} < people[1].keys()
    assert people[1]["initials"] == "Bo" and people[1]["color"].startswith("#")
    other = await open_document(hub, "bob", "other.txt")
    await alice.until(("alice", []), ("bob", ["other.txt", "plan.txt"]))
    assert told(hub, "dave")["people"][1]["documents"] == ["other.txt", "plan.txt"]
    for one in (room, other):
        await one.leave()
    await alice.until(("alice", []), ("bob", []))
    await again.close()
    await bob.close()
    await alice.until(("alice", []))
    await alice.close()


async def test_a_reloaded_page_has_not_left(hub: LocalHub) -> None:
    alice, bob = Page(hub, "alice"), Page(hub, "bob")
    await alice.open()
    await bob.open()
    await alice.until(("alice", []), ("bob", []))
    await bob.close()
    await asyncio.sleep(3 * SETTLE_SECONDS)  # long enough that the server would have told alice
    await bob.open()
    room = await open_document(hub, "bob", "plan.txt")
    # The next change is the one about the document: none said that bob was gone.
    known = alice.number
    while (event := await alice.next())["number"] <= known:
        pass
    assert not event["gone"]
    assert [(each["username"], each["documents"]) for each in event["changed"]] == [("bob", ["plan.txt"])]
    await room.leave()
    await bob.close()
    await alice.close()


async def test_a_page_asks_for_the_list_only_if_it_lacks_a_change(hub: LocalHub) -> None:
    """A page that connects hears at once which list is the latest: if it has missed something, it need not wait for the next change."""
    page, bob = Page(hub, "alice"), Page(hub, "bob")
    await page.open()
    await page.next()
    assert page.asked == 1
    await bob.open()
    while "bob" not in page.names:
        await page.next()
    assert page.asked == 1
    await page.close()
    room = await open_document(hub, "bob", "other.txt")
    watching = Page(hub, "dave")
    await watching.open()
    while "dave" not in watching.names or {"username": "bob", "documents": ["other.txt"]} not in [
        {name: each[name] for name in ("username", "documents")} for each in watching.people
    ]:
        await watching.next()
    await page.open()
    event = await page.next()
    assert (page.asked, event["changed"], event["gone"]) == (2, [], [])
    assert page.people == watching.people
    await page.close()
    await page.open()
    await page.next()
    assert page.asked == 2
    await room.leave()
    for each in (page, bob, watching):
        await each.close()
