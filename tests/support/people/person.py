# SPDX-License-Identifier: GPL-3.0-or-later
"""Someone in front of a browser."""

import json as jsonlib
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx

from .errors import Failed, NotRunning, Refused
from .page import Page
from .server import Server
from .sockets import Door

if TYPE_CHECKING:
    from .hub import Hub

START_TIMEOUT = 120  # seconds until a server must be there
POLL = 0.5  # seconds between two looks at something that is stopping

NAVIGATE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
FETCH = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


class Person:
    """A person with their own cookies. `Hub.login` returns one; `Hub.stranger` is one who never logged in.

    `headers` is what the browser sends with every request besides, such as the password for a web server in front.
    """

    def __init__(self, hub: "Hub", name: str, headers: dict[str, str] | None = None) -> None:
        self.hub = hub
        self.name = name
        self.headers = headers or {}
        self._browser = hub.belongings.enter_context(hub.client())
        self._browser.follow_redirects = True
        self._browser.headers.update(self.headers)
        parts = urlsplit(hub.url)
        self._origin = f"{parts.scheme}://{parts.netloc}"

    def __repr__(self) -> str:
        return self.name or "a stranger"

    # Pages

    def page(self, path: str, **query: str) -> Page:
        """Go to `/hub/...` or `/user/...` (or a full address), follow redirects, and read the page."""
        return Page.of(self._browser.get(self._address(path), params=query or None, headers=NAVIGATE))

    def press(self, page: Page, button: str | None = None, **fields: str) -> Page:
        """Fill `fields` into a form of the page, press its button, and follow redirects.

        Without `button` it is the first form of the page. Raises LookupError if there is no such form.
        """
        return Page.of(self._send(page, button, fields))

    def press_only(self, page: Page, button: str | None = None) -> Page:
        """Press a button and go nowhere that the answer sends one to."""
        return Page.of(self._send(page, button, {}, follow_redirects=False))

    def _send(
        self, page: Page, button: str | None, fields: dict[str, str], *, follow_redirects: bool = True
    ) -> httpx.Response:
        form = page.form(button)
        filled = {**form.fields, **{name: [value] for name, value in fields.items()}}
        headers = NAVIGATE | {"Origin": self._origin, "Referer": page.url}
        get = form.method == "GET"
        return self._browser.request(
            form.method,
            form.url,
            params=filled if get else None,
            data=None if get else filled,
            headers=headers,
            follow_redirects=follow_redirects,
        )

    def look(self, path: str, headers: dict[str, str]) -> httpx.Response:
        """Ask for something with the cookies of the browser as a script does, and follow no redirect."""
        return self._browser.get(self._address(path), headers=headers, follow_redirects=False)

    def logout(self) -> Page:
        return self.page("/hub/logout")

    # Servers

    def open(self, owner: str, name: str = "") -> Server:
        """Open someone's server, as the address `/hub/spawn/<owner>` does: start it if it is not running.

        Waits for the start, and presses the authorize button where the hub asks. Raises `Refused` if the
        person may not, `Failed` if the start fails, and TimeoutError after `START_TIMEOUT` seconds.
        """
        page = self.page("/hub/spawn/" + _server_path(owner, name).rstrip("/"))
        return self._arrive(owner, name, page, start=True)

    def visit(self, owner: str, name: str = "") -> Server:
        """Go to a server that runs, as the address `/user/<owner>/lab` does, and never start it.

        Raises `NotRunning` if it does not run, `Refused` if the person may not come in.
        """
        page = self.page(f"/user/{_server_path(owner, name)}lab")
        return self._arrive(owner, name, page, start=False)

    def _arrive(self, owner: str, name: str, page: Page, *, start: bool) -> Server:
        """Do what the pages on the way ask for, until JupyterLab's page is there."""
        home = f"/user/{_server_path(owner, name)}"
        pending = self.hub.path("/hub/spawn-pending/")
        pressed: set[str] = set()
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if page.asks_for_login:
                raise Refused(page.status, page.url, f"the hub asks for a login: {page.sentence}")
            if page.status in (200, 424, 503) and (launch := page.link("a#start")):
                if not start:
                    raise NotRunning(page.status, page.url, page.sentence)
                page = self.page(launch)
            elif page.status >= 400:
                raise Failed.or_refused(page.status, page.url, page.sentence)
            elif page.path.startswith(self.hub.path(home)):
                return Server(self, owner, name, self.hub.url + home, page)
            elif page.progress_url:
                self._watch(page.progress_url)
                page = self.page(page.url)
            elif page.path.startswith(pending):  # it is stopping; the page reloads itself
                time.sleep(POLL)
                page = self.page(page.url)
            elif page.url in pressed:
                raise Failed(page.status, page.url, f"the button leads nowhere: {page.sentence}")
            else:  # the hub's authorize page, or a form with options for the start
                pressed.add(page.url)
                page = self.press(page)
        raise TimeoutError(f"after {START_TIMEOUT} s {self} is still at {page.url}: {page.sentence}")

    def _watch(self, progress_url: str) -> None:
        """Watch the progress bar until it says that the start is over, well or not."""
        headers = FETCH | {"Accept": "text/event-stream"}
        with self._browser.stream("GET", progress_url, headers=headers) as events:
            for line in events.iter_lines():
                if line.startswith("data:"):
                    event = jsonlib.loads(line.removeprefix("data:"))
                    if event.get("ready") or event.get("failed"):
                        return
        time.sleep(POLL)

    # REST, with the cookies of the browser

    def api(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """A request by a script in one of the hub's pages: with cookies and XSRF header. It is not judged."""
        return self.fetch(method, self._address(path), json)

    def fetch(self, method: str, url: str, json: Any = None) -> httpx.Response:
        """`api` for a full address, on the hub or on a server."""
        headers = FETCH | {"X-XSRFToken": self.xsrf(url), "Referer": f"{self.hub.url}/hub/home"}
        if method not in ("GET", "HEAD"):
            headers["Origin"] = self._origin
        return self._browser.request(method, url, json=json, headers=headers)

    def ask(self, method: str, url: str, json: Any = None) -> Any:
        """`fetch`, judged: returns the JSON of the answer (None if it has none), or raises `Refused` or `Failed`."""
        answer = self.fetch(method, url, json)
        if answer.status_code == 424:
            raise NotRunning(answer.status_code, url, Page.of(answer).sentence)
        if not answer.is_success:
            raise Failed.or_refused(answer.status_code, url, Page.of(answer).sentence)
        return answer.json() if answer.text else None

    def token(self, scopes: list[str] | None = None, expires_in: int = 3600, note: str = "test") -> str:
        """Make an API token, as the token page does. It can what the person can, or only `scopes`.

        `expires_in` is in seconds. Use it with `Hub.api`. Raises `Refused`.
        """
        wish = {"note": note, "expires_in": expires_in} | ({"scopes": scopes} if scopes is not None else {})
        url = self._address(f"/hub/api/users/{quote(self.name)}/tokens")
        return str(self.ask("POST", url, wish)["token"])

    def start(self, owner: str, name: str = "") -> None:
        """Start a server through the API and wait until it is ready. Raises `Refused`, and `Failed` if it runs."""
        url = self._api_of(owner, name)
        answer = self.fetch("POST", url)
        while answer.status_code == 202:  # accepted, and still starting
            time.sleep(POLL)
            answer = self.fetch("POST", url)
            if answer.status_code == 400 and "already running" in answer.text:
                return
        if not answer.is_success:
            raise Failed.or_refused(answer.status_code, url, Page.of(answer).sentence)

    def stop(self, owner: str, name: str = "") -> None:
        """Stop a server through the API and wait until it is gone, if it is not gone. Raises `Refused`."""
        url = self._api_of(owner, name)
        while (answer := self.fetch("DELETE", url)).status_code == 202:
            time.sleep(POLL)
        if not answer.is_success:
            raise Failed.or_refused(answer.status_code, url, Page.of(answer).sentence)

    def door(self, url: str) -> Door:
        """What it takes to open the websocket at an http(s) address as this person, at this moment."""
        request = self._browser.build_request("GET", url, headers={"Origin": self._origin})
        sent = ("Origin", "Cookie", "Authorization")
        headers = {key: request.headers[key] for key in sent if key in request.headers}
        return Door(re.sub("^http", "ws", url), headers, self.hub.tls)

    def _address(self, path: str) -> str:
        return path if "://" in path else self.hub.url + path

    def _api_of(self, owner: str, name: str) -> str:
        server = f"servers/{quote(name)}" if name else "server"
        return self._address(f"/hub/api/users/{quote(owner)}/{server}")

    def xsrf(self, url: str) -> str:
        """The XSRF token for an address: hub and servers have one each; the longest path is the nearest."""
        path = urlsplit(url).path
        jar = self._browser.cookies.jar
        tokens = {c.path: c.value or "" for c in jar if c.name == "_xsrf" and path.startswith(c.path)}
        return tokens[max(tokens, key=len)] if tokens else ""


def _server_path(owner: str, name: str) -> str:
    return f"{quote(owner, safe='@')}/" + (f"{quote(name)}/" if name else "")
