# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub, as everyone sees it."""

import base64
import ssl
from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from .errors import Failed, LoginRefused
from .page import Page
from .person import Person

TIMEOUT = 60  # seconds that one request may take; a hub answers a start only after up to 10
# Seconds for which a connection is kept for the next request. The hub's proxy ends its own after 5: httpx, which keeps them
# as long, would send a request into a connection that is just ending, and not again on a new one, as browsers do.
KEPT = 2


class Hub:
    """A running JupyterHub at `url` (with its base_url prefix, if it has one).

    `tls` is for hubs behind https with a certificate that the system does not know. Proxies from the
    environment are ignored. Closing the hub closes everything that was opened through it.
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
        """Close every document and terminal, and forget every cookie."""
        self.belongings.close()

    @property
    def version(self) -> str:
        """JupyterHub's version."""
        return str(self.api("GET", "/hub/api/").raise_for_status().json()["version"])

    @property
    def is_up(self) -> bool:
        """Whether the hub answers at its address now."""
        try:
            return self.api("GET", "/hub/api/").is_success
        except httpx.TransportError:
            return False

    def login(self, name: str, password: str) -> Person:
        """Log in through the login page. Raises `LoginRefused` with what the page says.

        The person asks for the home page, not for their own server: a bare login would start one.
        """
        person = Person(self, name)
        page = person.page("/hub/login", next=self.path("/hub/home"))
        if not any("password" in form.fields for form in page.forms):
            raise Failed(page.status, page.url, f"there is no login form here: {page.sentence}")
        return _let_in(person, person.press(page, username=name, password=password))

    def api(self, method: str, path: str, *, token: str | None = None, json: Any = None) -> httpx.Response:
        """A request by a program: with an API token or with nothing, and never with cookies."""
        headers = {"Authorization": f"token {token}"} if token else {}
        with self.client() as client:
            return client.request(method, self.url + path, headers=headers, json=json)

    def path(self, path: str) -> str:
        """`/hub/home` as the browser's address line has it: with the hub's prefix."""
        return urlsplit(self.url).path + path

    def client(self) -> httpx.Client:
        """An empty browser."""
        limits = httpx.Limits(keepalive_expiry=KEPT)
        return httpx.Client(verify=self.tls or True, trust_env=False, timeout=TIMEOUT, limits=limits)


class HubBehindLogin(Hub):
    """A hub behind a web server that asks for name and password itself, and tells the hub who someone is."""

    def login(self, name: str, password: str) -> Person:
        """Log in at the web server. Raises `LoginRefused` where it, or the hub behind it, says no."""
        said = base64.b64encode(f"{name}:{password}".encode()).decode()
        person = Person(self, name, {"Authorization": f"Basic {said}"})
        return _let_in(person, person.page("/hub/login", next=self.path("/hub/home")))


def _let_in(person: Person, page: Page) -> Person:
    """Judge the page that a login has led to."""
    if page.status >= 500:
        raise Failed(page.status, page.url, page.sentence)
    if page.status >= 400 or page.asks_for_login:
        raise LoginRefused(page.status, page.url, page.sentence)
    return person
