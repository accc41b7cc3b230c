# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the playbook on ten hosts at once with one host."""

import statistics
from concurrent.futures import ThreadPoolExecutor

from benchmarks import Result, Stage
from benchmarks.timed_play import OURS, timed_play

MANY = 10
ROUNDS = 5
AT_ONCE = 2  # containers that boot at the same time
GOAL = 3.5
ONE, TEN, RATIO = "one host", f"{MANY} hosts", f"{MANY} hosts / one host"
FIRST, AGAIN = "first run", "nothing to change"

Rows = dict[str, dict[str, list[float]]]


def measure(stage: Stage) -> Result:
    rows: Rows = {ONE: {}, TEN: {}, RATIO: {}}
    names = {ONE: ["one"], TEN: [f"of-{MANY}-{number}" for number in range(MANY)]}
    for index in range(stage.rounds or ROUNDS):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            hosts = {
                which: ",".join(host.name for host in pool.map(stage.another, some))
                for which, some in names.items()
            }
        for column in (FIRST, AGAIN):
            for which in (ONE, TEN) if index % 2 == 0 else (TEN, ONE):
                done = timed_play(OURS, hosts[which], f"--forks={MANY}")
                assert (done.play.changed > 0) == (column == FIRST), done.play.output
                measured = {
                    f"{column}, s": done.seconds,
                    f"{column}: CPU of the controller, s": done.controller_cpu,
                }
                for name, number in measured.items():
                    rows[which].setdefault(name, []).append(number)
                print(f"{index} {column}, {which}: {done.seconds:.1f} s", flush=True)
    rows[RATIO] = {
        column: [ten / one for one, ten in zip(rows[ONE][column], rows[TEN][column], strict=True)]
        for column in rows[ONE]
    }
    return Result(rows, reading(rows))


def reading(rows: Rows) -> str:
    first, again = (statistics.median(rows[RATIO][f"{column}, s"]) for column in (FIRST, AGAIN))
    return (
        f"Ten hosts at once take {first:.1f} times as long as one host in a first run, and {again:.1f} times as long if there is "
        f"nothing to change ({'within' if again <= GOAL else 'above'} the goal of {GOAL}). All hosts and the controller shared the machine's cores."
    )
