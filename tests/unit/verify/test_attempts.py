# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify takes for a refusal of the hub, against a real web server."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from jupyterhub_collab.verify.attempts import Attempt, by_hub
from jupyterhub_collab.verify.browser import Browser


class Proxy(RequestHandler):
    """Answers as the hub does, after as many errors of a proxy as the path says."""

    seen: dict[str, int]

    def initialize(self, seen: dict[str, int]) -> None:
        self.seen = seen

    def post(self, errors: str, status: str) -> None:
        key = str(self.request.headers.get("Authorization"))
        self.seen[key] = self.seen.get(key, 0) + 1
        self.set_status(503 if self.seen[key] <= int(errors) else int(status))


@pytest.mark.parametrize(
    ("errors", "status", "is_refused"),
    [(0, 403, True), (2, 403, True), (2, 404, True), (2, 201, False), (0, 500, False), (99, 403, False)],
)
def test_an_error_of_the_proxy_is_no_answer_of_the_hub(errors: int, status: int, is_refused: bool) -> None:
    async def run() -> bool:
        socket, port = bind_unused_port()
        server = HTTPServer(Application([(r"/hub/api/(\d+)/(\d+)", Proxy, {"seen": {}})]))
        server.add_socket(socket)
        try:
            url = f"http://127.0.0.1:{port}"
            person: Any = SimpleNamespace(browser=Browser(url), program=Browser(url, token="of-program"))
            attempt = Attempt(person, "alice", "made-up")
            return by_hub(await attempt.of_hub("POST", f"{errors}/{status}", {"user": "bob"}))
        finally:
            server.stop()

    assert asyncio.run(run()) is is_refused
