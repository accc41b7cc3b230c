# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks: each module in `cases` is one, with a function `measure` that takes a `Stage` and returns a `Result`.

tests/benchmarks/bench.py runs them and saves the results; tests/tools/bench_tables.py writes docs/reference/benchmarks.md from them.

    def measure(stage: Stage) -> Result:
        timing = Timing()
        for _ in timing.rounds(30):
            with timing.of("one way"):
                ...
            with timing.of("the other way"):
                ...
        return timing.result("A sentence that summarizes the numbers.")

A module can set variables for its playbook in `VARIABLES`.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from testinfra.host import Host

from people import Hub, Person
from scenario import PASSWORDS, ROOT, Platform, wait_until

IMAGE = "collab-hub:trixie-hub6"
FIRST_UID = 20_000


def containers(*arguments: str) -> None:
    subprocess.run([sys.executable, ROOT / "tests/images/containers.py", *arguments], check=True)


def label(benchmark: str) -> str:
    """Return the label of all containers of a benchmark."""
    return f"collab.scenario={benchmark}"


def new_hub(name: str, benchmark: str) -> Platform:
    """Start a container with a hub without the collection, and wait until the hub answers."""
    platform = Platform(name, IMAGE)
    containers("up", platform.name, platform.image, f"--label={label(benchmark)}")
    with Hub(f"http://{platform.address}:8000") as hub:
        wait_until(lambda: hub.is_up, 60)
    return platform


@dataclass(frozen=True)
class Stage:
    """The container of one benchmark, with a hub to which the playbook was applied."""

    platform: Platform
    host: Host
    hub: Hub
    rounds: int | None = None  # overrides the benchmark's default, for a quick run

    def login(self, name: str) -> Person:
        return self.hub.login(name, PASSWORDS[name])

    def have_accounts(self, names: Iterable[str]) -> None:
        """Create accounts on the host, because the hub's authenticator checks for them. Those of an earlier call go."""
        lines = (
            f"{name}:x:{FIRST_UID + index}:100:benchmark:/nonexistent:/bin/sh\n"
            for index, name in enumerate(names)
        )
        self.host.check_output("sed --in-place /:benchmark:/d /etc/passwd")
        self.host.check_output("printf %%s %s >>/etc/passwd", "".join(lines))

    def another(self, name: str) -> Platform:
        """Start another container with a hub without the collection. It is removed when the benchmark ends."""
        return new_hub(f"{self.platform.name}-{name}", self.platform.name)


@dataclass(frozen=True)
class Result:
    """The measurements of a benchmark, and a sentence that summarizes them.

    Attributes:
        rows: measurements by row and column. Column names include the unit.
        pictures: SVG by name.
    """

    rows: dict[str, dict[str, list[float]]]
    reading: str
    pictures: dict[str, str] = field(default_factory=dict)


class Timing:
    """Durations of things that are measured in turns, so that other load on the machine affects all of them equally."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, list[float]] = {}
        self._counts = True

    def rounds(self, number: int, warm_up: int = 3) -> Iterator[int]:
        """Yield the number of each round, from `-warm_up`. Rounds below 0 fill caches, and their measurements are discarded."""
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
        """Add a measurement that was made elsewhere."""
        if self._counts:
            self.milliseconds.setdefault(what, []).append(milliseconds)

    def median(self, what: str) -> float:
        return statistics.median(self.milliseconds[what])

    def result(self, reading: str) -> Result:
        return Result({what: {"ms": measured} for what, measured in self.milliseconds.items()}, reading)
