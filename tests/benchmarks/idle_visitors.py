# SPDX-License-Identifier: GPL-3.0-or-later
"""Idle visitors of a server: what they cost the hub, and how soon one of them is disconnected whose access ends.

`cases/visitors.py` measures this on a hub in a container. Without a container, on a hub that this starts on this machine:

    python -m benchmarks.idle_visitors 60 300 1000 [--seconds 60]
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

import plain_http
from attacked_hub import Attacked
from benchmarks.typing_crowd import cpu_of
from people.sockets import Door, dial

EVENTS = "api/events/subscribe"  # which each page has open
VISITORS = (60, 300, 1000)
SECONDS = 60.0
SETTLE_SECONDS = 20.0  # the server has asked about everyone by then, and hears from the hub
REVOCATIONS = 9
AT_ONCE = 10
CREATED_AT_ONCE = 50  # users; the hub answers nobody else meanwhile
PUSHED, ASKED = "told by the hub", "asking, as before"
CPU, SOON = "hub, % of a core", "revocation, s"
# Appended to the configuration of a hub that tells servers nothing, so that they ask as before.
SILENT = """
from jupyterhub_collab.hub import push
from tornado.web import HTTPError


async def refuse(handler):
    raise HTTPError(404)


push.Changes.get = refuse
"""


@dataclass(frozen=True)
class Site:
    """A hub with a running server.

    hub: URL of the hub's API. token: may create users and tokens, and share. server: URL of the server, of which `owner` is the owner.
    cpu: returns how many seconds of CPU time the hub's process has used. prepare: called with the names of users that will be created.
    """

    hub: str
    token: str
    owner: str
    server: str
    cpu: Callable[[], float]
    prepare: Callable[[list[str]], None] = lambda names: None

    def ask(self, method: str, path: str, body: object = None) -> object:
        headers = {"Authorization": f"token {self.token}"}
        answer = plain_http.request(method, f"{self.hub}/{path}", headers=headers, json=body, timeout=120)
        answer.raise_for_status()
        return answer.json() if answer.text else None

    def visitors(self, names: list[str]) -> list[Door]:
        """Create users with access to the server, and return what opens a page's websocket there for each."""
        self.prepare(names)
        for start in range(0, len(names), CREATED_AT_ONCE):
            self.ask("POST", "users", {"usernames": names[start : start + CREATED_AT_ONCE]})
        return [self._door(name) for name in names]

    def _door(self, name: str) -> Door:
        self.ask("POST", f"shares/{self.owner}/", {"user": name})
        token = self.ask("POST", f"users/{name}/tokens", {"note": "benchmark"})
        assert isinstance(token, dict)
        headers = {"Authorization": f"token {token['token']}"}
        return Door(f"{self.server.replace('http', 'ws', 1)}/{EVENTS}", headers)

    def revoke(self, name: str) -> None:
        self.ask("PATCH", f"shares/{self.owner}/", {"user": name})

    def clean_up(self, names: list[str]) -> None:
        for name in names:
            self.ask("DELETE", f"users/{name}")


@dataclass
class Seen:
    """Seconds of the hub's CPU per second, in percent, and seconds until revocations took effect."""

    cpu: float
    revocations: list[float] = field(default_factory=list)


async def measure(
    site: Site, visitors: int, seconds: float = SECONDS, revocations: int = REVOCATIONS
) -> Seen:
    """Have this many visitors open the server and do nothing, and then end the access of some of them, one by one."""
    mark = f"idle-{time.time_ns():x}"
    names = [f"{mark}-{number}" for number in range(visitors)]
    doors = site.visitors(names)
    sockets: list[ClientConnection] = []
    for start in range(0, visitors, AT_ONCE):
        sockets += await asyncio.gather(*map(dial, doors[start : start + AT_ONCE]))
    readers = [asyncio.create_task(_read(each)) for each in sockets]
    try:
        await asyncio.sleep(SETTLE_SECONDS)
        before, begin = site.cpu(), time.monotonic()
        await asyncio.sleep(seconds)
        seen = Seen(100 * (site.cpu() - before) / (time.monotonic() - begin))
        assert not any(each.done() for each in readers), "a visitor was disconnected"
        for name, reader in list(zip(names, readers, strict=True))[:revocations]:
            begin = time.monotonic()
            await asyncio.to_thread(site.revoke, name)
            async with asyncio.timeout(60):
                await reader
            seen.revocations.append(time.monotonic() - begin)
    finally:
        for each in readers:
            each.cancel()
        await asyncio.gather(*(socket.close() for socket in sockets))
        site.clean_up(names)
    return seen


async def _read(socket: ClientConnection) -> None:
    """Read until the server closes the websocket, or says that it is about to."""
    try:
        while '"ended"' not in str(await socket.recv()):
            pass
    except ConnectionClosed:
        pass


def on_this_machine(visitors: Sequence[int], seconds: float) -> None:
    for how in (PUSHED, ASKED):
        with tempfile.TemporaryDirectory() as place:
            directory = Path(place)
            directory.chmod(0o755)
            hub = Attacked(directory / "hub", revocation=5)
            config = directory / "hub/jupyterhub_config.py"
            text = config.read_text().replace("websockets_per_person=5", "websockets_per_person=50")
            config.write_text(text + (SILENT if how == ASKED else ""))
            with hub.running():
                assert hub._process is not None
                process = hub._process.pid
                site = Site(f"{hub.hub_url}/hub/api", hub.token, "alice", hub.url, partial(cpu_of, process))
                for number in visitors:
                    seen = asyncio.run(measure(site, number, seconds))
                    soon = (
                        f"{statistics.median(seen.revocations):.2f} s, at most {max(seen.revocations):.2f} s"
                    )
                    print(
                        f"{how}, {number} visitors: {seen.cpu:.2f} % of a core; revocation {soon}", flush=True
                    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("visitors", nargs="*", type=int, default=list(VISITORS))
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for how long the hub is measured")
    given = parser.parse_args()
    on_this_machine(given.visitors, given.seconds)


if __name__ == "__main__":
    main()
