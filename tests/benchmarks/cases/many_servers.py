# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what many collaboration servers cost their hub: their starts, their reports of activity, and telling them that a right has changed.

The servers are one process (`tests/support/simulated_servers.py`), because this is about the hub. Each has one visitor.
"""

import statistics
import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import plain_http
import simulated_servers
from benchmarks import Result, Stage
from benchmarks.server_kinds import process
from benchmarks.typing_crowd import cpu_of
from scenario import wait_until
from sharing import HUB_PYTHON

SERVERS = (10, 100, 1000)
ROUNDS = 3
IDLE_SECONDS, SETTLE_SECONDS = 60.0, 10.0
AT_ONCE = 20  # requests to the hub
CONFIG = "/usr/local/etc/jupyter/jupyterhub_config.py"
PROGRAM, PORT = "/root/simulated_servers.py", 9999
GROUP = "benchmark"
SCOPES = ["admin:users", "admin:servers", "admin:groups", "tokens"]
START, STARTS = "start: hub, CPU ms", "starts per minute"
IDLE, TOLD, CHANGE = "idle: hub, % of a core", "change: until all know, s", "change: hub, CPU s"
MEMORY = "hub, MB"

Rows = dict[str, dict[str, list[float]]]


def measure(stage: Stage) -> Result:
    rows: Rows = {f"{number} servers": {} for number in SERVERS}
    stage.host.check_output(f"printf %%s %s >>{CONFIG}", simulated_servers.SPAWNER.format(port=PORT))
    for index in range(stage.rounds or ROUNDS):
        hub = Simulated(stage)
        hub.begin()
        started = 0
        for number in SERVERS:
            for column, measured in hub.measure(range(started, number)).items():
                rows[f"{number} servers"].setdefault(column, []).append(measured)
            started = number
            print(f"{index}: {rows}", flush=True)
        hub.end()
    return Result(rows, reading(rows))


class Simulated:
    """The hub of the stage, and the process that stands for its servers."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._api = f"http://{stage.platform.address}:8000/hub/api"
        self._names: list[str] = []

    def begin(self) -> None:
        """Restart the hub, and start the process. No server of it is running."""
        stage = self._stage
        stage.host.check_output("systemctl restart jupyterhub")
        wait_until(lambda: stage.hub.is_up, 120)
        self._hub = process(stage, "jupyterhub --config")
        carol, visitor = stage.login("carol"), stage.login("bob")
        self._headers = {"Authorization": f"token {carol.token(SCOPES)}"}
        subprocess.run(
            ["podman", "cp", simulated_servers.__file__, f"{stage.platform.name}:{PROGRAM}"], check=True
        )
        command = f"{HUB_PYTHON} {PROGRAM} 0.0.0.0:{PORT} http://127.0.0.1:8081/hub/api {visitor.token([])}"
        stage.host.check_output(f"systemd-run --unit=simulated --property=LimitNOFILE=65536 {command}")
        self._ask("POST", f"groups/{GROUP}")
        wait_until(self._answers)

    def end(self) -> None:
        self._stage.host.check_output("systemctl stop simulated")
        self._ask("DELETE", f"groups/{GROUP}")
        self._at_once("DELETE", self._names)

    def measure(self, more: range) -> dict[str, float]:
        """Start this many more servers, and measure the hub with all of them."""
        new = [f"simulated-{index}" for index in more]
        self._names += new
        self._stage.have_accounts(self._names)
        self._ask("POST", "users", {"usernames": new})
        begin, before = time.monotonic(), self._cpu()
        self._at_once("POST", [f"{name}/server" for name in new])
        wait_until(lambda: self._done()["started"] == len(self._names), 120)
        took, used = time.monotonic() - begin, self._cpu() - before
        wait_until(lambda: self._done()["listening"] == len(self._names), 120)
        time.sleep(SETTLE_SECONDS)
        begin, before = time.monotonic(), self._cpu()
        time.sleep(IDLE_SECONDS)
        idle = 100 * (self._cpu() - before) / (time.monotonic() - begin)
        told, change = self._change()
        return {
            START: 1000 * used / len(new),
            STARTS: 60 * len(new) / took,
            IDLE: idle,
            TOLD: told,
            CHANGE: change,
            MEMORY: self._memory(),
        }

    def _change(self) -> tuple[float, float]:
        """Change the rights of the visitor of all servers. Return the seconds until all knew, and those of the hub's CPU."""
        begin, before = time.time(), self._cpu()
        self._ask("POST", f"groups/{GROUP}/users", {"users": ["bob"]})
        wait_until(lambda: self._knows(begin) == len(self._names), 60)
        last = max(self._done()["told"])
        time.sleep(SETTLE_SECONDS)
        used = self._cpu() - before
        self._ask("DELETE", f"groups/{GROUP}/users", {"users": ["bob"]})
        return last - begin, used

    def _knows(self, since: float) -> int:
        return sum(at > since for at in self._done()["told"])

    def _answers(self) -> bool:
        return plain_http.answers(f"http://{self._stage.platform.address}:{PORT}/")

    def _done(self) -> dict[str, Any]:
        done: dict[str, Any] = plain_http.get(f"http://{self._stage.platform.address}:{PORT}/simulate").json()
        return done

    def _ask(self, method: str, path: str, body: object = None) -> None:
        answer = plain_http.request(
            method, f"{self._api}/{path}", headers=self._headers, json=body, timeout=120
        )
        answer.raise_for_status()

    def _at_once(self, method: str, paths: Iterable[str]) -> None:
        """Send requests about users, several at a time."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda path: self._ask(method, f"users/{path}"), paths))

    def _cpu(self) -> float:
        return cpu_of(self._hub)

    def _memory(self) -> float:
        lines = Path(f"/proc/{self._hub}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def reading(rows: Rows) -> str:
    number = SERVERS[-1]

    def median(column: str) -> float:
        return statistics.median(rows[f"{number} servers"][column])

    return (
        f"{number} collaboration servers with a visitor each take {median(IDLE):.1f} % of a core of their hub while nothing happens. A start takes "
        f"{median(START):.0f} ms of its CPU. If the rights of a visitor of all of them change, all know after {median(TOLD):.1f} s."
    )
