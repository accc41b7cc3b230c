# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the playbook with a thousand projects and with one."""

import json
import statistics
import subprocess
import tempfile
from typing import Any

import testinfra

from benchmarks import Result, Stage
from benchmarks.timed_play import OURS, seconds, timed_play
from people import Hub
from scenario import ROOT, wait_until

MANY = 1000
MEMBERS = 20
ROUNDS = 5
GOAL = 1.2
ONE, ALL = "1 project", f"{MANY} projects"
RATIO = f"{ALL} / {ONE}"
FIRST, AGAIN = "the run that creates them, s", "nothing to change, s"
RESTART, MEMORY = "restart of the hub, until it answers, s", "largest process on the host, MB"
# Replaces Python on the host, and records the peak memory of each run.
MEASURED = "/root/measured-python"

Rows = dict[str, dict[str, list[float]]]


def projects(number: int) -> list[dict[str, Any]]:
    """Return projects with members at both levels. Each person is a member of several projects."""
    people = [f"user{index:04}" for index in range(MANY)]
    half = MEMBERS // 2

    def of(project: int, begin: int) -> dict[str, list[str]]:
        return {"users": [people[(project * 7 + index) % MANY] for index in range(begin, begin + half)]}

    return [
        {"name": f"project{index}", "manage": of(index, 0), "edit": of(index, half)}
        for index in range(number)
    ]


class Hosted:
    """A hub to which the playbook was applied without projects."""

    def __init__(self, name: str, hub: Hub, number: int) -> None:
        self.name = name
        self.hub = hub
        self.host = testinfra.get_host(f"podman://{name}")
        self.variables = {"jupyterhub_projects": projects(number)}
        subprocess.run(
            ["podman", "cp", ROOT / "tests/benchmarks/programs/measured_python.py", f"{name}:{MEASURED}"],
            check=True,
        )
        self.host.check_output(f"chmod 0755 {MEASURED}")

    def run(self, changed: bool) -> float:
        # The variables are too long for a command line.
        with tempfile.NamedTemporaryFile("w", suffix=".json") as variables:
            json.dump(self.variables, variables)
            variables.flush()
            options = ("--extra-vars", f"@{variables.name}")
            done = timed_play(OURS, self.name, *options, ansible_python_interpreter=MEASURED)
        assert (done.play.changed > 0) == changed, done.play.output
        return done.seconds

    def restart(self) -> None:
        self.host.check_output("systemctl restart jupyterhub")
        wait_until(lambda: self.hub.is_up, 120)

    @property
    def peak(self) -> float:
        """The peak memory of the largest process of any task, in megabytes."""
        kilobytes = self.host.file(f"{MEASURED}.log").content_string.split()
        return max(map(int, kilobytes)) / 1000


def measure(stage: Stage) -> Result:
    other = stage.another("many")
    timed_play(OURS, other.name)
    with Hub(f"http://{other.address}:8000") as hub:
        hubs = {ONE: Hosted(stage.platform.name, stage.hub, 1), ALL: Hosted(other.name, hub, MANY)}
        rows: Rows = {which: {FIRST: [each.run(changed=True)]} for which, each in hubs.items()}
        for index in range(stage.rounds or ROUNDS):
            for which in (ONE, ALL) if index % 2 == 0 else (ALL, ONE):
                rows[which].setdefault(AGAIN, []).append(hubs[which].run(changed=False))
                rows[which].setdefault(RESTART, []).append(seconds(hubs[which].restart))
            print(f"{index}: {rows}", flush=True)
        for which, each in hubs.items():
            rows[which][MEMORY] = [each.peak]
    rows[RATIO] = {
        column: [many / one for one, many in zip(rows[ONE][column], rows[ALL][column], strict=True)]
        for column in rows[ONE]
    }
    return Result(rows, reading(rows))


def reading(rows: Rows) -> str:
    first, memory = rows[ALL][FIRST][0], rows[ALL][MEMORY][0]
    again, restart = (statistics.median(rows[RATIO][column]) for column in (AGAIN, RESTART))
    return (
        f"Creating {MANY} projects with {MEMBERS} members each takes {first:.0f} s, and no process on the host takes more than "
        f"{memory:.0f} MB. After that, a run with nothing to change takes {again:.2f} times as long as with one project "
        f"({'within' if again <= GOAL else 'above'} the goal of {GOAL}), and a restart of the hub {restart:.2f} times as long."
    )
