# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how long a keystroke takes to reach the others who edit a notebook together, and what the server needs for it.

Three kinds of servers take turns: as the collection starts them, with the same packages but jupyter-collaboration alone, and the bare
library that both are built on.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from benchmarks import Result, Stage
from benchmarks.compared_servers import FLOOR, KINDS, Servers
from benchmarks.line_chart import Chart, Line
from benchmarks.server_kinds import OURS, PLAIN, UNGUARDED
from benchmarks.typing_crowd import LATE, Seen, Task
from scenario import ROOT

VARIABLES = UNGUARDED
ROUNDS = 5
WARM_UP, SECONDS = 1, 3.5
KEYSTROKES = 60  # minimum per case, because p95 of fewer means little
TYPING = [2, 10, 50, 100, 150, 200, 300]
CASES = {
    **{f"{number} type": (number, 0) for number in TYPING},
    "10 type, 200 watch": (10, 200),
}
GOAL = 250  # milliseconds: people notice longer delays when they type together
CELLS, LINES = max(TYPING), 6
COMPARED = P50, P95, CPU, MEMORY = ("p50, ms", "p95, ms", "server, CPU %", "server, MB")


def measure(stage: Stage) -> Result:
    servers = Servers(stage, ["\n".join(f"value_{line} = {line}" for line in range(LINES))] * CELLS)
    seen: dict[str, dict[str, list[Seen]]] = {case: {kind: [] for kind in KINDS} for case in CASES}
    for index in range(stage.rounds or ROUNDS):
        first = index % len(KINDS)
        for kind in KINDS[first:] + KINDS[:first]:
            with crowds() as ask:
                servers.start(kind)
                # The last case may overload the server. That is harmless, because the server is stopped afterwards.
                for case, (typing, watching) in sorted(CASES.items(), key=lambda item: item[1][0]):
                    seen[case][kind].append(ask(task(servers, typing, watching)))
                    print(f"{index} {kind}, {case}: {columns(seen[case][kind][-1])}", flush=True)
    return result(seen)


def task(servers: Servers, typing: int, watching: int) -> Task:
    """Return the task for this many people who open a new notebook and type or watch."""
    seat = servers.seat()
    headers = dict(seat.door.headers)
    seconds = max(SECONDS, KEYSTROKES / typing)
    return Task(
        seat.door.url, headers, seat.user, seat.path, typing, watching, WARM_UP, seconds, servers.processes
    )


@contextmanager
def crowds() -> Iterator[Callable[[Task], Seen]]:
    """Start a process for the people who type, and yield a function that has one crowd after another run there."""
    command = [sys.executable, str(ROOT / "tests/benchmarks/typing_crowd.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(task: Task) -> Seen:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(asdict(task)) + "\n")
            process.stdin.flush()
            return Seen(**json.loads(process.stdout.readline()))

        yield ask


def columns(seen: Seen) -> dict[str, float]:
    """Return the columns of the table for one crowd."""
    delays = sorted(seen.delays)
    return {
        P50: delays[len(delays) // 2],
        P95: delays[len(delays) * 95 // 100],
        f"within {LATE:.0f} s, %": 100 * seen.share,
        "messages/s": seen.messages,
        CPU: 100 * seen.cpu["server"],
        MEMORY: seen.rss["server"] / 1e6,
        "proxy, CPU %": 100 * seen.cpu["proxy"],
        "clients, CPU %": 100 * seen.cpu["clients"],
    }


def result(seen: dict[str, dict[str, list[Seen]]]) -> Result:
    rows: dict[str, dict[str, list[float]]] = {}
    for case, kinds in seen.items():
        tables = {kind: [columns(each) for each in crowds] for kind, crowds in kinds.items()}
        names = list(tables[OURS][0])
        for kind, table in tables.items():
            rows[f"{case}: {kind}"] = {name: [row[name] for row in table] for name in names}
        for other in (PLAIN, FLOOR):
            rows[f"{case}: {OURS} / {other}"] = ratios(tables[OURS], tables[other])
    return Result(rows, reading(rows), {"editing": chart(rows).svg()})


def ratios(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> dict[str, list[float]]:
    """Return the ratios by round. Columns with a zero are left out: what a server needs for two people may be too little to measure."""
    return {
        name: [our[name] / their[name] for our, their in zip(ours, theirs, strict=True)]
        for name in COMPARED
        if all(their[name] for their in theirs)
    }


def median(rows: dict[str, dict[str, list[float]]], number: int, kind: str, column: str) -> float:
    return statistics.median(rows[f"{number} type: {kind}"][column])


def reading(rows: dict[str, dict[str, list[float]]]) -> str:
    """Summarize how many people can type at the same time."""

    def carried(kind: str) -> str:
        p95 = {number: median(rows, number, kind, P95) for number in TYPING}
        too_many = next((number for number in TYPING if p95[number] >= GOAL), None)
        below = [number for number in TYPING if too_many is None or number < too_many]
        if too_many is None:
            return f"at least {below[-1]} people ({p95[below[-1]]:.0f} ms)"
        if not below:
            return f"fewer than {too_many} people ({p95[too_many]:.0f} ms)"
        return f"{below[-1]} people ({p95[below[-1]]:.0f} ms) but not {too_many} ({p95[too_many]:.0f} ms)"

    return (
        f"If everyone types one character a second into one notebook, p95 stays below {GOAL} ms for {carried(OURS)}. "
        f"With plain jupyter-collaboration, this holds for {carried(PLAIN)}, and on the floor for {carried(FLOOR)}. "
        "Clients, proxy and server shared the machine's cores."
    )


def chart(rows: dict[str, dict[str, list[float]]]) -> Chart:
    lines = [
        Line(f"{kind}, {column[:3]}", [(number, median(rows, number, kind, column)) for number in TYPING])
        for kind in KINDS
        for column in (P50, P95)
    ]
    return Chart("people typing", "delay until others see it, ms", lines, limit=GOAL)
