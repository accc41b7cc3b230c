# SPDX-License-Identifier: GPL-3.0-or-later
"""Call the hub's API with the token of the page's user."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.web import HTTPError

PAGE = 200  # entries in one answer; the hub's default maximum
SECONDS = 30  # timeout; the hub takes up to 10 s to answer a request that starts or stops a server


class HubAway(HTTPError):
    """The hub does not answer, so the page answers 503."""

    def __init__(self, reason: str) -> None:
        super().__init__(503, reason)


@dataclass
class Refused(Exception):
    """The hub has refused a request.

    sentence: for the log. advice: a sentence for the user, if the one for this status (`handlers.SENTENCES`) does not fit.
    """

    status: int
    sentence: str
    advice: str = ""


@dataclass
class Hub:
    """The API at `url`, called with a token."""

    url: str
    token: str

    async def ask(self, method: str, path: str, wish: Any = None, **query: str) -> Any:
        """Send a request. Return the answer's JSON, None if it is empty. wish: sent as JSON. Raises Refused or HubAway."""
        address = f"{self.url}/{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {
            "Authorization": f"token {self.token}",
            "Accept": "application/jupyterhub-pagination+json",
            "Content-Type": "application/json",
        }
        try:
            answer = await AsyncHTTPClient().fetch(
                address,
                method=method,
                headers=headers,
                body=None if wish is None else json.dumps(wish),
                allow_nonstandard_methods=True,
                request_timeout=SECONDS,
            )
        except HTTPClientError as error:
            if error.code == 599 or error.response is None:  # tornado's status for no answer
                raise HubAway(str(error)) from error
            raise Refused(error.code, _sentence(error.response.body, error.message)) from error
        except OSError as error:
            raise HubAway(str(error)) from error
        return json.loads(answer.body) if answer.body else None

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Return all entries of a paginated list."""
        found: list[dict[str, Any]] = []
        following: dict[str, Any] | None = {"offset": 0, "limit": PAGE}
        while following:
            page = {name: str(following[name]) for name in ("offset", "limit")}
            answer = await self.ask("GET", path, **page)
            found += answer["items"]
            following = answer["_pagination"]["next"]
        return found


def server_path(owner: str, server: str) -> str:
    """Return the part of an API path that names a server. The default server's name is empty."""
    return f"{quote(owner, safe='')}/{quote(server, safe='')}"


def _sentence(body: bytes, otherwise: str | None) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return otherwise or ""
