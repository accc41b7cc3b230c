# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a live hub through its API, with a token that lasts for the moment and may do one thing."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import hub_health
from .hub_process import hub_surroundings
from .hub_socket import connection
from .systemd_unit import Unit

ANSWER_SECONDS = 30


class NoAnswer(Exception):
    """The hub's API cannot be asked."""


@dataclass
class HubApi:
    """The API of the hub that a unit runs, at a URL such as http://127.0.0.1:8081/hub/api, as the owner of a token sees it.

    Nobody else who listens there gets the token.
    """

    url: str
    token: str
    unit: Unit

    def request(
        self, method: str, path: str, body: Any = None, timeout: float = ANSWER_SECONDS
    ) -> tuple[int, Any]:
        """Return the status and what the JSON of the answer says (None where there is none).

        `path` is what follows `/hub/api`, percent-encoded. Raises NoAnswer where no hub answers within `timeout` seconds.
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
def hub_api(unit: Unit, make_token: list[str], hub: dict[str, Any]) -> Iterator[HubApi]:
    """Yield the API of the hub that the unit runs.

    `make_token` is the command that prints a token for it (see `jupyterhub_collab.hub.service_token`); it takes the
    token back when this ends. `hub` has `database` and `api_url`. Raises NoAnswer where there is no token.
    """
    pipe = subprocess.PIPE
    surroundings = hub_surroundings(unit)
    # Leaving the block closes the input of the process, which takes the token back, and waits for its end.
    with subprocess.Popen(make_token, stdin=pipe, stdout=pipe, stderr=pipe, **surroundings) as process:
        if not (process.stdin and process.stdout and process.stderr):
            raise AssertionError("they are pipes")
        with contextlib.suppress(BrokenPipeError):  # it ended at once, and says why below
            process.stdin.write(json.dumps(hub["database"]) + "\n")
            process.stdin.flush()
        token = process.stdout.readline().strip()
        if not token:
            raise NoAnswer(
                f"failed to create a token in its database: {hub_health.last_line(process.stderr.read())}"
            )
        yield HubApi(hub["api_url"], token, unit)
