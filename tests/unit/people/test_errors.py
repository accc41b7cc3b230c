# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' users do not mistake an error, or a stopped server, for a refusal."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from people import Failed, Hub, LoginRefused, NotGiven, NotRunning, Person, Refused

PAGES = {424: '<a id="start" href="/hub/spawn/ann">Start</a>'}
LOGIN = '<form method="post"><input name="username"><input name="password"><button>Sign in</button></form>'


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that the path names, and with a login page at the login's address."""

    def do_GET(self) -> None:
        status = next((int(part) for part in self.path.split("/") if part.isdigit()), 200)
        self._answer(200 if "/hub/login" in self.path else status)

    def do_POST(self) -> None:
        self._answer(int(self.headers.get("X-Status", 0)) or 400)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write((LOGIN if "/hub/login" in self.path else PAGES.get(status, "")).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        with Hub(f"http://127.0.0.1:{server.server_port}") as hub:
            yield hub
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, Refused), (404, Refused), (424, NotRunning), (400, Failed), (500, Failed), (503, Failed)],
)
def test_answers(hub: Hub, status: int, error: type[NotGiven]) -> None:
    ways: list[Callable[[], object]] = [lambda: hub.stranger.visit(str(status))]
    ways.append(lambda: hub.stranger.ask("GET", f"{hub.url}/{status}"))
    for way in ways:
        with pytest.raises(NotGiven) as caught:
            way()
        assert type(caught.value) is error


@pytest.mark.parametrize(("status", "error"), [(403, LoginRefused), (500, Failed)])
def test_logins(hub: Hub, status: int, error: type[NotGiven], monkeypatch: pytest.MonkeyPatch) -> None:
    send = Person._send

    def with_status(person: Person, *arguments: object, **options: object) -> object:
        person._browser.headers["X-Status"] = str(status)
        return send(person, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Person, "_send", with_status)
    with pytest.raises(NotGiven) as caught:
        hub.login("ann", "a-password")
    assert type(caught.value) is error
