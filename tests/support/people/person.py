# SPDX-License-Identifier: GPL-3.0-or-later
"""A person with a browser."""

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

START_TIMEOUT = 120  # seconds until a server must have started
STOPPED = 424  # the hub's status for a server that does not run
POLL = 0.5  # seconds between two checks of a server that is starting or stopping

NAVIGATE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
FETCH = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


class Person:
    """A person with their own cookies. `Hub.login` returns one; `Hub.stranger` is not logged in.

    `headers` are additional headers of every request, such as the password for a web server in front of the hub.
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
        """Go to `/hub/...` or `/user/...` (or a full URL), follow redirects, and return the page."""
        return Page.of(self._browser.get(self._address(path), params=query or None, headers=NAVIGATE))

    def press(self, page: Page, button: str | None = None, **fields: str) -> Page:
        """Fill `fields` into a form of the page, press its button, and follow redirects.

        `button` selects the form by its button; by default it is the first form. Raise LookupError if there is no such form.
        """
        return Page.of(self._send(page, button, fields))

    def press_only(self, page: Page, button: str | None = None) -> Page:
        """Press a button without following redirects."""
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
        """Send a GET request with the browser's cookies, as a script does, without following redirects."""
        return self._browser.get(self._address(path), headers=headers, follow_redirects=False)

    def logout(self) -> Page:
        return self.page("/hub/logout")

    # Servers

    def open(self, owner: str, name: str = "") -> Server:
        """Open a user's server through `/hub/spawn/<owner>`, which starts it if it is not running.

        Wait for the start, and press the authorize button if the hub asks. Raise `Refused` if the person has no permission,
        `Failed` if the start fails, or TimeoutError after `START_TIMEOUT` seconds.
        """
        page = self.page("/hub/spawn/" + _server_path(owner, name).rstrip("/"))
        return self._arrive(owner, name, page, start=True)

    def visit(self, owner: str, name: str = "") -> Server:
        """Go to a running server through `/user/<owner>/lab`, without starting it.

        Raise `NotRunning` if it is not running, or `Refused` if the person has no access.
        """
        page = self.page(f"/user/{_server_path(owner, name)}lab")
        return self._arrive(owner, name, page, start=False)

    def _arrive(self, owner: str, name: str, page: Page, *, start: bool) -> Server:
        """Do what the pages on the way ask for, until JupyterLab's page has loaded."""
        home = f"/user/{_server_path(owner, name)}"
        pending = self.hub.path("/hub/spawn-pending/")
        pressed: set[str] = set()
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if page.asks_for_login:
                raise Refused(page.status, page.url, f"the hub asks for a login: {page.sentence}")
            launch = page.link("a#start") if page.status in (200, STOPPED, 503) else None
            if launch or page.status == STOPPED:
                if not start:
                    raise NotRunning(page.status, page.url, page.sentence)
                if launch is None:  # this person may not start it
                    raise Refused(page.status, page.url, page.sentence)
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
                raise Failed(page.status, page.url, f"the button does not lead to a server: {page.sentence}")
            else:  # the hub's authorize page, or a form with options for the start
                pressed.add(page.url)
                page = self.press(page)
        raise TimeoutError(f"after {START_TIMEOUT} s, {self} is still at {page.url}: {page.sentence}")

    def _watch(self, progress_url: str) -> None:
        """Read the progress events until the start has succeeded or failed."""
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
        """Send a request as a script in a hub page does, with cookies and XSRF header. Return any response, also an error."""
        return self.fetch(method, self._address(path), json)

    def fetch(self, method: str, url: str, json: Any = None) -> httpx.Response:
        """Do the same as `api` with a full URL, on the hub or on a server."""
        headers = FETCH | {"X-XSRFToken": self.xsrf(url), "Referer": f"{self.hub.url}/hub/home"}
        if method not in ("GET", "HEAD"):
            headers["Origin"] = self._origin
        return self._browser.request(method, url, json=json, headers=headers)

    def ask(self, method: str, url: str, json: Any = None) -> Any:
        """Call `fetch`, and return the JSON of the answer (None if it is empty). Raise `Refused`, `NotRunning` or `Failed` for errors."""
        answer = self.fetch(method, url, json)
        if answer.status_code == STOPPED:
            raise NotRunning(answer.status_code, url, Page.of(answer).sentence)
        if not answer.is_success:
            raise Failed.or_refused(answer.status_code, url, Page.of(answer).sentence)
        return answer.json() if answer.text else None

    def token(self, scopes: list[str] | None = None, expires_in: int = 3600, note: str = "test") -> str:
        """Request an API token, as the token page does. It has all of the person's scopes, or only `scopes`.

        `expires_in` is in seconds. Use the token with `Hub.api`. Raise `Refused`.
        """
        wish = {"note": note, "expires_in": expires_in} | ({"scopes": scopes} if scopes is not None else {})
        url = self._address(f"/hub/api/users/{quote(self.name)}/tokens")
        return str(self.ask("POST", url, wish)["token"])

    def start(self, owner: str, name: str = "") -> None:
        """Start a server through the API, and wait until it is ready. Raise `Refused`, or `Failed` if it is already running."""
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
        """Stop a server through the API, and wait until it has stopped. A stopped server is not an error. Raise `Refused`."""
        url = self._api_of(owner, name)
        while (answer := self.fetch("DELETE", url)).status_code == 202:
            time.sleep(POLL)
        if not answer.is_success:
            raise Failed.or_refused(answer.status_code, url, Page.of(answer).sentence)

    def door(self, url: str) -> Door:
        """Return what is needed to open the websocket at an http(s) URL as this person, with their current cookies."""
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
        """Return the XSRF token for a URL. The hub and each server have their own; the cookie with the longest path applies."""
        path = urlsplit(url).path
        jar = self._browser.cookies.jar
        tokens = {c.path: c.value or "" for c in jar if c.name == "_xsrf" and path.startswith(c.path)}
        return tokens[max(tokens, key=len)] if tokens else ""


def _server_path(owner: str, name: str) -> str:
    return f"{quote(owner, safe='@')}/" + (f"{quote(name)}/" if name else "")
