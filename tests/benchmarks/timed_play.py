# SPDX-License-Identifier: GPL-3.0-or-later
"""How long runs of playbooks take, and which of their tasks take it."""

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
    """A run that went well. steps: seconds by task, in their order, with what is before and after them."""

    play: Play
    seconds: float
    controller_cpu: (
        float  # seconds of processor time on the controller, with the connections and without the hosts
    )
    steps: dict[str, float]


def timed_play(playbook: str | Path, containers: str, *options: str, **variables: Any) -> TimedPlay:
    """Run a playbook against a container, or against several with commas between their names."""
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
    # The callback's last moment is that after the last task.
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
