# SPDX-License-Identifier: GPL-3.0-or-later
"""A person who uses the hub with a browser and, after logging in, with an API token for programs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tornado.httpclient import HTTPClientError

from ..names import VIEW_SCOPES
from .browser import Browser, Form, Unreachable

POLL_SECONDS = 0.2
TOKEN_SECONDS = 600


class Refused(Exception):
    """The hub or a server has refused a request."""


@dataclass
class Person:
    """A person. name: the hub user, empty for a stranger. disposable: created for `verify`, so nobody else needs their server."""

    name: str
    browser: Browser
    disposable: bool = False
    token: str = ""  # for the programs of this person
    scopes: list[str] = field(default_factory=list)
    view_scopes: list[str] = field(default_factory=list)  # those that open servers at level view only

    # Logging in

    async def log_in(self, password: str) -> None:
        """Log in with the hub's form. Raises Refused."""
        page = await self.browser.go("/hub/login?next=" + quote(f"{self._base}/hub/home"))
        form = Form(page, "password")
        if not form.found:
            raise Refused("its login page has no form for a username and a password")
        page = await self.browser.press(form, username=self.name, password=password)
        if page.status >= 400 or Form(page, "password").found:
            raise Refused(page.sentence)

    async def introduce(self) -> None:
        """Read the user's scopes from the hub, and get a token for programs. Raises Refused."""
        told = await self.browser.ask("GET", "/hub/api/user")
        if not told.good or not isinstance(told.json, dict):
            raise Refused(f"the hub does not know this user: {told.sentence}")
        self.scopes = list(told.json.get("scopes", []))
        self.view_scopes = list(told.json.get(VIEW_SCOPES, []))
        if self.browser.token:
            self.token = self.browser.token
            return
        self.token = await self._new_token()

    async def _new_token(self) -> str:
        body = {"note": "collab.jupyterhub.verify", "expires_in": TOKEN_SECONDS}
        made = await self.browser.ask("POST", f"/hub/api/users/{quote(self.name)}/tokens", body)
        if not made.good:
            raise Refused(f"the hub did not issue a token: {made.sentence}")
        return str(made.json["token"])

    async def renew(self) -> None:
        """Replace the token if the person authenticates with tokens, because servers cache refusals per token. Raises Refused."""
        if not self.browser.token:
            return
        self.browser.token = self.token = await self._new_token()

    @property
    def program(self) -> Browser:
        """A browser that sends only this person's API token, as a program would."""
        return self.with_token(self.token or "0" * 32)

    def with_token(self, token: str) -> Browser:
        """Return a browser that sends only this token."""
        return Browser(
            self.browser.url, token=token, trusts_any_certificate=self.browser.trusts_any_certificate
        )

    # Servers

    async def runs(self, owner: str) -> bool:
        """Return whether a server answers, which everyone may ask."""
        answer = await self.browser.ask("GET", f"{server(owner)}/api")
        if answer.status == 302:  # to the hub, and from there to the user's domain if each user has one
            answer = await self.browser.go(f"{server(owner)}/api")
        return answer.status == 200 and answer.path == f"{self._base}{server(owner)}/api"

    async def start(self, owner: str, seconds: float) -> float:
        """Start a server, and return after how many seconds it answered. Raises Refused, also if it does not answer in time."""
        begun = time.monotonic()
        answer = await self.browser.ask("POST", f"/hub/api/users/{quote(owner)}/server")
        if answer.status not in (201, 202):
            raise Refused(answer.sentence)
        async for late in every(POLL_SECONDS, seconds):
            if await self.runs(owner):
                break
            if late:
                why = await self._why_not(owner)
                raise Refused(
                    why or f"it did not answer within {seconds:g} s (jupyterhub_verify_start_seconds)"
                )
        return time.monotonic() - begun

    async def _why_not(self, owner: str) -> str:
        """Return what the hub tells users whose server has failed to start; empty if it is still starting, or tells nothing."""
        try:
            answer = await self.browser.ask("GET", f"/hub/api/users/{quote(owner)}/server/progress")
        except Unreachable:  # it is still starting, and the answer goes on until it has started
            return ""
        for line in answer.text.splitlines():
            with contextlib.suppress(ValueError):
                event = json.loads(line.removeprefix("data:"))
                if isinstance(event, dict) and event.get("failed"):
                    return str(event.get("message", "")).strip().rstrip(".")
        return ""

    async def open(self, owner: str) -> None:
        """Open JupyterLab on a running server, and confirm the hub's authorization page if it comes up. Raises Refused."""
        page = await self.browser.go(f"{server(owner)}/lab")
        if page.status == 200 and page.path.startswith(f"{self._base}/hub/api/oauth2/authorize"):
            page = await self.browser.press(Form(page, "scopes"))
        if page.status != 200 or not page.path.startswith(f"{self._base}{server(owner)}/"):
            raise Refused(page.sentence if page.status >= 400 else f"it redirected to {page.path}")

    async def knock(self, browser: Browser, path: str) -> int:
        """Open a websocket and close it again. Return the status, which is 101 if it opened."""
        try:
            socket: Any = await browser.socket(path)
        except HTTPClientError as error:
            return int(error.code)
        socket.close()
        return 101

    @property
    def _base(self) -> str:
        """The hub's prefix in paths."""
        return self.browser.prefix


def server(owner: str) -> str:
    """Return the path of a user's default server."""
    return f"/user/{quote(owner, safe='@')}"


async def every(seconds: float, limit: float) -> AsyncIterator[bool]:
    """Yield at this interval, each time with whether the limit has passed. Both are in seconds."""
    deadline = time.monotonic() + limit
    while True:
        yield time.monotonic() > deadline
        await asyncio.sleep(seconds)
