# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how long a letter takes from one person to another in a large notebook, and how long the server is unresponsive.

The latter is also measured while a program keeps changing the file. Two kinds of servers take turns: as the collection starts them, and
with the same packages but jupyter-collaboration alone.
"""

import base64
import random
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import Result, Stage
from benchmarks.cases.editing import crowds
from benchmarks.compared_servers import Servers
from benchmarks.server_kinds import ACCOUNT, OURS, PLAIN, UNGUARDED
from benchmarks.typing_crowd import Seen, Task
from people import notebook
from people.room import Seat

VARIABLES = UNGUARDED
ROUNDS = 3
SIZES = [0, 5, 20, 60]  # megabytes of pictures
PICTURE_BYTES = 750_000  # one megabyte in base64
WARM_UP, SECONDS, RATE = 2, 20, 5
MERGING_SECONDS, PAUSE = 12, 3  # how long a program keeps changing the file, and the pause between changes
STATE = "/var/lib/jupyterhub-rtc"
COLUMNS = P50, P95, WORST, STOPPED, OPENED, DISK, MERGED = (
    "p50, ms", "p95, ms", "slowest, ms", "longest stop, ms", "open, s", "state, MB", "longest stop with a program, ms",
)  # fmt: skip
# Changes a notebook as a formatter does: it reads and writes the whole file.
PROGRAM = f"""
import json, sys, time
for number in range(1000):
    time.sleep({PAUSE})
    with open(sys.argv[1]) as file:
        notebook = json.load(file)
    notebook["cells"][-1]["source"] = f"changed = {{number}}"
    data = json.dumps(notebook, indent=1)
    with open(sys.argv[1], "w") as file:
        file.write(data)
"""


def measure(stage: Stage) -> Result:
    servers = Servers(stage, [])
    rows: dict[str, dict[str, list[float]]] = {}
    for index in range(stage.rounds or ROUNDS):
        for kind in (OURS, PLAIN)[:: 1 if index % 2 == 0 else -1]:
            for size in SIZES:
                with crowds() as ask:
                    servers.start(kind, lambda: stage.host.check_output(f"find {state_files(stage)} -delete"))
                    seen = ask(task(servers, servers.seat(large_notebook(size))))
                    disk, seat = state_bytes(stage), servers.seat(large_notebook(size))
                    with changing(stage, seat.path):
                        merged = ask(task(servers, seat, MERGING_SECONDS))
                    found = columns(seen, disk, merged)
                print(f"{index} {kind}, {size} MB: {found}", flush=True)
                row = rows.setdefault(f"{size} MB: {kind}", {name: [] for name in COLUMNS})
                for name, value in found.items():
                    row[name].append(value)
    return Result(rows, reading(rows))


def large_notebook(size: int) -> dict[str, Any]:
    """Return a notebook with two cells to type into and `size` cells with a picture of one megabyte."""
    made = notebook("first = 1", "second = 2", *[f"picture({number})" for number in range(size)])
    chance = random.Random(size)
    for cell in made["cells"][2:]:
        picture = base64.b64encode(chance.randbytes(PICTURE_BYTES)).decode()
        cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": picture}}]
    return made


def task(servers: Servers, seat: Seat, seconds: float = SECONDS) -> Task:
    return Task(
        seat.door.url, dict(seat.door.headers), seat.user, seat.path, 2, 0, WARM_UP, seconds, servers.processes, RATE, servers.status
    )  # fmt: skip


@contextmanager
def changing(stage: Stage, path: str) -> Iterator[None]:
    """Run a program that keeps changing a notebook."""
    place = f"{stage.host.user(ACCOUNT).home}/{path}"
    run = "systemd-run --unit=changing --collect --uid=%s python3 -c %s %s"
    stage.host.check_output(run, ACCOUNT, PROGRAM, place)
    try:
        yield
    finally:
        stage.host.run("systemctl stop changing")


def state_files(stage: Stage) -> str:
    """Return the arguments with which `find` lists the document histories of both kinds of servers."""
    home = stage.host.user(ACCOUNT).home
    return f"{STATE} {home} -type f '(' -path '{STATE}/*' -o -name '.jupyter_ystore.db*' ')'"


def state_bytes(stage: Stage) -> int:
    return sum(map(int, stage.host.check_output(f"find {state_files(stage)} -printf '%s\\n'").split()))


def columns(seen: Seen, disk: int, merged: Seen) -> dict[str, float]:
    delays = sorted(seen.delays)
    values = (
        delays[len(delays) // 2], delays[len(delays) * 95 // 100], delays[-1], seen.stopped, seen.opened, disk / 1e6, merged.stopped,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def reading(rows: dict[str, dict[str, list[float]]]) -> str:
    """Summarize the results for the largest notebook."""
    ours, plain = (
        {name: statistics.median(values) for name, values in rows[f"{SIZES[-1]} MB: {kind}"].items()}
        for kind in (OURS, PLAIN)
    )
    return (
        f"With {SIZES[-1]} MB and two people typing {RATE} characters a second each, p95 is {ours[P95]:.0f} ms, compared with "
        f"{plain[P95]:.0f} ms with plain jupyter-collaboration, which does not save while people type. The longest time without an "
        f"answer from the server is {ours[STOPPED]:.0f} ms (plain: {plain[STOPPED]:.0f} ms), and {ours[MERGED]:.0f} ms "
        f"(plain: {plain[MERGED]:.0f} ms) while a program changes the file, each in the median round."
    )
