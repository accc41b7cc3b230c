# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the checks, shows what they say as it comes, goes on after a failure, and counts.

Two things run at a time: what waits for a server to start leaves the machine to the other.

What counts as one check: a lint tool, a unit or browser test, a stage of a Molecule scenario (create, converge,
idempotence and so on), and every single test of its verify stage. Logs and junit files are left in .cache/results,
and summary.json there holds the seconds that every step and stage took when it was last run.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".cache/results"
CONTAINERS = ROOT / "tests/images/containers.py"
LIMIT = 45 * 60  # seconds; a step that takes longer hangs
AT_ONCE = 2
REASON = 300  # characters of why a test failed
# Scenarios that take too long to be part of a run of everything, or fetch Debian's packages; --scenario runs them.
APART = {"debian_package", "faults", "utrecht", "workspaces_bookworm"}
LONG = {"access", "configurations", "projects", "sharing", "verify", "workspaces"}

LINT = {
    "yamllint": ["yamllint", "."],
    "ansible-lint": ["ansible-lint", "--offline"],
    "ruff check": ["ruff", "check"],
    "ruff format": ["ruff", "format", "--check"],
    "mypy": ["mypy"],
    "docs": ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "."],
    "variables": ["python", "tests/tools/variables.py", "--check"],
    "access": ["python", "tests/tools/access_matrix.py", "--check"],
    "ended": ["python", "tests/tools/ended.py", "--check"],
    "changelog": ["antsibull-changelog", "lint"],
    "sanity": ["tests/tools/sanity"],
}

ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Molecule reports every stage in lines like "INFO [hub > converge] Executed: Successful", with a "➜" on terminals.
STAGE = re.compile(r"[>➜] (\w+)[\]:] (Executing|Executed: (\w+))")
# Of a task that failed, what the command that it ran, or else the module, says about it.
TASK_FAILED = re.compile(
    r'^(?:fatal|failed): .*?(?:"stderr": "(?=[^"])|"msg": "(?!non-zero))((?:[^"\\]|\\.)*)'
)


@dataclass
class Step:
    """What one step did; `failed` holds the names of what did not pass, and why where a test says so."""

    name: str
    seconds: float = 0
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)

    def count(self, check: str, good: bool) -> None:
        if good:
            self.passed += 1
        else:
            self.failed.append(check)

    def count_junit(self, report: Path) -> int:
        """Counts the tests in a pytest report and returns how many there were."""
        cases = list(ET.parse(report).iter("testcase")) if report.exists() else []
        for case in cases:
            outcome = {child.tag: child for child in case}
            if bad := [outcome[tag] for tag in ("failure", "error") if tag in outcome]:
                why = bad[0].get("message", "").partition("\n")[0][:REASON]
                where = (bad[0].text or "").strip().rpartition("\n")[2].rpartition(":")[0]
                self.failed.append(f"{case.get('name', '?')} ({where}): {why}")
            elif "skipped" in outcome:
                self.skipped += 1
            else:
                self.passed += 1
        return len(cases)


