# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what collaboration adds to a host's disk, and to memory and start time of a server that nobody edits on yet."""

import json
import statistics
import time
from dataclasses import replace

import testinfra

from benchmarks import Result, Stage
from benchmarks.server_kinds import (
    ACCOUNT,
    KINDS,
    OURS,
    PLAIN,
    UNGUARDED,
    WITHOUT,
    begin,
    end,
    prepare,
    process,
)
from benchmarks.timed_play import OURS as PLAYBOOK
from benchmarks.timed_play import timed_play
from benchmarks.typing_crowd import cpu_of, rss_of
from scenario import ROOT
from sharing import HUB_PYTHON

VARIABLES = UNGUARDED
ROUNDS = 9
GOAL = 1.15  # how many times as long a server may take to start as without collaboration
SETTLED = 5  # seconds to wait after JupyterLab's page has loaded
DISK, MEMORY, START, CPU = "on disk, MB", "memory, MB", "start, s", "start, s of CPU"
ENVIRONMENT, COLLECTION = "/usr/local/jupyterhub", "/usr/local/lib/collab.jupyterhub"
INSTALLER = f"{COLLECTION}/uv"
HUB, SHARING_PAGE = "jupyterhub --config", "jupyterhub_collab.sharing"
BIGGEST = 6  # packages that are listed individually
RATIO = "with live collaboration / without"
ADDED = "added to JupyterLab's environment"
NAMES = {
    OURS: "a server with live collaboration",
    PLAIN: "a server with jupyter-collaboration alone",
    WITHOUT: "a server without collaboration",
}

Rows = dict[str, dict[str, list[float]]]


def measure(stage: Stage) -> Result:
    rows = host(replace(stage, platform=stage.another("host"))) | servers(stage)
    return Result(rows, reading(rows))


def host(stage: Stage) -> Rows:
    """Apply the playbook to a new host, and return the disk space and memory that it adds, in megabytes."""
    inside = testinfra.get_host(f"podman://{stage.platform.name}")
    program = (ROOT / "tests/benchmarks/programs/package_sizes.py").read_text()

    def packages() -> dict[str, int]:
        return dict(json.loads(inside.check_output("%s -c %s", HUB_PYTHON, program)))

    def size(path: str) -> int:
        return int(inside.check_output("du --summarize --block-size=1 %s", path).split()[0])

    def memory(command: str) -> int:
        time.sleep(SETTLED)
        return rss_of(process(stage, command))

    size_before, packages_before, hub_before = size(ENVIRONMENT), packages(), memory(HUB)
    timed_play(PLAYBOOK, stage.platform.name)
    new = {name: size for name, size in packages().items() if name not in packages_before}
    biggest = sorted(new, key=lambda name: -new[name])[:BIGGEST]
    disk: dict[str, float] = {
        "JupyterLab's environment before": size_before,
        ADDED: size(ENVIRONMENT) - size_before,
        **{f"of that, {name}": new[name] for name in biggest},
        f"of that, {len(new) - len(biggest)} more packages": sum(new.values())
        - sum(new[name] for name in biggest),
        "the collection's package for hub and servers": size(COLLECTION) - size(INSTALLER),
        "uv, if the host does not have it": size(INSTALLER),
    }
    memories = {
        "the hub before": hub_before,
        "the hub": memory(HUB),
        "the sharing page, a separate process": memory(SHARING_PAGE),
    }
    return {
        what: {column: [number / 1e6]}
        for column, table in ((DISK, disk), (MEMORY, memories))
        for what, number in table.items()
    }


def servers(stage: Stage) -> Rows:
    """Measure memory and start time of each kind of server, in turns."""
    prepare(stage)
    alice = stage.login("alice")
    rows: Rows = {name: {MEMORY: [], START: [], CPU: []} for name in NAMES.values()}
    for index in range(-1, stage.rounds or ROUNDS):
        for kind in KINDS if index % 2 == 0 else reversed(KINDS):
            end(stage, alice)
            took = begin(stage, alice, kind)
            server = process(stage, "singleuser", ACCOUNT)
            cpu = cpu_of(server)
            time.sleep(SETTLED)
            memory = rss_of(server) / 1e6
            print(f"{index} {kind}: {took:.2f} s, {cpu:.2f} s of CPU, {memory:.1f} MB", flush=True)
            if index >= 0:
                for column, measured in ((MEMORY, memory), (START, took), (CPU, cpu)):
                    rows[NAMES[kind]][column].append(measured)
    with_it, without = rows[NAMES[OURS]], rows[NAMES[WITHOUT]]
    rows[RATIO] = {
        column: [one / other for one, other in zip(with_it[column], without[column], strict=True)]
        for column in without
    }
    return rows


def reading(rows: Rows) -> str:
    def median(kind: str, column: str) -> float:
        return statistics.median(rows[NAMES[kind]][column])

    memory = {kind: median(kind, MEMORY) - median(WITHOUT, MEMORY) for kind in (OURS, PLAIN)}
    start = statistics.median(rows[RATIO][START])
    return (
        f"Collaboration adds {rows[ADDED][DISK][0]:.1f} MB to JupyterLab's environment, and {memory[OURS]:.1f} MB to the "
        f"memory of a server that nobody edits on yet; jupyter-collaboration alone adds {memory[PLAIN]:.1f} MB. "
        f"The server takes {start:.2f} times as long to start as one without collaboration, "
        f"{'within' if start <= GOAL else 'above'} the goal of {GOAL}."
    )
