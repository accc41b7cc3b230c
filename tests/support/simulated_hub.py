# SPDX-License-Identifier: GPL-3.0-or-later
"""A real hub whose many servers are one process (`simulated_servers.py`)."""

import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import plain_http
import simulated_servers
from attacked_hub import Attacked
from child import Child
from local_hub import wait_until
from ports import free_port

VISITOR = "bob"  # about whom each server asks


class SimulatedHub(Attacked):
    """A hub with our fragments. Nothing of it needs accounts of this machine."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, revocation=5)
        self._servers = free_port()
        with (directory / "jupyterhub_config.py").open("a") as config:
            config.write(simulated_servers.SPAWNER.format(port=self._servers))

    @contextmanager
    def running(self) -> Iterator[Self]:
        self.start()
        try:
            arguments = [f"127.0.0.1:{self._servers}", f"{self.hub_url}/hub/api", self.token_of(VISITOR)]
            with Child([sys.executable, simulated_servers.__file__, *arguments]):
                wait_until(lambda: plain_http.answers(f"{self._simulated}/"))
                yield self
        finally:
            self.kill()

    @property
    def _simulated(self) -> str:
        return f"http://127.0.0.1:{self._servers}"

    def limit_files(self, soft: int, hard: int) -> None:
        """Set how many files the hub may have open."""
        assert self._process is not None
        resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (soft, hard))

    def start_servers(self, number: int) -> None:
        """Create users, and start the server of each."""
        names = [f"user-{index}" for index in range(number)]
        self.ask("POST", "users", {"usernames": names})
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda name: self.ask("POST", f"users/{name}/server"), names))
        wait_until(lambda: self.done["started"] == number)

    @property
    def done(self) -> dict[str, Any]:
        """What the servers have done: how many have `started`, how many are `listening`, when they were `told`, and what `failed`."""
        done: dict[str, Any] = plain_http.get(f"{self._simulated}/simulate").json()
        return done
