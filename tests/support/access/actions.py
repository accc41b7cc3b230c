# SPDX-License-Identifier: GPL-3.0-or-later
"""Perform the actions of the access matrix, as a person in a browser and as a program with the person's token.

`ACTIONS` has the ways to perform each action. If the person has permission, every way succeeds; otherwise, every way raises `Refused`.
Nothing else can make them fail: the server is running, and what they need (a document, a kernel, a terminal) exists.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

from people import Failed, Hub, Page, Person, Refused, Server, background
from people.kernel import execute
from people.sockets import Door, dial

DOCUMENT = "access.txt"
UNSEEN_SECONDS = 2.0  # after which what a viewer types would have reached others
MADE_UP = "0" * 32  # an invalid token for people who have none


@dataclass
class Visitor:
    """A person, their API token (if the hub gave them one), and the servers that they have opened."""

    person: Person
    token: str | None = None
    _servers: dict[str, Server] = field(default_factory=dict)

    @property
    def hub(self) -> Hub:
        return self.person.hub

    def of_hub(self, method: str, path: str, json: Any = None) -> Any:
        """Send a request to the hub's API from one of its pages."""
        return self.person.ask(method, f"{self.hub.url}/hub/api/{path}", json)

    def of_server(self, owner: str, method: str, path: str) -> Any:
        """Send a request to a server's API with the token, or without a token, with the browser's cookies, XSRF cookie included."""
        url = f"{self.hub.url}/user/{owner}/{path}"
        if not self.token:
            self.person.page(f"/user/{owner}/nowhere")  # any page of a server sets the XSRF cookie
            return self.person.ask(method, url)
        answer = self.hub.api(method, f"/user/{owner}/{path}", token=self.token)
        if not answer.is_success:
            raise Failed.or_refused(answer.status_code, url, Page.of(answer).sentence)
        return answer.json() if answer.text else None

    def at(self, owner: str) -> Server:
        """Return the server as the person's browser reaches it. A person who was refused continues with the cookies that they have."""
        if owner not in self._servers:
            try:
                self._servers[owner] = self.person.visit(owner)
            except Refused as no:
                page = Page(no.status, no.url, no.sentence)
                return Server(self.person, owner, "", f"{self.hub.url}/user/{owner}/", page)
        return self._servers[owner]

    def knock(self, owner: str, path: str) -> None:
        """Open and close a websocket with the token instead of cookies."""
        door = self.at(owner).door(path)
        token = {"Authorization": f"token {self.token or MADE_UP}"}
        _knock(Door(door.url, {"Origin": door.headers["Origin"], **token}))

    def leave(self) -> None:
        """Forget the servers, so that the next visit opens them again."""
        self._servers.clear()


class Furniture:
    """What actions on a server work with, created by a person who has access."""

    def __init__(self, insider: Visitor, owner: str) -> None:
        self.server = insider.at(owner)
        self.server.write_file(DOCUMENT)
        self.document = self.server.document(DOCUMENT)
        self.terminal = str(self.server.ask("POST", "api/terminals")["name"])
        self.kernel = str(self.server.start_kernel()["id"])

    @property
    def terminal_path(self) -> str:
        return f"terminals/websocket/{self.terminal}"

    @property
    def kernel_path(self) -> str:
        return f"api/kernels/{self.kernel}/channels"

    @cached_property
    def room_path(self) -> str:
        """The path of the document's room, with the insider's session."""
        url = self.server.seat(DOCUMENT).door.url
        return url.partition(f"/user/{self.server.owner}/")[2]


@dataclass(frozen=True)
class Try:
    """One attempt: by whom, on whose server, and with what."""

    visitor: Visitor
    owner: str
    furniture: Furniture | None
    named: str = ""  # the name of the named server, if the action needs one
    really: bool = True  # whether to really shut the server down

    @property
    def there(self) -> Furniture:
        assert self.furniture, f"nothing was put on {self.owner}'s server"
        return self.furniture

    @property
    def name(self) -> str:
        return self.visitor.person.name or "stranger"


def list_users(do: Try) -> None:
    assert {"alice", "bob"} <= {user["name"] for user in do.visitor.of_hub("GET", "users")}


def look_up_name(do: Try) -> None:
    assert do.visitor.of_hub("GET", f"users/{do.owner}")["name"] == do.owner


def see_server(do: Try) -> None:
    assert _part(do, "servers")[""]["ready"] is True


def read_state(do: Try) -> None:
    server = _part(do, "servers")[""]
    if "state" not in server:
        raise Refused(200, f"users/{do.owner}", "the hub's answer omits the state")
    assert server["state"]


def _part(do: Try, key: str) -> Any:
    """Return a part of a user's model. The hub leaves out what the person must not read."""
    user = do.visitor.of_hub("GET", f"users/{do.owner}")
    if key not in user:
        raise Refused(200, f"users/{do.owner}", f"the hub's answer omits {key}")
    return user[key]


def read_tokens(do: Try) -> None:
    assert do.visitor.of_hub("GET", f"users/{do.owner}/tokens")["api_tokens"]


