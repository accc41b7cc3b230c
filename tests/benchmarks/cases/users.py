# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the playbook on a hub with a thousand users and on a hub with three."""

import statistics
import subprocess

import testinfra

from benchmarks import Result, Stage
from benchmarks.timed_play import OURS, seconds, timed_play
from people import Hub
from scenario import PASSWORDS, ROOT, wait_until
from sharing import DATABASE, HUB_PYTHON

FEW = ["alice", "bob", "carol"]
MANY = 1000
ROUNDS = 5
SOME, ALL = f"{len(FEW)} users", f"{MANY} users"
RATIO = f"{ALL} / {SOME}"
AGAIN, RESTART = "nothing to change, s", "restart of the hub, until it answers, s"
# Adds the users' accounts to the host, because the hub's authenticator checks for them.
ACCOUNTS = 'for i in $(seq --format=%04.0f 0 {last}); do echo "user-$i:x:2$i:100::/nonexistent:/bin/sh"; done >>/etc/passwd'

Rows = dict[str, dict[str, list[float]]]


class Hosted:
    """A hub to which the playbook was applied."""

    def __init__(self, name: str, hub: Hub) -> None:
        self.name = name
        self.hub = hub
        self.host = testinfra.get_host(f"podman://{name}")
        for person in FEW:
            hub.login(person, PASSWORDS[person])

    def have_people(self, number: int) -> None:
        """Add users until the hub has this many, not counting the shared account."""
        path, more = "/root/add_users.py", number - len(FEW)
        subprocess.run(
            ["podman", "cp", ROOT / "tests/benchmarks/programs/add_users.py", f"{self.name}:{path}"],
            check=True,
        )
        self.host.check_output(ACCOUNTS.format(last=more - 1))
        self.host.check_output("systemctl stop jupyterhub")
        there = self.host.check_output(f"{HUB_PYTHON} {path} {DATABASE} {more}")
        assert int(there) == number + 1
        self.restart()

    def restart(self) -> None:
        self.host.check_output("systemctl restart jupyterhub")
        wait_until(lambda: self.hub.is_up, 120)


def measure(stage: Stage) -> Result:
    other = stage.another("many")
    timed_play(OURS, other.name)
    with Hub(f"http://{other.address}:8000") as hub:
        hubs = {SOME: Hosted(stage.platform.name, stage.hub), ALL: Hosted(other.name, hub)}
        for each, number in zip(hubs.values(), (len(FEW), MANY), strict=True):
            each.have_people(number)
        rows = by_turns(hubs, stage.rounds or ROUNDS)
    rows[RATIO] = {
        column: [many / few for few, many in zip(rows[SOME][column], rows[ALL][column], strict=True)]
        for column in rows[SOME]
    }
    return Result(rows, reading(rows))


def by_turns(hubs: dict[str, Hosted], rounds: int) -> Rows:
    rows: Rows = {SOME: {AGAIN: [], RESTART: []}, ALL: {AGAIN: [], RESTART: []}}
    for index in range(rounds):
        turn = (SOME, ALL) if index % 2 == 0 else (ALL, SOME)
        for which in turn:
            done = timed_play(OURS, hubs[which].name)
            assert done.play.changed == 0, done.play.output
            rows[which][AGAIN].append(done.seconds)
        for which in turn:
            rows[which][RESTART].append(seconds(hubs[which].restart))
        print(f"{index}: {rows}", flush=True)
    return rows


def reading(rows: Rows) -> str:
    again, restart = (statistics.median(rows[RATIO][column]) for column in (AGAIN, RESTART))
    return (
        f"With {MANY} users, a run with nothing to change takes {again:.2f} times as long as with {len(FEW)}, "
        f"and a restart of the hub {restart:.2f} times as long."
    )
