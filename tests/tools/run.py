# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the steps of a test run (steps.py), show their output, continue after failures, and count the checks.

Each command counts as one check, and so does each test in its JUnit report. Logs and reports stay in .cache/results.
Each run also writes run-*.json there, from which tests/tools/test_tables.py generates the tables in docs/how-to/testing.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from steps import RESULTS, ROOT, Step, everything

LIMIT = 60 * 60  # seconds; a step that takes longer is killed
AT_ONCE = 2  # steps often wait, for example until a server has started; then the other one has the machine
REASON = 300  # characters of the reason why a test failed
TIMES = ROOT / "docs/tests.json"

Row = dict[str, Any]


def run(step: Step) -> Row:
    """Run a step, print and log its output line by line, and return its row of the summary."""
    print(f"\n=== {step.name} ===", flush=True)
    if step.report:
        step.report.unlink(missing_ok=True)
    log = RESULTS / f"{re.sub(r'[^a-z0-9]+', '-', step.name)}.log"
    begin = time.monotonic()
    with log.open("w") as kept:
        process = subprocess.Popen(
            ["timeout", "--kill-after=30", str(LIMIT), *step.command],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "160"} | step.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        for line in process.stdout or ():
            print(f"{step.name} | {line}", end="", flush=True)
            kept.write(line)
    code = process.wait()
    row: Row = {"tier": step.tier, "why": step.why, "passed": 0, "skipped": 0, "failed": []}
    count(step, row)
    row["seconds"] = round(time.monotonic() - begin, 1)
    if step.report and not row["passed"] and not row["failed"]:
        row["failed"].append("no test ran")
    if not code:
        row["passed"] += 1
    elif not row["failed"]:
        row["failed"].append(f"exit code {code}; see {log.relative_to(ROOT)}")
    return row


def count(step: Step, row: Row) -> None:
    """Add the tests in a step's report to its row, failed ones with the reason."""
    for case in ET.parse(step.report).iter("testcase") if step.report and step.report.exists() else ():
        outcome = {child.tag: child for child in case}
        if bad := [outcome[tag] for tag in ("failure", "error") if tag in outcome]:
            why = bad[0].get("message", "").partition("\n")[0][:REASON]
            where = (bad[0].text or "").strip().rpartition("\n")[2].rpartition(":")[0]
            row["failed"].append(f"{case.get('name', '?')} ({where}): {why}")
        else:
            row["skipped" if "skipped" in outcome else "passed"] += 1


class Queue:
    """The steps that have not started yet. `next` returns the first whose images are built, and waits until there is one."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._lock = Lock()
        self._builder = ThreadPoolExecutor(1)
        images = dict.fromkeys(image for step in steps for image in step.images)
        self._images = {image: self._builder.submit(self._make, image) for image in images}

    @staticmethod
    def _make(image: str) -> bool:
        command = [sys.executable, "tests/images/build.py", image]
        return subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode == 0

    def next(self) -> tuple[Step, list[Future[bool]]] | None:
        while True:
            with self._lock:
                for step in self._steps:
                    images = [self._images[image] for image in step.images]
                    if all(image.done() for image in images):
                        self._steps.remove(step)
                        return step, images
                if not self._steps:
                    return None
            time.sleep(0.5)


def work(queue: Queue, rows: dict[str, Row]) -> None:
    while taken := queue.next():
        step, images = taken
        if all(image.result() for image in images):
            rows[step.name] = run(step)
        else:
            missing = {"passed": 0, "skipped": 0, "failed": ["its image could not be built"]}
            rows[step.name] = {"tier": step.tier, "why": step.why, "seconds": 0} | missing


def summarize(rows: dict[str, Row], tier: int, seconds: float) -> int:
    """Print the summary, save the run's results, and return the exit code."""
    print("\n=== summary ===")
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["seconds"]):
        outcome = f"{row['passed']} passed, {len(row['failed'])} failed"
        outcome += f", {row['skipped']} skipped" if row["skipped"] else ""
        print(f"{name:36} {row['seconds']:7.1f} s  {outcome}")
    for name, row in rows.items():
        print(*(f"FAILED {name}: {reason}\n" for reason in row["failed"]), sep="", end="")
    passed = sum(row["passed"] for row in rows.values())
    failed = sum(len(row["failed"]) for row in rows.values())
    describe = ["git", "describe", "--always", "--dirty"]
    revision = subprocess.run(describe, cwd=ROOT, check=False, capture_output=True, text=True).stdout.strip()
    kept = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "revision": revision, "tier": tier}
    kept |= {"seconds": round(seconds), "passed": passed, "failed": failed, "steps": rows}
    (RESULTS / f"run-{time.time_ns()}.json").write_text(json.dumps(kept, indent=1) + "\n")
    print(f"{seconds / 60:.1f} minutes\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "steps", nargs="*", help="run only steps whose names begin with this text, such as unit or lint"
    )
    parser.add_argument("--all", action="store_true", help="run tier 2, too")
    given = parser.parse_args()
    tier = 2 if given.all else 1
    steps = [step for step in everything(tier) if not given.steps or step.name.startswith(tuple(given.steps))]
    if not steps:
        parser.error(f"no step of tier {tier} begins with {' or '.join(given.steps)}; --all adds tier 2")
    RESULTS.mkdir(parents=True, exist_ok=True)
    # Start with the longest, by the last recorded times, so that short steps fill the end of the run. Untimed steps may be long.
    took = json.loads(TIMES.read_text())["steps"] if TIMES.exists() else {}
    steps.sort(key=lambda step: -(took.get(step.name, {}).get("seconds") or LIMIT))
    begin, rows, queue = time.monotonic(), dict[str, Row](), Queue(steps)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for worker in [pool.submit(work, queue, rows) for _ in range(AT_ONCE)]:
            worker.result()
    return summarize(rows, tier, time.monotonic() - begin)


if __name__ == "__main__":
    sys.exit(main())
