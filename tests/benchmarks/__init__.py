# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks: each module here is one, with a function `measure` that takes a `Stage` and returns a `Result`.

tests/bench.py runs them and keeps what they return; tests/tools/benchmarks.py writes docs/benchmarks.md from that.

    def measure(stage: Stage) -> Result:
        timing = Timing()
        for _ in timing.rounds(30):
            with timing.of("one way"):
                ...
            with timing.of("the other way"):
                ...
        return Result(timing.milliseconds, "ms", "What the numbers say, in one sentence made from them.")
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from testinfra.host import Host

from people import Hub, Person
from scenario import PASSWORDS, Platform

LEAST = 5  # measurements, below which a median says nothing


@dataclass(frozen=True)
class Stage:
    """A container of its own for one benchmark: a hub to which the playbook has been applied."""

    platform: Platform
    host: Host
    hub: Hub

    def login(self, name: str) -> Person:
        return self.hub.login(name, PASSWORDS[name])


@dataclass(frozen=True)
class Result:
    """What was measured: the measurements of each row in one unit, and a sentence that says what to read from them."""

    rows: dict[str, list[float]]
    unit: str
    reading: str

    def __post_init__(self) -> None:
        if short := [what for what, measured in self.rows.items() if len(measured) < LEAST]:
            raise ValueError(f"fewer than {LEAST} measurements: {', '.join(short)}")


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
        """Take in what somebody else has measured."""
        if self._counts:
            self.milliseconds.setdefault(what, []).append(milliseconds)

    def median(self, what: str) -> float:
        return statistics.median(self.milliseconds[what])
