# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that people edit a notebook on in a benchmark: as the collection starts them, and what they are compared with.

- `OURS`: the shared server.
- `PLAIN`: the same with the same packages and jupyter-collaboration alone.
- `FLOOR`: pycrdt-websocket alone, which the two others consist of besides (tests/benchmarks/programs/bare_server.py).
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

# The third kind is a program that the hub knows nothing of but its place behind the proxy.
BARE_PROGRAM, BARE_NOTEBOOK = "/usr/local/lib/bare_server.py", "/usr/local/lib/bare.ipynb"
BARE_PATH, BARE_PORT = "/bare/", 8600
FRAGMENT = f"""c.Proxy.extra_routes = {{"{BARE_PATH}": "http://127.0.0.1:{BARE_PORT}"}}"""


class Servers:
    """One server at a time, of one kind, with new notebooks that all have the same cells.

    processes: the numbers that the server and the proxy have on this machine.
    """

    def __init__(self, stage: Stage, cells: list[str]) -> None:
        self._stage = stage
        self._alice = stage.login("alice")
        self._cells = cells
        self._kind = OURS
        self._prepare()
        self._user = self._alice.open(ACCOUNT).me()["identity"]

    def _prepare(self) -> None:
        """Let the hub start servers of the second kind, too, and lead to the one of the third."""
        host = self._stage.host
        program = str(ROOT / "tests/benchmarks/programs/bare_server.py")
        subprocess.run(["podman", "cp", program, f"{self._stage.platform.name}:{BARE_PROGRAM}"], check=True)
        # The shell's own echo would make line breaks of what stands for them in JSON.
        host.check_output("printf %%s %s > %s", json.dumps(notebook(*self._cells)), BARE_NOTEBOOK)
        fragments = host.check_output("dirname $(find / -xdev -path '*jupyterhub_collab.d/50-rtc.py')")
        host.check_output("echo %s > %s", FRAGMENT, f"{fragments}/98-bare.py")
        server_kinds.prepare(self._stage)

    def start(self, kind: str, prepare: Callable[[], object] = lambda: None) -> None:
        """Start a new server to replace the last one. prepare: called when that has stopped."""
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
        # It refuses what is no websocket; the proxy has another answer as long as there is nothing behind it.
        wait_until(lambda: self._stage.hub.api("GET", BARE_PATH).status_code == 400)

    @property
    def status(self) -> str:
        """An address at which the server answers."""
        return f"{self._stage.hub.url}/user/{ACCOUNT}/api/status"

    def seat(self, content: dict[str, Any] | None = None) -> Seat:
        """What it takes to join a new notebook; with other content than the cells, where some is given."""
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
