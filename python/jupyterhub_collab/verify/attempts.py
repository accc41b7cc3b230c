# SPDX-License-Identifier: GPL-3.0-or-later
"""Try the actions of the access matrix as users who must be refused, each with a browser and with an API token.

An attempt tells whether both were refused. None of them harms a server that others use: actions that would start, stop, create or delete a
server (`HARMFUL`) are only tried on servers that were created for `verify`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from .browser import Answer, Browser
from .person import Person, server

FORBIDDEN = (401, 403)
# A proxy in front of the hub may answer like this when the hub refuses a request before it has read all of it.
NO_ANSWER = (502, 503, 504)
TRIES, PAUSE = 5, 0.2  # how often to ask at most, and the seconds in between
UNKNOWN = 404  # the hub's answer to users who may not know whether a user exists
NO_TERMINAL = "collab0"  # a valid name of a terminal that does not exist
# Actions that start, stop, create or delete a server if they are not refused.
HARMFUL = ("stop", "start", "shut down", "create named", "delete named")


@dataclass(frozen=True)
class Attempt:
    """Who tries an action, on whose server, and `made_up`, a name that nothing on the hub has.

    views: whether the person may view the server, so that only requests that would change something are refused.
    """

    person: Person
    owner: str
    made_up: str
    views: bool = False

    @property
    def browsers(self) -> list[Browser]:
        """The person's browser, and the person's program with an API token."""
        return [self.person.browser, self.person.program]

    async def of_hub(self, method: str, path: str, body: object = None) -> list[Answer]:
        """Return the hub's answers. Request again what only a proxy has answered."""
        return [await _ask_hub(browser, method, f"/hub/api/{path}", body) for browser in self.browsers]

    async def of_server(self, method: str, path: str, body: object = None) -> list[Answer]:
        return [await browser.ask(method, f"{server(self.owner)}/{path}", body) for browser in self.browsers]

    async def sockets_of(self, path: str, *refusals: int) -> bool:
        """Return whether every websocket is refused with FORBIDDEN or one of `refusals`.

        A server that admits the person answers 404 for a websocket that does not exist.
        """
        there = f"{server(self.owner)}/{path}"
        answers = [await self.person.knock(each, there) for each in self.browsers]
        return set(answers) <= {*FORBIDDEN, *refusals}

    @property
    def user(self) -> str:
        return f"users/{quote(self.owner)}"


async def _ask_hub(browser: Browser, method: str, path: str, body: object) -> Answer:
    for _attempt in range(TRIES):
        answer = await browser.ask(method, path, body)
        if answer.status not in NO_ANSWER:
            break
        await asyncio.sleep(PAUSE)
    return answer


def by_hub(answers: list[Answer]) -> bool:
    """Return whether the hub has refused every request, or answered as if the resource did not exist."""
    return all(answer.status in (*FORBIDDEN, UNKNOWN) for answer in answers)


def at_door(answers: list[Answer]) -> bool:
    """Return whether a server has refused every request, or redirected it to the hub for a login."""
    return all(
        answer.status in FORBIDDEN or (answer.status == 302 and "/hub/" in answer.url) for answer in answers
    )


async def list_users(do: Attempt) -> bool:
    return by_hub(await do.of_hub("GET", "users"))


async def look_up_name(do: Attempt) -> bool:
    return by_hub(await do.of_hub("GET", do.user))


async def see_server(do: Attempt) -> bool:
    return await _leaves_out(do, "servers")


async def read_state(do: Attempt) -> bool:
    return await _leaves_out(do, "servers", "state")


async def _leaves_out(do: Attempt, *keys: str) -> bool:
    """Return whether the hub's answers about a user omit the given part."""
    for answer in await do.of_hub("GET", do.user):
        found = answer.json if answer.good and isinstance(answer.json, dict) else {}
        if keys[0] in found and (len(keys) == 1 or any(keys[1] in each for each in found[keys[0]].values())):
            return False
    return True


async def read_tokens(do: Attempt) -> bool:
    return by_hub(await do.of_hub("GET", f"{do.user}/tokens"))


async def share(do: Attempt) -> bool:
    name = quote(do.owner)
    by_code = await do.of_hub("POST", f"share-codes/{name}/", {"expires_in": 60})
    guest = {"user": do.person.name or do.made_up}
    by_name = await do.of_hub("POST", f"shares/{name}/", guest)
    for answer in by_code:
        if answer.good:  # revoke the link that should not exist
            await do.of_hub("DELETE", f"share-codes/{name}/?id={answer.json['id']}")
    if any(answer.good for answer in by_name):
        await do.of_hub("PATCH", f"shares/{name}/", guest)
    return by_hub(by_code + by_name)


async def open_page(do: Attempt) -> bool:
    page = await do.person.browser.go(f"{server(do.owner)}/lab")
    inside = page.status == 200 and page.path.startswith(f"{do.person.browser.prefix}{server(do.owner)}/")
    return not inside and at_door(await do.of_server("GET", "api/contents"))


async def view(do: Attempt) -> bool:
    # Every collaboration server has this room. Other servers answer 404.
    return await do.sockets_of("api/collaboration/room/JupyterLab:globalAwareness", UNKNOWN)


async def edit(do: Attempt) -> bool:
    path = f"api/contents/{do.made_up}-attempt.txt"
    saved = await do.of_server("PUT", path, {"type": "file", "format": "text", "content": ""})
    if any(answer.good for answer in saved):
        await do.of_server("DELETE", path)
    return at_door(saved)


async def run_code(do: Attempt) -> bool:
    asked = at_door(
        await _made(do, "api/kernels", "id") if do.views else await do.of_server("GET", "api/kernels")
    )
    return asked and await do.sockets_of(f"api/kernels/{uuid.uuid4()}/channels")


async def open_terminal(do: Attempt) -> bool:
    path = "api/terminals"
    asked = at_door(await _made(do, path, "name") if do.views else await do.of_server("GET", path))
    return asked and await do.sockets_of(f"terminals/websocket/{NO_TERMINAL}")


async def _made(do: Attempt, path: str, key: str) -> list[Answer]:
    """Return the answers to requests for a new kernel or terminal, and end what should not have started."""
    answers = await do.of_server("POST", path, {})
    for answer in answers:
        if answer.good and isinstance(answer.json, dict):
            await do.of_server("DELETE", f"{path}/{quote(str(answer.json.get(key)))}")
    return answers


async def create_named(do: Attempt) -> bool:
    return by_hub(await do.of_hub("POST", f"{do.user}/servers/{do.made_up}"))


async def delete_named(do: Attempt) -> bool:
    return by_hub(await do.of_hub("DELETE", f"{do.user}/servers/{do.made_up}"))


async def stop(do: Attempt) -> bool:
    return by_hub(await do.of_hub("DELETE", f"{do.user}/server"))


async def start(do: Attempt) -> bool:
    return by_hub(await do.of_hub("POST", f"{do.user}/server"))


async def shut_down(do: Attempt) -> bool:
    return at_door(await do.of_server("POST", "api/shutdown"))


# Action of the access matrix -> attempt, which returns whether it was refused.
ATTEMPTS: dict[str, Callable[[Attempt], Awaitable[bool]]] = {
    "list users": list_users,
    "look up name": look_up_name,
    "see server": see_server,
    "read state": read_state,
    "read tokens": read_tokens,
    "share": share,
    "open": open_page,
    "view": view,
    "edit": edit,
    "run code": run_code,
    "open terminal": open_terminal,
    "create named": create_named,
    "delete named": delete_named,
    "stop": stop,
    "start": start,
    "shut down": shut_down,
}
