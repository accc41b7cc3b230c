# SPDX-License-Identifier: GPL-3.0-or-later
"""One process that does, to the hub, what many single-user servers would do.

    python simulated_servers.py ADDRESS:PORT HUB_API_URL VISITORS_TOKEN [SECONDS_BETWEEN_REPORTS]

It needs nothing but Tornado, so it can run in a hub's environment. `SPAWNER` is the configuration of a hub whose servers it is. Each server
that starts reports its owner's activity, keeps a stream of changes open, and asks about the visitor whose token is given: when it has
opened the stream, and again when the hub says that something has changed.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPResponse
from tornado.web import Application, RequestHandler

# The same names as in jupyterhub_collab.names, which this process need not have.
CHANGES, STREAM, VISITED = (
    "collaboration/changes",
    "X-JupyterHub-Collab-Stream",
    "X-JupyterHub-Collab-Server",
)
ENFORCES_LEVELS, GUARDED = "X-JupyterHub-Collab-Levels", "X-JupyterHub-Collab-Guarded"
RETRY_SECONDS = 5.0
SPAWNER = """
import json

import jupyterhub
from jupyterhub.spawner import Spawner
from tornado.httpclient import AsyncHTTPClient


class Simulated(Spawner):
    # A server that the process of simulated_servers.py answers for.
    async def start(self):
        server = {{"name": self.user.name, "client": self.oauth_client_id, "token": self.api_token, "version": jupyterhub.__version__}}
        await AsyncHTTPClient().fetch("http://127.0.0.1:{port}/simulate", method="POST", body=json.dumps(server))
        return "127.0.0.1", {port}

    async def poll(self):
        return None if self.server else 0

    async def stop(self, now=False):
        pass


c.JupyterHub.spawner_class = Simulated
c.JupyterHub.active_server_limit = 0
c.JupyterHub.concurrent_spawn_limit = 0
"""

Row = dict[str, Any]


class Servers:
    """What the servers know and have done. told: when the hub last said to each that something has changed, by the clock of the system."""

    def __init__(self, hub: str, visitor: str, seconds: float) -> None:
        self.hub, self.visitor, self.seconds = hub, visitor, seconds
        self.version = ""
        self.started = 0
        self.listening: set[str] = set()
        self.told: dict[str, float] = {}
        self.failed: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, server: Row) -> None:
        self.version = server["version"]
        self.started += 1
        for what in (self._report, self._listen):
            self._tasks.append(asyncio.create_task(self._forever(what, server)))

    async def _forever(self, what: Callable[[Row], Awaitable[None]], server: Row) -> None:
        while True:
            try:
                await what(server)
            except (OSError, EOFError, HTTPError, asyncio.IncompleteReadError) as error:
                self.failed[str(error)] = self.failed.get(str(error), 0) + 1
            await asyncio.sleep(RETRY_SECONDS)

    async def _ask(self, method: str, path: str, token: str, **options: Any) -> HTTPResponse:
        headers = {"Authorization": f"token {token}", **options.pop("headers", {})}
        return await AsyncHTTPClient().fetch(
            f"{self.hub}/{path}", method=method, headers=headers, request_timeout=60, **options
        )

    async def _report(self, server: Row) -> None:
        """Report activity as jupyterhub-singleuser does, every few minutes, and not all servers at once."""
        await asyncio.sleep(random.uniform(0, self.seconds))
        while True:
            now = datetime.now(UTC).isoformat()
            body = json.dumps({"servers": {"": {"last_activity": now}}, "last_activity": now})
            await self._ask("POST", f"users/{server['name']}/activity", server["token"], body=body)
            await asyncio.sleep(self.seconds)

    async def _listen(self, server: Row) -> None:
        host, _, path = self.hub.removeprefix("http://").partition("/")
        reader, writer = await asyncio.open_connection(*host.rsplit(":", 1))
        try:
            lines = [f"GET /{path}/{CHANGES}?seconds=5 HTTP/1.0", f"Authorization: token {server['token']}"]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status = head.partition("\r\n")[0]
            if " 200 " not in status:
                raise EOFError(status)
            stream = next(
                value.strip()
                for name, _, value in (line.partition(":") for line in head.split("\r\n"))
                if name.lower() == STREAM.lower()
            )
            await self._ask_about_visitor(server, stream)
            self.listening.add(server["name"])
            while line := await reader.readline():
                if len(json.loads(line)) == 3:
                    self.told[server["name"]] = time.time()
                    await self._ask_about_visitor(server, stream)
            raise EOFError("the stream ended")
        finally:
            self.listening.discard(server["name"])
            writer.close()

    async def _ask_about_visitor(self, server: Row, stream: str) -> None:
        headers = {VISITED: server["client"], STREAM: stream, ENFORCES_LEVELS: "yes"}
        await self._ask("GET", "user", self.visitor, headers=headers)


class Simulate(RequestHandler):
    """POST starts a server; GET says what the servers have done."""

    def initialize(self, servers: Servers) -> None:
        self.servers = servers

    def post(self) -> None:
        self.servers.start(json.loads(self.request.body))

    def get(self) -> None:
        servers = self.servers
        self.write(
            {
                "started": servers.started,
                "listening": len(servers.listening),
                "told": sorted(servers.told.values()),
                "failed": servers.failed,
            }
        )


class Anything(RequestHandler):
    """What the hub asks a server that has started."""

    def initialize(self, servers: Servers) -> None:
        self.servers = servers

    def get(self, *_path: str) -> None:
        self.set_header("X-JupyterHub-Version", self.servers.version)
        self.set_header(GUARDED, "yes")
        self.write({"version": "2"})


async def main(place: str, hub: str, visitor: str, seconds: float = 300.0) -> None:
    servers = Servers(hub, visitor, seconds)
    AsyncHTTPClient.configure(None, max_clients=50)
    given = {"servers": servers}
    address, _, port = place.rpartition(":")
    Application([("/simulate", Simulate, given), ("/(.*)", Anything, given)]).listen(int(port), address)
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


if __name__ == "__main__":
    place, hub, visitor, *seconds = sys.argv[1:]
    asyncio.run(main(place, hub, visitor, *map(float, seconds)))
