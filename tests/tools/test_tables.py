# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tables in docs/how-to/testing.md from the runs of `make test` and `make test-all` on this machine.

Adds the runs in .cache/results to docs/tests.json, which keeps the last complete runs and the duration of each step's last run.
tests/tools/run.py starts with the steps that took longest. The document marks the places of the tables:

`<!-- runs -->`   the last complete runs
`<!-- steps -->`  every step: its tier, duration, number of checks and purpose
"""

import json
import re
from typing import Any

from steps import RESULTS, ROOT, everything

KEPT = ROOT / "docs/tests.json"
DOCUMENT = ROOT / "docs/how-to/testing.md"
LAST = 10  # runs of each tier
COMMANDS = {1: "`make test`", 2: "`make test-all`"}


def taken_in() -> dict[str, Any]:
    """Return the recorded runs together with those of this machine, newest last."""
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {"runs": [], "steps": {}}
    known = {(run["date"], run["revision"]) for run in kept["runs"]}
    for path in sorted(RESULTS.glob("run-*.json")):
        run = json.loads(path.read_text())
        steps = run.pop("steps")
        for name, step in steps.items():
            kept["steps"].setdefault(name, {})["seconds"] = step["seconds"]
            kept["steps"][name]["checks"] = step["passed"] + len(step["failed"])
        whole = {step.name for step in everything(run["tier"])} <= set(steps)
        if whole and (run["date"], run["revision"]) not in known:
            kept["runs"].append(run)
    kept["runs"].sort(key=lambda run: run["date"])
    kept["runs"] = [run for tier in COMMANDS for run in kept["runs"] if run["tier"] == tier][-2 * LAST :]
    return kept


def table(head: list[str], rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])


def runs(kept: dict[str, Any]) -> str:
    rows = [
        [COMMANDS[run["tier"]], run["date"], run["revision"], f"{run['seconds'] / 60:.1f}"]
        + [str(run["passed"]), str(run["failed"])]
        for run in kept["runs"]
    ]
    return table(["command", "date (UTC)", "revision", "minutes", "passed", "failed"], rows)


def steps(kept: dict[str, Any]) -> str:
    first = {step.name for step in everything(1)}
    rows = []
    for step in everything(2):
        took = kept["steps"].get(step.name, {})
        rows.append(
            [step.name, COMMANDS[1 if step.name in first else 2], f"{took.get('seconds', 0):.0f}"]
            + [str(took.get("checks", 0)), step.why]
        )
    rows.sort(key=lambda row: -int(row[2]))
    return table(["step", "first run by", "seconds", "checks", "what it checks"], rows)


def put(text: str, place: str, written: str) -> str:
    """Return the document with a table replaced."""
    mark = re.compile(rf"(<!-- {place} -->\n).*?(<!-- end -->)", re.S)
    return mark.sub(lambda found: found[1] + written + found[2], text)


def main() -> None:
    kept = taken_in()
    text = put(DOCUMENT.read_text(), "runs", runs(kept))
    DOCUMENT.write_text(put(text, "steps", steps(kept)))
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
