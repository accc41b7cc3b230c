# SPDX-License-Identifier: GPL-3.0-or-later
"""Fail if the GitHub workflows do not run the same scenarios and make targets as `make test` and `make test-all`."""

import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml

from steps import ROOT, SCENARIOS, everything, scenario

TIERS = {"test": 1, "test-all": 2}
# The make targets of steps other than scenarios, by the first part of the step's name; by default they are the same.
TARGETS = dict.fromkeys(("ansible-core", "python", "jupyterhub", "upstream"), "compatibility")


def problems() -> Iterator[str]:
    makefile = (ROOT / "Makefile").read_text()
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for command in re.findall(r"run: make ([a-z-]+)", path.read_text()):
            if not re.search(rf"^{command}:", makefile, re.M):
                yield f"{path.name}: `make {command}` does not exist"
    for workflow, tier in TIERS.items():
        jobs = yaml.safe_load((ROOT / f".github/workflows/{workflow}.yml").read_text())["jobs"]
        names = {step.name.partition(":")[0] for step in everything(tier)} - {"molecule"}
        yield from differences(workflow, jobs, "part", "target", {TARGETS.get(name, name) for name in names})
        scenarios = {path.parent.name for path in SCENARIOS if scenario(path, tier)}
        yield from differences(workflow, jobs, "scenario", "scenario", scenarios)


def differences(workflow: str, jobs: dict[str, Any], job: str, axis: str, wanted: set[str]) -> Iterator[str]:
    there = set(jobs[job]["strategy"]["matrix"][axis])
    for name in sorted(wanted - there):
        yield f"{workflow}.yml: job {job} lacks the {axis} {name}"
    for name in sorted(there - wanted):
        yield f"{workflow}.yml: job {job} has the {axis} {name}, which `make {workflow}` does not run"


def main() -> int:
    found = list(problems())
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
