# SPDX-License-Identifier: GPL-3.0-or-later
"""An attacked hub with a shared account, whose server everyone can start, and a front that browsers can open, for tests of the hub's pages."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from attacked_hub import Attacked
from ports import free_port

SHARED = """
from jupyterhub_collab.hub import apply

apply(c, accounts=["shared"], everyone=["access:servers!server=shared/", "servers!server=shared/"])
"""
# A viewer of alice's server, a port for each server, and a file that holds starts while it exists.
MORE = """
import asyncio
from pathlib import Path

from jupyterhub_collab.hub.projects import open_servers

levels = {{"view": ["access:servers!server={{server}}"], "edit": ["access:servers!server={{server}}"]}}
levels["manage"] = [*levels["edit"], "servers!server={{server}}"]
open_servers(
    c, levels=levels, projects=[], access=[{{"owner": "alice", "server": "", "level": "view", "users": ["vera"], "groups": []}}]
)


def listen(spawner):
    spawner.port = {{"alice": {alice}, "shared": {shared}}}.get(spawner.user.name, 0)


theirs = c.Spawner.pre_spawn_hook


async def pre_spawn_hook(spawner):
    while Path("{held}").exists():
        await asyncio.sleep(0.05)
    listen(spawner)
    await theirs(spawner)


c.Spawner.pre_spawn_hook = pre_spawn_hook
"""
SHARING = "from jupyterhub_collab.hub.sharing import share_servers"


class Paged(Attacked):
    """more: lines of the administrator's configuration, before the collection's. settings: as for `Attacked`."""

    def __init__(self, directory: Path, *, more: str = "", **settings: object) -> None:
        super().__init__(directory, **settings)  # type: ignore[arg-type]
        self.shared_port, self.front_port = free_port(), free_port()
        path = directory / "jupyterhub_config.py"
        before, _, after = path.read_text().partition(SHARING)
        self._held = directory / "held"
        ports = {"alice": self._port, "shared": self.shared_port}
        # The fragment of the shared account comes before that of sharing.
        path.write_text(
            f"{before}{more}\n{SHARED}\n{SHARING}{after}\n{MORE.format(**ports, held=self._held)}"
        )

    @contextmanager
    def holding_starts(self) -> Iterator[None]:
        """Start no server within this context, so that the page of a start stays."""
        self._held.touch()
        try:
            yield
        finally:
            self._held.unlink()

    @property
    def front(self) -> str:
        """The address of the hub for browsers, while `open_front` runs."""
        return f"http://127.0.0.1:{self.front_port}"

    @contextmanager
    def open_front(self) -> Iterator[None]:
        """Pass requests of browsers to hub, servers and sharing page by their paths, as the hub's proxy does. Websockets are refused."""
        ports = {
            "/user/alice/": self._port,
            "/user/shared/": self.shared_port,
            "/services/sharing/": self.page,
            "": self._hub_port,
        }

        class Front(_Passing):
            def port(self) -> int:
                # A server that is not running has no route.
                found = next(port for start, port in ports.items() if self.path.startswith(start))
                return found if _listens(found) else ports[""]

        with ThreadingHTTPServer(("127.0.0.1", self.front_port), Front) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            yield
            server.shutdown()


class _Passing(BaseHTTPRequestHandler):
    def port(self) -> int:
        raise NotImplementedError

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", self.port())
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # the browser has left the page
            while part := answer.read1(65536):
                self.wfile.write(part)
        connection.close()

    do_GET = do_HEAD = do_POST = do_DELETE = do_PATCH = do_PUT = pass_on

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def _listens(port: int) -> bool:
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=2).connect()
    except OSError:
        return False
    return True
