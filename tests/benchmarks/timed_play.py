# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how long a playbook and each of its tasks take."""

import json
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from scenario import ROOT, Play, run_playbook

OURS = "collab.jupyterhub.jupyter_rtc"
BEGINS, ENDS = "Ansible begins", "Ansible ends"


@dataclass(frozen=True)
class TimedPlay:
    """A successful run. `steps` has the seconds of each task in order, with the time before and after the tasks."""

    play: Play
    seconds: float
    controller_cpu: (
        float  # seconds of CPU time on the controller, which includes its connections and excludes the hosts
    )
    steps: dict[str, float]


def timed_play(playbook: str | Path, containers: str, *options: str, **variables: Any) -> TimedPlay:
    """Run a playbook on containers, given as comma-separated names."""
    with tempfile.TemporaryDirectory() as scratch:
        times = Path(scratch) / "times.json"
        env = {
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests/benchmarks/callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_times",
            "COLLAB_TASK_TIMES": str(times),
        }
        cpu, begin = _cpu_of_children(), time.time()
        play = run_playbook(playbook, containers, *options, env=env, **variables)
        end, cpu = time.time(), _cpu_of_children() - cpu
        assert play.code == 0, play.output
        begun = [(BEGINS, begin), *map(tuple, json.loads(times.read_text())), ("", end)]
    # The callback's last entry is the end of the last task.
    begun[-2] = (ENDS, begun[-2][1])
    steps: dict[str, float] = {}
    for (name, started), (_next, stopped) in pairwise(begun):
        steps[name] = steps.get(name, 0) + stopped - started
    return TimedPlay(play, end - begin, cpu, steps)


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
