# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub, as everyone sees it."""

import base64
import ssl
from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from plain_http import CERTIFICATES

from .errors import Failed, LoginRefused
from .page import Page
from .person import Person

TIMEOUT = 60  # seconds per request; a hub takes up to 10 to answer a request to start a server
# Seconds to keep a connection for the next request. The hub's proxy closes idle connections after 5 s, and httpx keeps them as long
# by default. A request on a connection that is just being closed would fail, because httpx does not retry as browsers do.
KEPT = 2


class Hub:
    """A running JupyterHub at `url` (with its base_url prefix, if it has one).

    `tls` is for HTTPS with a certificate that the system does not trust. Proxies from the environment are ignored.
    Closing the hub closes everything that was opened through it.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self.url = url.rstrip("/")
        self.tls = tls
        self.belongings = ExitStack()
        self.stranger = Person(self, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all documents and terminals, and drop all cookies."""
        self.belongings.close()

    @property
    def version(self) -> str:
        """JupyterHub's version."""
        return str(self.api("GET", "/hub/api/").raise_for_status().json()["version"])

    @property
    def is_up(self) -> bool:
        """Whether the hub answers at its URL now."""
        try:
            return self.api("GET", "/hub/api/").is_success
        except httpx.TransportError:
            return False

    def login(self, name: str, password: str) -> Person:
        """Log in through the login page. Raise `LoginRefused` with the page's message.

        The login leads to the home page: without a target, it would start the person's server.
        """
        person = Person(self, name)
        page = person.page("/hub/login", next=self.path("/hub/home"))
        if not any("password" in form.fields for form in page.forms):
            raise Failed(page.status, page.url, f"the page has no login form: {page.sentence}")
        return _let_in(person, person.press(page, username=name, password=password))

    def api(self, method: str, path: str, *, token: str | None = None, json: Any = None) -> httpx.Response:
        """Send a request as a program does: with an API token or without credentials, and never with cookies."""
        headers = {"Authorization": f"token {token}"} if token else {}
        with self.client() as client:
            return client.request(method, self.url + path, headers=headers, json=json)

    def path(self, path: str) -> str:
        """Return a path, such as `/hub/home`, with the hub's prefix, as in the browser's address bar."""
        return urlsplit(self.url).path + path

    def client(self) -> httpx.Client:
        """Return a new browser without cookies."""
        limits = httpx.Limits(keepalive_expiry=KEPT)
        return httpx.Client(verify=self.tls or CERTIFICATES, trust_env=False, timeout=TIMEOUT, limits=limits)


class HubBehindLogin(Hub):
    """A hub behind a web server that authenticates users and passes their names to the hub."""

    def login(self, name: str, password: str) -> Person:
        """Log in at the web server. Raise `LoginRefused` if the web server or the hub refuses."""
        said = base64.b64encode(f"{name}:{password}".encode()).decode()
        person = Person(self, name, {"Authorization": f"Basic {said}"})
        return _let_in(person, person.page("/hub/login", next=self.path("/hub/home")))


def _let_in(person: Person, page: Page) -> Person:
    """Return the person if the page after the login is not an error or a login page."""
    if page.status >= 500:
        raise Failed(page.status, page.url, page.sentence)
    if page.status >= 400 or page.asks_for_login:
        raise LoginRefused(page.status, page.url, page.sentence)
    return person