def share_by_code(do: Try) -> None:
    code = do.visitor.of_hub("POST", f"share-codes/{do.owner}/", {"expires_in": 60})
    do.visitor.of_hub("DELETE", f"share-codes/{do.owner}/?id={code['id']}")


def share_by_name(do: Try) -> None:
    """Share with the administrator, who does not need the share."""
    do.visitor.of_hub("POST", f"shares/{do.owner}/", {"user": "carol"})
    do.visitor.of_hub("PATCH", f"shares/{do.owner}/", {"user": "carol"})


def go_to_page(do: Try) -> None:
    do.visitor.leave()
    assert do.visitor.person.visit(do.owner).me()["identity"]["username"] == do.name


def use_api(do: Try) -> None:
    names = [entry["name"] for entry in do.visitor.of_server(do.owner, "GET", "api/contents")["content"]]
    assert DOCUMENT in names


def view(do: Try) -> None:
    """Open the websocket alone, which requires no XSRF cookie; then see what another person types, as the editor does."""
    _knock(do.visitor.at(do.owner).door(do.there.room_path))
    with do.visitor.at(do.owner).document(DOCUMENT) as document:
        do.there.document.append(f"for {do.name}\n")
        document.wait_until(lambda shown: f"for {do.name}\n" in shown.text)


def enter_room_with_token(do: Try) -> None:
    do.visitor.knock(do.owner, do.there.room_path)


def edit(do: Try) -> None:
    """Open the websocket alone first: people without access have no XSRF cookie, and would be refused for that."""
    _knock(do.visitor.at(do.owner).door(do.there.room_path))
    mark = f"by {do.name} {uuid4()}\n"
    with do.visitor.at(do.owner).document(DOCUMENT) as document:
        document.append(mark)
        try:
            do.there.document.wait_until(lambda shown: mark in shown.text, *_patience(do))
        except TimeoutError:
            if _patience(do):
                raise Refused(200, do.there.room_path, "nobody sees what this person types") from None
            raise


def _patience(do: Try) -> tuple[float, ...]:
    """Return for how many seconds to wait for what a viewer types. Those who can edit may wait as long as the machine is busy."""
    told = do.visitor.at(do.owner).ask("GET", "api/collaboration-presence")
    return (UNSEEN_SECONDS,) if told["level"] == "view" else ()


def save_file(do: Try) -> None:
    _knock(do.visitor.at(do.owner).door(do.there.room_path))
    do.visitor.at(do.owner).write_file(f"by-{do.name}.txt", "saved")


def run_code(do: Try) -> None:
    door = do.visitor.at(do.owner).door(do.there.kernel_path)

    async def printed() -> str:
        messages = [message async for message in execute(door, "print(6 * 7)")]
        return "".join(str(message["content"].get("text", "")) for message in messages)

    assert background.run(printed()) == "42\n"


def reach_kernel_with_token(do: Try) -> None:
    do.visitor.knock(do.owner, do.there.kernel_path)


def type_commands(do: Try) -> None:
    with do.visitor.at(do.owner).open_terminal(do.there.terminal) as terminal:
        terminal.type(f"echo $((6 * 7)) of {do.name}")
        terminal.wait_for(f"42 of {do.name}")


def reach_terminal_with_token(do: Try) -> None:
    do.visitor.knock(do.owner, do.there.terminal_path)


def create_named(do: Try) -> None:
    do.visitor.of_hub("POST", f"users/{do.owner}/servers/{do.named}")


def delete_named(do: Try) -> None:
    do.visitor.of_hub("DELETE", f"users/{do.owner}/servers/{do.named}", {"remove": True})


def stop(do: Try) -> None:
    do.visitor.person.stop(do.owner)


def start(do: Try) -> None:
    try:
        do.visitor.person.start(do.owner)
    except Failed as no:
        if "already running" not in no.sentence:
            raise


def start_by_page(do: Try) -> None:
    do.visitor.leave()
    do.visitor.person.open(do.owner)


def shut_down(do: Try) -> None:
    """Shut the server down, or if not `really`, only ask the server for the permission, because others still need the server."""
    if do.really:
        do.visitor.of_server(do.owner, "POST", "api/shutdown")
    else:
        wish = 'api/me?permissions={"server":["write"]}'
        assert do.visitor.of_server(do.owner, "GET", wish)["permissions"]["server"] == ["write"]


def _knock(door: Door) -> None:
    async def open_and_close() -> None:
        socket = await dial(door)
        await socket.close()

    background.run(open_and_close())


ACTIONS: dict[str, tuple[Callable[[Try], None], ...]] = {
    "list users": (list_users,),
    "look up name": (look_up_name,),
    "see server": (see_server,),
    "read state": (read_state,),
    "read tokens": (read_tokens,),
    "share": (share_by_code, share_by_name),
    "open": (go_to_page, use_api),
    "view": (view, enter_room_with_token),
    "edit": (edit, save_file),
    "run code": (run_code, reach_kernel_with_token),
    "open terminal": (type_commands, reach_terminal_with_token),
    "create named": (create_named,),
    "delete named": (delete_named,),
    "stop": (stop,),
    "start": (start, start_by_page),
    "shut down": (shut_down,),
}
