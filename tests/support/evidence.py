# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep evidence of failed tests in .cache/results/failures: the journals of the host, and what browser windows show.

python -m evidence SCENARIO   keep the journals of a scenario's containers
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from containers import labelled

FAILURES = Path(__file__).parents[2] / ".cache/results/failures"
SHOWN = 60  # lines of a journal that the report of a failed test shows
JOURNALS = {"hub": "jupyterhub*", "servers": "jupyter-*"}  # file -> the units that write it


def folder_of(item: pytest.Item, step: str) -> Path:
    """Return the folder for a test's evidence. `step` is the scenario, or `browser`."""
    return FAILURES / step / re.sub(r"[^\w.-]+", "-", item.name).strip("-")


def forget(steps: Iterable[str]) -> None:
    """Remove the evidence of earlier runs."""
    for step in steps:
        shutil.rmtree(FAILURES / step, ignore_errors=True)


def keep_journals(container: str, folder: Path) -> list[Path]:
    """Write the journals of the hub and the users' servers to files, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for name, units in JOURNALS.items():
        file = folder / f"{container}-{name}.log"
        command = ["podman", "exec", container, "journalctl", "--no-pager", f"--unit={units}"]
        with file.open("w") as log:
            subprocess.run(command, check=False, stdout=log, stderr=subprocess.STDOUT)
        kept.append(file)
    return kept


def report_journals(report: pytest.TestReport, container: str, folder: Path) -> None:
    """Keep the journals of a failed test's host, and show their ends."""
    for file in keep_journals(container, folder):
        end = "\n".join(file.read_text(errors="replace").splitlines()[-SHOWN:])
        report.sections.append((str(file), end))


if __name__ == "__main__":
    (scenario,) = sys.argv[1:]
    for container in labelled(f"collab.scenario={scenario}"):
        for file in keep_journals(container, FAILURES / scenario):
            print(file)
