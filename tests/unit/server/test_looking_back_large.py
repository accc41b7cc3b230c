# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a large document is worked out in another process, and only so much of it at once."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from tornado.web import HTTPError

import plain_http
from jupyterhub_collab.server.following import LARGE
from jupyterhub_collab.server.looking_back import AT_ONCE, PER_PERSON, Turns
from local_server import PATIENCE, TOKEN, LocalServer
from open_files import notebook

pytestmark = pytest.mark.anyio
NAME = "large.ipynb"


def large() -> str:
    content = notebook("x = 0", "x = 1")
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 3 * LARGE}}
    content["cells"][1]["outputs"] = [picture]
    return json.dumps(content)


def request(server: LocalServer, method: str, query: str = "", body: Any = None) -> httpx.Response:
    url = f"http://{server._address}/api/collaboration-history/{server.path(NAME)}{query}"
    return plain_http.request(method, url, headers=TOKEN, json=body, timeout=PATIENCE)


async def test_large_document_is_looked_at_and_restored(server: LocalServer) -> None:
    """It comes back with its output, and its text is shown without."""
    server.write(NAME, large())
    alice = await server.open(NAME)
    alice.insert(0, "# typed\n", 0)
    alice.delete_cell(1)
    await server.until_file(NAME, "# typed")
    past = (await asyncio.to_thread(request, server, "GET", "?type=notebook")).json()
    (sitting,) = past["sittings"]
    query = f"?type=notebook&before={sitting['before']}&last={sitting['last']}"
    answer = await asyncio.to_thread(request, server, "GET", query)
    assert answer.status_code == 200, answer.text + server.log
    assert [each["change"] for each in answer.json()["cells"]] == ["changed", "removed"]
    assert len(answer.content) < 10_000
    body = {"type": "notebook", "last": past["first"]}
    answer = await asyncio.to_thread(request, server, "POST", "", body)
    assert answer.status_code == 200, answer.text + server.log
    length = int.from_bytes(answer.content[:4], "big")
    alice._doc.apply_update(answer.content[4 + length :])
    assert [each["source"] for each in alice.cells] == ["x = 0", "x = 1"]
    await server.until_file(NAME, "A" * 3 * LARGE)
    await alice.leave()


async def test_only_so_many_requests_are_worked_on_and_one_person_is_limited() -> None:
    """Too many of one person's at once are refused in words. Another person still gets a turn."""
    turns, end = Turns(), asyncio.Event()
    working: list[str] = []

    async def look(who: str) -> None:
        async with turns.of(who):
            working.append(who)
            await end.wait()

    looking = [asyncio.create_task(look("alice")) for _each in range(PER_PERSON)]
    await asyncio.sleep(0)
    with pytest.raises(HTTPError, match="too many earlier versions") as refused:
        await look("alice")
    assert refused.value.status_code == 429
    looking.append(asyncio.create_task(look("bob")))
    await asyncio.sleep(0.1)
    assert working == ["alice"] * AT_ONCE
    end.set()
    await asyncio.gather(*looking)
    assert sorted(working) == ["alice"] * PER_PERSON + ["bob"]
    await look("alice")  # nothing is left of them