def stream(
    command: list[str], log: Path, seen: Callable[[str], None] = lambda _: None, mark: str = "", **env: str
) -> int:
    """Runs a command, shows its output line by line with a mark before each, keeps it, and returns its exit code."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "160"} | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # so that what the command has started itself can be ended with it
    )
    limit = threading.Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
    limit.start()
    try:
        assert process.stdout
        with log.open("w") as kept:
            for line in process.stdout:
                print(f"{mark}{line}", end="", flush=True)
                kept.write(ANSI.sub("", line))
                seen(ANSI.sub("", line))
        return process.wait()
    finally:
        limit.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)


def lint() -> Step:
    step = Step("lint")
    for name, command in LINT.items():
        title(name)
        begin = time.monotonic()
        log = RESULTS / f"lint-{name.replace(' ', '-')}.log"
        step.count(name, stream(command, log, mark="lint | ") == 0)
        step.stages[name] = time.monotonic() - begin
    return step


def tests(name: str) -> Step:
    """The tests in a folder of tests/."""
    step = Step(name)
    report = RESULTS / f"{name}.xml"
    title(f"{name} tests")
    report.unlink(missing_ok=True)
    command = ["pytest", f"--junit-xml={report}", f"tests/{name}"]
    code = stream(command, RESULTS / f"{name}.log", mark=f"{name} | ")
    step.count_junit(report)
    if code and not step.failed:
        step.failed.append(f"pytest ended with {code}")
    return step


def images(names: list[str]) -> Step:
    """Makes what the scenarios start from, so that their own times are the same on every run. Counts failures only."""
    step = Step("images")
    title("images")
    described = (yaml.safe_load((ROOT / f"molecule/{name}/molecule.yml").read_text()) for name in names)
    for image in sorted({platform["image"] for scenario in described for platform in scenario["platforms"]}):
        begin = time.monotonic()
        if stream(
            ["python", "tests/images/build.py", image], RESULTS / f"image-{image.replace(':', '-')}.log"
        ):
            step.failed.append(image)
        step.stages[image] = time.monotonic() - begin
    return step


def scenario(name: str, keep: bool) -> Step:
    """One Molecule scenario, from nothing."""
    step = Step(f"molecule {name}")
    report = RESULTS / f"molecule-{name}.xml"
    began: dict[str, float] = {}
    why = ""

    def watch(line: str) -> None:
        nonlocal why
        if failed := TASK_FAILED.search(line):
            why = failed[1][-REASON:]
        if not (found := STAGE.search(line)):
            return
        stage, what, outcome = found.groups()
        if what == "Executing":
            why = ""
            began[stage] = time.monotonic()
        elif stage in began:
            step.stages[stage] = time.monotonic() - began.pop(stage)
            if stage == "verify":
                if not step.count_junit(report):
                    step.failed.append("verify ran no test")
            elif outcome in ("Successful", "Failed") and stage != "destroy":
                step.count(stage if outcome == "Successful" else f"{stage}: {why}", outcome == "Successful")

    title(f"scenario {name}")
    report.unlink(missing_ok=True)
    label = f"collab.scenario={name}"
    # Whatever an earlier run left, in podman or in Molecule's memory, is not this run's.
    containers("down", label)
    for memory in (ROOT / ".cache/ansible/tmp").glob(f"molecule.*.{name}"):
        shutil.rmtree(memory)
    command = ["molecule", "test", "--no-command-borders", "--destroy=never", f"--scenario-name={name}"]
    log = RESULTS / f"molecule-{name}.log"
    code = stream(command, log, watch, f"{name} | ", PYTEST_ADDOPTS=f"--junit-xml={report}")
    if code and not step.failed:
        step.failed.append(f"molecule ended with {code}")
    if "verify" not in step.stages and not step.failed:
        step.failed.append("no verify stage")
    if step.failed:
        containers("logs", label)
    if not keep:
        containers("down", label)
    return step


def containers(*arguments: str) -> None:
    subprocess.run([sys.executable, CONTAINERS, *arguments], check=True)


def title(text: str) -> None:
    print(f"\n=== {text} ===", flush=True)


def scenarios() -> list[str]:
    """All of them, those first that take long: at the end there is then something short for each to wait for."""
    names = (path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    return sorted(names, key=lambda name: (name not in LONG, name))


def summarize(steps: list[Step]) -> int:
    """Prints the table and the last line; returns the exit code."""
    title("summary")
    width = max((len(step.name) for step in steps), default=0)
    for step in steps:
        skipped = f", {step.skipped} skipped" if step.skipped else ""
        print(
            f"{step.name:{width}}  {step.seconds:7.1f} s  {step.passed} passed, {len(step.failed)} failed{skipped}"
        )
    for step in steps:
        for check in step.failed:
            print(f"FAILED {step.name}: {check}")
    kept = RESULTS / "summary.json"
    rows = json.loads(kept.read_text()) if kept.exists() else {}
    for step in steps:
        stages = {stage: round(seconds, 1) for stage, seconds in step.stages.items()}
        times = {"seconds": round(step.seconds, 1), "stages": stages}
        rows[step.name] = times | {"passed": step.passed, "skipped": step.skipped, "failed": step.failed}
    kept.write_text(json.dumps(rows, indent=2) + "\n")
    passed = sum(step.passed for step in steps)
    failed = sum(len(step.failed) for step in steps)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def timed(job: Callable[[], Step]) -> Step:
    begin = time.monotonic()
    step = job()
    step.seconds = time.monotonic() - begin
    return step


def main() -> int:
    known = scenarios()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = ["lint", "unit", "molecule", "browser"]
    parser.add_argument("step", nargs="?", choices=steps, help="all where none is named")
    parser.add_argument(
        "--scenario", action="append", choices=known, help="only this scenario; may be repeated"
    )
    parser.add_argument("--keep", action="store_true", help="leave the scenarios' containers running")
    given = parser.parse_args()
    wanted = given.step or ("molecule" if given.scenario else "all")

    RESULTS.mkdir(parents=True, exist_ok=True)
    first: list[Callable[[], Step]] = []
    then: list[Callable[[], Step]] = []  # what needs the images
    if wanted in ("molecule", "all"):
        names = given.scenario or [name for name in known if name not in APART]
        first.append(partial(images, names))
        then += [partial(scenario, name, given.keep) for name in names]
    if wanted in ("lint", "all"):
        first.append(lint)
    if wanted in ("unit", "all"):
        then.insert(0, partial(tests, "unit"))
    if wanted in ("browser", "all"):
        then.append(partial(tests, "browser"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = [pool.submit(timed, job) for job in first]
        if begun:
            begun[0].result()  # the images, where a scenario is to run
        begun += [pool.submit(timed, job) for job in then]
        return summarize([step.result() for step in begun])


if __name__ == "__main__":
    sys.exit(main())
