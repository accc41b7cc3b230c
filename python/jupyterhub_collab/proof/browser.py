# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser without a screen: it keeps cookies, follows redirects, fills in forms and opens websockets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

REDIRECTS = 15
ANSWER_SECONDS = 20.0
# A document as a browser's address line asks for one; the hub refuses what looks like a script's request for it.
NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Accept": "application/json"}


class Unreachable(Exception):
    """There is no answer from an address."""


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the address after all redirects, and the text. worker_scope: how far a service worker may reach."""

    status: int
    url: str
    text: str
    worker_scope: str = ""

    @property
    def good(self) -> bool:
        return self.status < 300

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def json(self) -> Any:
        """What the text says as JSON; None where it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def sentence(self) -> str:
        """The answer's message, in one line."""
        said = self.json
        if isinstance(said, dict) and said.get("message"):
            return str(said["message"])
        found = re.search(r'class="[^"]*(?:login_)?error[^"]*"[^>]*>(.*?)<', self.text, re.S)
        found = found or re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.S)
        words = " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""
        return words or f"status {self.status}"


class Form(HTMLParser):
    """The first form of a page that has a field of a name, with its fields as they are filled in already."""

    def __init__(self, page: Answer, field: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.found = False
        self._field = field
        self._inside = False
        self.feed(page.text)
        self.url = urljoin(page.url, self.action or page.url)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.found:
            self._inside, self.action, self.fields = True, told.get("action", ""), []
        elif tag == "input" and self._inside and told.get("name"):
            self.fields.append((told["name"], told.get("value", "")))
            self.found |= told["name"] == self._field

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


class Browser:
    """One browser in front of a hub at `url` (with its prefix, without a slash at its end).

    token: for users who can only authenticate with a token. Each request then contains it, and there are no cookies.
    """

    def __init__(self, url: str, *, trusts_any_certificate: bool = False, token: str = "") -> None:
        self.url = url
        self.token = token
        self.trusts_any_certificate = trusts_any_certificate
        self._cookies: dict[tuple[str, str, str], str] = {}  # (domain, path, name) -> value
        parts = urlsplit(url)
        self.prefix = parts.path
        self._host = parts.netloc
        # Where servers are, by their path, on a hub that gives each user a domain (`JupyterHub.subdomain_host`).
        self._origins: dict[str, str] = {}

    # Pages

    async def go(self, path: str) -> Answer:
        """Go to an address, follow redirects, and read the page."""
        return await self._follow("GET", self.address(path), None)

    async def press(self, form: Form, **filled: str) -> Answer:
        """Fill in fields of a form, press its button, and follow redirects."""
        fields = [(name, value) for name, value in form.fields if name not in filled]
        return await self._follow("POST", form.url, urlencode([*fields, *filled.items()]))

    async def _follow(self, method: str, url: str, form: str | None) -> Answer:
        headers = {**NAVIGATE, "Origin": _origin(url), "Referer": url}
        for _redirect in range(REDIRECTS):
            answer, target = await self._send(method, url, form, headers)
            if not target:
                self._note_domain(answer)
                return answer
            if not f".{urlsplit(target).netloc}".endswith(f".{self._host}"):
                raise Unreachable(f"{url} redirects away from {self.url}, to {target}")
            method, url, form = "GET", target, None
        raise Unreachable(f"{url} redirects more than {REDIRECTS} times")

    # The API, as a script in a page of the hub or of a server asks for it

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask for something at `/hub/api/...` or `/user/...`; it is not judged."""
        url = self.address(path)
        referer = f"{_origin(url)}{self.prefix}/hub/home"
        headers = {**FETCH, "Referer": referer, "X-XSRFToken": self._xsrf(url)}
        if method != "GET":
            headers |= {"Origin": _origin(url), "Content-Type": "application/json"}
        answer, target = await self._send(method, url, None if body is None else json.dumps(body), headers)
        return Answer(302, target, "") if target else answer

    async def socket(self, path: str) -> WebSocketClientConnection:
        """Open a websocket. Raises HTTPClientError, with the status, where that is refused."""
        url = self.address(path)
        request = HTTPRequest(
            re.sub("^http", "ws", url),
            headers={"Origin": _origin(url), **self._identity(url)},
            follow_redirects=False,
            connect_timeout=ANSWER_SECONDS,
            validate_cert=not self.trusts_any_certificate,
        )
        try:
            return await websocket_connect(request)
        except (OSError, ValueError) as error:
            raise Unreachable(f"{url} does not answer: {str(error) or type(error).__name__}") from error

    def address(self, path: str) -> str:
        if "://" in path:
            return path
        server = "/".join(path.split("?", maxsplit=1)[0].split("/")[:3])  # /user/NAME
        return self._origins.get(server, _origin(self.url)) + self.prefix + path

    def _note_domain(self, page: Answer) -> None:
        """Remember where someone's server is that is on a domain of its own."""
        path = page.path.removeprefix(self.prefix)
        if path.startswith("/user/") and urlsplit(page.url).netloc != self._host:
            self._origins["/".join(path.split("/")[:3])] = _origin(page.url)

    # Below

    async def _send(
        self, method: str, url: str, body: str | None, headers: dict[str, str]
    ) -> tuple[Answer, str]:
        """Return the answer and, where it is a redirect, where to."""
        request = HTTPRequest(
            url,
            method=method,
            headers={**headers, **self._identity(url)},
            body=body if body is not None or method in ("GET", "DELETE") else "",
            follow_redirects=False,
            request_timeout=ANSWER_SECONDS,
            connect_timeout=ANSWER_SECONDS,
            validate_cert=not self.trusts_any_certificate,
            allow_nonstandard_methods=True,
        )
        try:
            response = await AsyncHTTPClient().fetch(request, raise_error=False)
        # The latter is about an address that is none of the web, such as that of a Unix socket.
        except (OSError, ValueError) as error:
            raise Unreachable(f"{url} does not answer: {str(error) or type(error).__name__}") from error
        if isinstance(response.error, HTTPClientError) and response.code == 599:
            raise Unreachable(f"{url} does not answer: {response.error.message}")
        for line in response.headers.get_list("Set-Cookie"):
            self._keep(line, url)
        text = (response.body or b"").decode(errors="replace")
        target = response.headers.get("Location", "") if 300 <= response.code < 400 else ""
        answer = Answer(response.code, url, text, response.headers.get("Service-Worker-Allowed", ""))
        return answer, urljoin(url, target) if target else ""

    def _identity(self, url: str) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"token {self.token}"}
        cookies = self._cookies_for(url)
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies)} if cookies else {}

    def _cookies_for(self, url: str) -> list[tuple[str, str]]:
        """Return the cookies for an address, those of the longest path first, as browsers send them."""
        parts = urlsplit(url)
        path, host = parts.path, parts.hostname or ""
        there = [
            (place, name, value)
            for (domain, place, name), value in self._cookies.items()
            # A domain with a dot before it was named by the cookie, and goes for those below it.
            if path.startswith(place)
            and (host == domain or (f".{host}".endswith(domain) and domain[:1] == "."))
        ]
        return [(name, value) for _place, name, value in sorted(there, key=lambda each: -len(each[0]))]

    def _xsrf(self, url: str) -> str:
        return next((value for name, value in self._cookies_for(url) if name == "_xsrf"), "")

    def _keep(self, line: str, url: str) -> None:
        try:
            morsels = SimpleCookie(line).values()
        except CookieError:
            return
        for cookie in morsels:
            named = str(cookie["domain"]).lstrip(".")
            domain = f".{named}" if named else urlsplit(url).hostname or ""
            key = (domain, cookie["path"] or "/", cookie.key)
            if cookie["max-age"] == "0" or not cookie.value:
                self._cookies.pop(key, None)
            else:
                self._cookies[key] = cookie.coded_value


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
