# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless browser: it keeps cookies, follows redirects, fills in forms and opens websockets."""

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
# Headers of a request from the address bar. The hub refuses requests for pages that look like a script's.
NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Accept": "application/json"}


class Unreachable(Exception):
    """An address does not answer, or leads away from the hub."""


@dataclass(frozen=True)
class Answer:
    """A response. url: the address after all redirects. worker_scope: the header `Service-Worker-Allowed`, empty if missing."""

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
        """The text parsed as JSON; None if it is not JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def sentence(self) -> str:
        """The answer's error message on one line, from JSON or HTML, or else its status."""
        said = self.json
        if isinstance(said, dict) and said.get("message"):
            return str(said["message"])
        found = re.search(r'class="[^"]*(?:login_)?error[^"]*"[^>]*>(.*?)<', self.text, re.S)
        found = found or re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.S)
        words = " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""
        return words or f"status {self.status}"


class Form(HTMLParser):
    """The first form of a page with a field of this name, and the form's fields with their initial values.

    found: whether the page has such a form.
    """

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
    """A browser for the hub at `url`, which includes the hub's prefix, without a trailing slash.

    token: for users who can only authenticate with a token. Each request then sends it, and no cookies.
    """

    def __init__(self, url: str, *, trusts_any_certificate: bool = False, token: str = "") -> None:
        self.url = url
        self.token = token
        self.trusts_any_certificate = trusts_any_certificate
        self._cookies: dict[tuple[str, str, str], str] = {}  # (domain, path, name) -> value
        parts = urlsplit(url)
        self.prefix = parts.path
        self._host = parts.netloc
        # Server path -> origin, on a hub that gives each user a domain (`JupyterHub.subdomain_host`).
        self._origins: dict[str, str] = {}

    # Pages

    async def go(self, path: str) -> Answer:
        """Go to an address, follow redirects, and read the page."""
        return await self._follow("GET", self.address(path), None)

    async def press(self, form: Form, **filled: str) -> Answer:
        """Fill in fields of a form, submit it, and follow redirects."""
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

    # The API, called like a script on a page of the hub or of a server

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request to `/hub/api/...` or `/user/...`, and return the answer with any status. Redirects are not followed."""
        url = self.address(path)
        referer = f"{_origin(url)}{self.prefix}/hub/home"
        headers = {**FETCH, "Referer": referer, "X-XSRFToken": self._xsrf(url)}
        if method != "GET":
            headers |= {"Origin": _origin(url), "Content-Type": "application/json"}
        answer, target = await self._send(method, url, None if body is None else json.dumps(body), headers)
        return Answer(302, target, "") if target else answer

    async def socket(self, path: str) -> WebSocketClientConnection:
        """Open a websocket. Raises HTTPClientError with the status if it is refused, and Unreachable without an answer."""
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
        """Remember the origin of a user's server if it has its own domain."""
        path = page.path.removeprefix(self.prefix)
        if path.startswith("/user/") and urlsplit(page.url).netloc != self._host:
            self._origins["/".join(path.split("/")[:3])] = _origin(page.url)

    # Requests and cookies

    async def _send(
        self, method: str, url: str, body: str | None, headers: dict[str, str]
    ) -> tuple[Answer, str]:
        """Return the answer, and the target if it is a redirect; otherwise an empty target."""
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
        # ValueError: not an HTTP address, for example a Unix socket's.
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
        """Return the cookies for an address, longest path first, as browsers send them."""
        parts = urlsplit(url)
        path, host = parts.path, parts.hostname or ""
        there = [
            (place, name, value)
            for (domain, place, name), value in self._cookies.items()
            # A domain with a leading dot comes from the cookie itself, and includes its subdomains.
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
