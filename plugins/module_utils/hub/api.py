# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send requests to a live hub's API, with a short-lived token that has only the scopes needed."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..host.systemd_unit import Unit
from . import health
from .connection import connection
from .loaded import Fork
from .process import at_most

ANSWER_SECONDS = 30
TOKEN_SECONDS = 120  # to create a token, and to revoke it


class NoAnswer(Exception):
    """The hub's API cannot be used."""


@dataclass
class HubApi:
    """The API of the hub that a unit runs, at a URL such as http://127.0.0.1:8081/hub/api, with a token.

    The token is never sent to another process that listens there.
    """

    url: str
    token: str
    unit: Unit

    def request(
        self, method: str, path: str, body: Any = None, timeout: float = ANSWER_SECONDS
    ) -> tuple[int, Any]:
        """Send a request, and return the status and the decoded JSON of the answer (None if the answer is empty).

        path: the percent-encoded path below `/hub/api`. body: data to send as JSON. Raises NoAnswer if no hub answers within `timeout`
        seconds.
        """
        link = connection(self.url, timeout, self.unit)
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        try:
            data = None if body is None else json.dumps(body)
            link.request(method, urlsplit(self.url).path.rstrip("/") + path, data, headers)
            answer = link.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.strip() else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(f"its API at {self.url} does not answer: {error}") from error
        finally:
            link.close()


@contextlib.contextmanager
def hub_api(
    unit: Unit, make_token: Callable[[], Fork | subprocess.Popen[str]], hub: dict[str, Any]
) -> Iterator[HubApi]:
    """Yield the API of the hub that the unit runs. Raises NoAnswer if no token can be created.

    make_token: starts a process that prints a token (see `jupyterhub_collab.hub.service_token`). It revokes the token when the context
    ends. hub: needs the keys `database` and `api_url`.
    """
    late = f"failed to create a token in its database: it did not answer within {TOKEN_SECONDS} s"
    try:
        started = make_token()
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(late) from error
    with started as process:
        if not (process.stdin and process.stdout and process.stderr):
            raise AssertionError("they are pipes")
        with at_most(TOKEN_SECONDS, process.kill):
            with contextlib.suppress(BrokenPipeError):  # it has exited, and its error is raised below
                process.stdin.write(json.dumps(hub["database"]) + "\n")
                process.stdin.flush()
            token = process.stdout.readline().strip()
            said = "" if token else process.stderr.read()
        if not token:
            with contextlib.suppress(BrokenPipeError):  # it has exited before it read anything
                process.stdin.close()
            if process.wait() == -signal.SIGKILL:
                raise NoAnswer(late)
            raise NoAnswer(f"failed to create a token in its database: {health.cause(said)}")
        try:
            yield HubApi(hub["api_url"], token, unit)
        finally:
            # The process now revokes the token and exits. If it is killed first, the next one revokes the token, too.
            process.stdin.close()
            with at_most(TOKEN_SECONDS, process.kill):
                process.wait()
