# SPDX-License-Identifier: GPL-3.0-or-later
"""Run JupyterHub's own tests, which its wheel includes, without and with our hub code, and compare the results.

python -m upstream.jupyterhub_tests [5|6] [FILE...]

Fail if our code changes the result of a test and differences.yml does not explain it, or if differences.yml explains a
difference that does not exist. Environments and results are kept in .cache/upstream.
"""

import os
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".cache/upstream"
RELEASES = {"5": "jupyterhub[test]>=5.5,<6", "6": "jupyterhub[test]>=6.1,<7"}
# The tests of what our code touches: scopes, shares, users, servers and their starts, services, pages.
FILES = ("orm", "roles", "scopes", "shares", "api", "user", "spawner", "named_servers", "services", "pages")
LIMIT = 1800  # seconds for one file
Results = dict[str, str]  # the outcome of each test


def make_environment(release: str) -> Path:
    """Create the environment of a release if it does not exist, and return its interpreter."""
    python = PLACE / f"hub{release}/bin/python"
    if not python.exists():
        subprocess.run(["uv", "venv", "-q", f"--python={sys.executable}", python.parents[1]], check=True)
    wanted = [RELEASES[release], "jupyterlab>=4.6,<4.7"]
    subprocess.run(["uv", "pip", "install", "-q", f"--python={python}", *wanted], check=True)
    if not (PLACE / "node_modules/.bin/configurable-http-proxy").exists():
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "configurable-http-proxy@5"]
        subprocess.run(install, cwd=PLACE, check=True)
    return python


def run(python: Path, release: str, files: list[str], ours: bool) -> Results:
    """Run the tests in these files and return their results. Each file has a process of its own, because hubs leave some state in theirs."""
    name = f"hub{release}-{'with' if ours else 'without'}"
    work = PLACE / name
    work.mkdir(exist_ok=True)
    tests = next(python.parents[1].glob("lib/python3*/site-packages/jupyterhub/tests"))
    path = [str(python.parent), str(PLACE / "node_modules/.bin"), os.environ["PATH"]]
    environment = os.environ | {"PATH": os.pathsep.join(path), "COLLAB_SHARING_PORT": str(free_port())}
    environment.pop("PYTHONPATH", None)
    command = [
        str(python),
        "-m",
        "pytest",
        "-q",
        f"--rootdir={tests}",
        "-c",
        os.devnull,
        "-o",
        "asyncio_mode=auto",
    ]
    command += [f"--override-ini=asyncio_default_{what}_loop_scope=module" for what in ("fixture", "test")]
    if ours:
        environment["PYTHONPATH"] = os.pathsep.join((str(ROOT / "python"), str(Path(__file__).parent)))
        command += ["-p", "with_ours"]
    found: Results = {}
    for file in files:
        report = work / f"{file}.xml"
        report.unlink(missing_ok=True)
        whole = [*command, f"--junit-xml={report}", str(tests / f"test_{file}.py")]
        with (work / f"{file}.log").open("w") as log:
            subprocess.run(
                whole, cwd=work, env=environment, stdout=log, stderr=log, check=False, timeout=LIMIT
            )
        found |= results(report)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def results(report: Path) -> Results:
    """Read the result of each test from a JUnit report."""
    found = {}
    for case in ET.parse(report).iter("testcase"):
        outcome = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        found[name] = outcome[0] if outcome else "passed"
    return found


def explanations() -> set[str]:
    """Return the tests whose results differ for a reason that differences.yml gives."""
    reasons = yaml.safe_load(Path(__file__).with_name("differences.yml").read_text())
    return {test for each in reasons for test in each["tests"]}


def main() -> int:
    arguments = sys.argv[1:]
    releases = [each for each in arguments if each in RELEASES] or [*RELEASES]
    files = [each for each in arguments if each not in RELEASES] or [*FILES]
    PLACE.mkdir(parents=True, exist_ok=True)
    explained, ran, differ = explanations(), set[str](), set[str]()
    passed, problems = 0, list[str]()
    for release in releases:
        python = make_environment(release)
        without, ours = (run(python, release, files, each) for each in (False, True))
        if not without or not ours:
            problems.append(f"no test of JupyterHub {release} ran, see {PLACE}")
        others = {name for name in without.keys() | ours.keys() if without.get(name) != ours.get(name)}
        problems += [
            f"{name} of JupyterHub {release}: {without.get(name)} without our code, {ours.get(name)} with it"
            for name in sorted(others - explained)
        ]
        ran |= without.keys()
        differ |= others
        passed += len(without.keys() | ours.keys())
        good = sum(outcome == "passed" for outcome in ours.values())
        print(
            f"JupyterHub {release}: {len(without)} tests, of which {good} pass with our code, {len(others)} differ"
        )
    if releases == [*RELEASES]:  # some differ with one release only
        problems += [
            f"{name}: differences.yml explains a difference that no longer exists"
            for name in sorted(explained & ran - differ)
        ]
    for problem in problems:
        print(f"FAILED {problem}")
    print(f"{passed - len(problems)} passed, {len(problems)} failed")
    return 1 if problems or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
