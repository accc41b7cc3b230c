# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of servers that benchmarks compare while people edit a notebook.

- `OURS`: the shared server as the collection starts it.
- `PLAIN`: the same server with the same packages, but jupyter-collaboration alone.
- `FLOOR`: only pycrdt-websocket, which the other two are built on (tests/benchmarks/programs/bare_server.py).
"""

import json
import subprocess
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from benchmarks import Stage, server_kinds
from benchmarks.server_kinds import ACCOUNT, OURS, PLAIN, process
from people import notebook
from people.room import Seat
from people.sockets import Door
from scenario import ROOT, wait_until
from sharing import HUB_PYTHON

FLOOR = "floor"
KINDS = OURS, PLAIN, FLOOR

# The third kind is a program that the hub does not manage. It only gets a route in the proxy.
BARE_PROGRAM, BARE_NOTEBOOK = "/usr/local/lib/bare_server.py", "/usr/local/lib/bare.ipynb"
BARE_PATH, BARE_PORT = "/bare/", 8600
FRAGMENT = f"""c.Proxy.extra_routes = {{"{BARE_PATH}": "http://127.0.0.1:{BARE_PORT}"}}"""


class Servers:
    """One server at a time, of one kind, with new notebooks that all have the same cells.

    Attributes:
        processes: the process IDs of server and proxy on this machine, by name.
    """

    def __init__(self, stage: Stage, cells: list[str]) -> None:
        self._stage = stage
        self._alice = stage.login("alice")
        self._cells = cells
        self._kind = OURS
        self._prepare()
        self._user = self._alice.open(ACCOUNT).me()["identity"]

    def _prepare(self) -> None:
        """Configure the hub to start servers of the second kind, too, and to route to the server of the third."""
        host = self._stage.host
        program = str(ROOT / "tests/benchmarks/programs/bare_server.py")
        subprocess.run(["podman", "cp", program, f"{self._stage.platform.name}:{BARE_PROGRAM}"], check=True)
        # The shell's echo would turn the escaped line breaks in the JSON into real ones.
        host.check_output("printf %%s %s > %s", json.dumps(notebook(*self._cells)), BARE_NOTEBOOK)
        fragments = host.check_output("dirname $(find / -xdev -path '*jupyterhub_collab.d/50-rtc.py')")
        host.check_output("echo %s > %s", FRAGMENT, f"{fragments}/98-bare.py")
        server_kinds.prepare(self._stage)

    def start(self, kind: str, prepare: Callable[[], object] = lambda: None) -> None:
        """Stop the last server and start a new one. `prepare` is called in between."""
        self._kind = kind
        server_kinds.end(self._stage, self._alice)
        prepare()
        if kind == FLOOR:
            self._start_bare()
        else:
            server_kinds.begin(self._stage, self._alice, kind)
        program = "bare_server" if kind == FLOOR else "singleuser"
        self.processes = {
            "server": process(self._stage, program, ACCOUNT),
            "proxy": process(self._stage, "http-proxy"),
        }

    def _start_bare(self) -> None:
        command = (
            f"systemd-run --collect --uid={ACCOUNT} {HUB_PYTHON} {BARE_PROGRAM} {BARE_PORT} {BARE_NOTEBOOK}"
        )
        self._stage.host.check_output(command)
        # The bare server answers 400 to all but websockets. Until it listens, the proxy answers with another status.
        wait_until(lambda: self._stage.hub.api("GET", BARE_PATH).status_code == 400)

    @property
    def status(self) -> str:
        """A URL that the server answers."""
        return f"{self._stage.hub.url}/user/{ACCOUNT}/api/status"

    def seat(self, content: dict[str, Any] | None = None) -> Seat:
        """Create a notebook with this content, or with the cells if it is None, and return what is needed to join it."""
        path = f"{uuid4().hex}.ipynb"
        if self._kind == FLOOR:
            url = self._stage.hub.url.replace("http", "ws", 1)
            return Seat(path, True, Door(f"{url}{BARE_PATH}{path}", {}), self._user)
        server = self._alice.visit(ACCOUNT)
        if content is None:
            server.create_notebook(path, *self._cells)
        else:
            server.contents.put(path, {"type": "notebook", "format": "json", "content": content})
        return server.seat(path)
