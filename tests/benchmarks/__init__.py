# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks: each module here is one, with a function `measure` that takes a `Stage` and returns a `Result`.

tests/benchmarks/bench.py runs them and keeps what they return; tests/tools/bench_tables.py writes docs/reference/benchmarks.md from that.

    def measure(stage: Stage) -> Result:
        timing = Timing()
        for _ in timing.rounds(30):
            with timing.of("one way"):
                ...
            with timing.of("the other way"):
                ...
        return timing.result("What the numbers say, in one sentence made from them.")

`VARIABLES` of a module are those of its playbook.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from testinfra.host import Host

from people import Hub, Person
from scenario import PASSWORDS, ROOT, Platform, wait_until

IMAGE = "collab-hub:trixie-hub6"


def containers(*arguments: str) -> None:
    subprocess.run([sys.executable, ROOT / "tests/images/containers.py", *arguments], check=True)


def label(benchmark: str) -> str:
    """What all containers of a benchmark have in common."""
    return f"collab.scenario={benchmark}"


def new_hub(name: str, benchmark: str) -> Platform:
    """Start a container with a hub that knows nothing of the collection, and wait until the hub answers."""
    platform = Platform(name, IMAGE)
    containers("up", platform.name, platform.image, f"--label={label(benchmark)}")
    with Hub(f"http://{platform.address}:8000") as hub:
        wait_until(lambda: hub.is_up, 60)
    return platform


@dataclass(frozen=True)
class Stage:
    """A container of its own for one benchmark: a hub to which the playbook has been applied."""

    platform: Platform
    host: Host
    hub: Hub
    rounds: int | None = None  # replaces the benchmark's default number, to try it

    def login(self, name: str) -> Person:
        return self.hub.login(name, PASSWORDS[name])

    def another(self, name: str) -> Platform:
        """A further container, new, with a hub that knows nothing of the collection; it goes when the benchmark ends."""
        return new_hub(f"{self.platform.name}-{name}", self.platform.name)


@dataclass(frozen=True)
class Result:
    """What was measured, and a sentence that says what to read from it.

    rows: the measurements by row and, named with their unit, by column. pictures: SVG by name.
    """

    rows: dict[str, dict[str, list[float]]]
    reading: str
    pictures: dict[str, str] = field(default_factory=dict)


class Timing:
    """How long things take that are done by turns: what else the machine does meanwhile then meets them all alike."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, list[float]] = {}
        self._counts = True

    def rounds(self, number: int, warm_up: int = 3) -> Iterator[int]:
        """Number the rounds from 0; those before it fill caches and do not count."""
        for index in range(-warm_up, number):
            self._counts = index >= 0
            yield index
        self._counts = True

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.add(what, (time.perf_counter() - begin) * 1000)

    def add(self, what: str, milliseconds: float) -> None:
        """Take in what someone else has measured."""
        if self._counts:
            self.milliseconds.setdefault(what, []).append(milliseconds)

    def median(self, what: str) -> float:
        return statistics.median(self.milliseconds[what])

    def result(self, reading: str) -> Result:
        return Result({what: {"ms": measured} for what, measured in self.milliseconds.items()}, reading)
