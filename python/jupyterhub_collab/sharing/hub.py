# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's API, called with the token of the user who looks at the page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.web import HTTPError

PAGE = 200  # entries in one answer; the most that a hub gives by default
SECONDS = 30  # a hub answers the wish to start or stop a server only after up to 10


class HubAway(HTTPError):
    """The hub does not answer, and so neither can the page."""

    def __init__(self, reason: str) -> None:
        super().__init__(503, reason)


@dataclass
class Refused(Exception):
    """The hub has said no: its status, its sentence for the log, and one for the user where none fits the status."""

    status: int
    sentence: str
    advice: str = ""


@dataclass
class Hub:
    """The API at `url`, as the owner of a token."""

    url: str
    token: str

    async def ask(self, method: str, path: str, wish: Any = None, **query: str) -> Any:
        """Return the JSON of an answer, None where it has none. Raises Refused and HubAway."""
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
            if error.code == 599 or error.response is None:  # tornado's number for no answer
                raise HubAway(str(error)) from error
            raise Refused(error.code, _sentence(error.response.body, error.message)) from error
        except OSError as error:
            raise HubAway(str(error)) from error
        return json.loads(answer.body) if answer.body else None

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Return all entries of a list that the hub hands out in pages."""
        found: list[dict[str, Any]] = []
        following: dict[str, Any] | None = {"offset": 0, "limit": PAGE}
        while following:
            page = {name: str(following[name]) for name in ("offset", "limit")}
            answer = await self.ask("GET", path, **page)
            found += answer["items"]
            following = answer["_pagination"]["next"]
        return found


def server_path(owner: str, server: str) -> str:
    """Return the part of an address that names a server; the default server has no name."""
    return f"{quote(owner, safe='')}/{quote(server, safe='')}"


def _sentence(body: bytes, otherwise: str | None) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return otherwise or ""
