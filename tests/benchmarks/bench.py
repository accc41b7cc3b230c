# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the benchmarks in tests/benchmarks, each on its own hub in a container, and save the results.

Results go to .cache/results/bench-NAME.json; tests/tools/bench_tables.py writes docs/reference/benchmarks.md from them.
"""

import argparse
import importlib
import json
import os
import platform as machine
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import testinfra

from benchmarks import Result, Stage, containers, label, new_hub
from people import Hub
from scenario import ROOT, play
from sharing import HUB_PYTHON

RESULTS = ROOT / ".cache/results"


@contextmanager
def stage(benchmark: str, keep: bool, rounds: int | None, variables: dict[str, Any]) -> Iterator[Stage]:
    """Start a container with a hub, apply the playbook with these variables, and yield the stage."""
    name = f"collab-bench-{benchmark.replace('_', '-')}"
    try:
        platform = new_hub(name, name)
        done = play("jupyter_rtc", name, **variables)
        assert done.code == 0, done.output
        with Hub(f"http://{platform.address}:8000") as hub:
            yield Stage(platform, testinfra.get_host(f"podman://{name}"), hub, rounds)
    finally:
        if not keep:
            containers("down", label(name))


def busy() -> str:
    """Return the load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def circumstances(stage: Stage, load_before: str) -> dict[str, str]:
    """Return the environment of a benchmark: date, machine, versions and load. The load after it includes the benchmark's own."""
    models = re.findall(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, {models[0] if models else machine.machine()}",
        "JupyterHub": stage.hub.version,
        "Python": stage.host.check_output(f"{HUB_PYTHON} --version").removeprefix("Python "),
        "image": stage.platform.image,
        "load": f"{load_before} before, {busy()} after",
    }


def run(name: str, keep: bool, rounds: int | None) -> Result:
    print(f"\n=== {name} ===", flush=True)
    load_before = busy()
    case = importlib.import_module(f"benchmarks.cases.{name}")
    with stage(name, keep, rounds, getattr(case, "VARIABLES", {})) as ready:
        result: Result = case.measure(ready)
        where = circumstances(ready, load_before)
    kept = {"circumstances": where, "is_short": rounds is not None, **asdict(result)}
    (RESULTS / f"bench-{name}.json").write_text(json.dumps(kept, indent=2) + "\n")
    return result


def main() -> None:
    known = sorted(path.stem for path in (ROOT / "tests/benchmarks/cases").glob("[a-z]*.py"))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benchmark", nargs="*", help=f"{', '.join(known)}; all by default")
    parser.add_argument("--keep", action="store_true", help="leave the containers running")
    parser.add_argument(
        "--rounds",
        type=int,
        help="measure only this many rounds, for a quick run; the document stays unchanged",
    )
    given = parser.parse_args()
    if unknown := sorted(set(given.benchmark) - set(known)):
        parser.error(f"unknown benchmarks: {', '.join(unknown)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in given.benchmark or known:
        print(run(name, given.keep, given.rounds).reading)


if __name__ == "__main__":
    main()
