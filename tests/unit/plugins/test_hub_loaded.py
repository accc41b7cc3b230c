# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the package run in forks of one process that has loaded JupyterHub's code, and notice no difference."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import loaded
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import HubPackage
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.process import run_as_hub

from local_hub import wait_until

# Stands for JupyterHub: takes note of each time that it is loaded, and looks for a package that need not be there.
APP = """
import os
with open(os.environ["LOADS"], "a") as file:
    file.write("loaded\\n")
try:
    import an_extra
except ImportError:
    an_extra = None
VERSION = 1
"""
# Tells all that a module may notice.
TELLS = """
import json, os, signal, sys
import jupyterhub.app
def main(*arguments):
    what = arguments[0] if arguments else ""
    if what == "raise":
        raise ValueError("so")
    if what == "exit":
        sys.exit("the reason")
    if what == "die":
        os.kill(os.getpid(), signal.SIGTERM)
    print("to standard error", file=sys.stderr)
    print(json.dumps({
        "given": sys.stdin.read(), "argv": sys.argv, "path": sys.path, "cwd": os.getcwd(), "env": dict(os.environ),
        "version": jupyterhub.app.VERSION, "extra": bool(jupyterhub.app.an_extra), "umask": os.umask(0o022),
        "files": sorted(os.listdir("/proc/self/fd"))[:-1], "signals": str(signal.getsignal(signal.SIGCHLD)),
        "finders": [str(type(each)) for each in sys.meta_path], "name": __name__,
    }))
"""
LASTS = """
import os, sys, time
def main(path):
    print(os.getpid(), flush=True)
    sys.stdin.read()
    open(path, "w").close()
    time.sleep(float(os.environ.get("LASTS", "0")))
"""


class Site:
    """An interpreter with a JupyterHub of a few lines, and the package."""

    def __init__(self, directory: Path) -> None:
        self.loads = directory / "loads"
        self.modules = directory / "modules"
        for path, text in {
            "modules/jupyterhub/__init__.py": "",
            "modules/jupyterhub/app.py": APP,
            "package/jupyterhub_collab/__init__.py": "",
            "package/jupyterhub_collab/hub/__init__.py": "",
            "package/jupyterhub_collab/hub/tells.py": TELLS,
            "package/jupyterhub_collab/hub/lasts.py": LASTS,
            "cwd/json.py": "raise SystemExit('from the working directory')",
        }.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
        self.environment: dict[str, Any] = {"PYTHONPATH": self.modules, "LOADS": self.loads}
        self.directory = directory
        self.package = HubPackage({}, str(directory / "package"))
        # The process takes files that have just changed for ones that change while it loads them.
        time.sleep(0.1)

    @property
    def unit(self) -> Unit:
        told = " ".join(f"{name}={value}" for name, value in self.environment.items())
        words = f"{sys.executable} -m jupyterhub --config=/x"
        properties = {"ExecStart": f"{{ path=/x ; argv[]={words} ; }}", "Environment": told}
        return Unit("hub", properties | {"WorkingDirectory": f"{self.directory}/cwd"})

    def run(self, *arguments: str, module: str = "tells", given: str = "") -> Any:
        return loaded.run(self.package, self.unit, module, *arguments, given=given)

    def tells(self) -> Any:
        return json.loads(self.run().stdout)

    @property
    def times_loaded(self) -> int:
        return len(self.loads.read_text().splitlines())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield Site(tmp_path)
    while loaded._current:
        loaded._current.pop().end()


def test_module_that_runs_in_a_fork_notices_no_difference(site: Site) -> None:
    command = loaded.command(site.package, site.unit, "tells", "an", "argument")
    new = run_as_hub(site.unit, command, 30, "question")
    for _time in range(2):
        forked = site.run("an", "argument", given="question")
        assert json.loads(forked.stdout) == json.loads(new.stdout)
        assert (
            (forked.stderr, forked.returncode) == (new.stderr, new.returncode) == ("to standard error\n", 0)
        )
    assert site.times_loaded == 2  # by the new process, and by the one that forks


@pytest.mark.parametrize(
    ("how", "status"), [("raise", 1), ("exit", 1), ("die", -signal.SIGTERM)], ids=["raise", "exit", "die"]
)
def test_module_that_fails(how: str, status: int, site: Site) -> None:
    new = run_as_hub(site.unit, loaded.command(site.package, site.unit, "tells", how), 30)
    forked = site.run(how)
    assert forked.returncode == new.returncode == status
    assert forked.stderr.splitlines()[-1:] == new.stderr.splitlines()[-1:]
    assert site.run().returncode == 0 and site.times_loaded == 2


def test_input_is_empty_if_there_is_none(site: Site) -> None:
    assert site.tells()["given"] == ""


# What changes, and the version and the extra that a module sees then.
CHANGES: dict[str, tuple[Callable[[Site], object], tuple[int, bool]]] = {
    "a file that was loaded": (
        lambda site: (site.modules / "jupyterhub/app.py").write_text(
            APP.replace("VERSION = 1", "VERSION = 2  # of another size")
        ),
        (2, False),
    ),
    "a module that was not found before": (
        lambda site: (site.modules / "an_extra.py").write_text(""),
        (1, True),
    ),
    "a file that adds to the search path": (
        lambda site: (site.modules / "more.pth").write_text(""),
        (1, False),
    ),
}


@pytest.mark.parametrize(("change", "seen"), CHANGES.values(), ids=CHANGES)
def test_code_that_has_changed_is_loaded_again(
    change: Callable[[Site], object], seen: tuple[int, bool], site: Site
) -> None:
    before = site.tells()
    assert (before["version"], before["extra"], site.times_loaded) == (1, False, 1)
    change(site)
    time.sleep(0.1)
    after = site.tells()
    assert (after["version"], after["extra"]) == seen
    assert site.times_loaded == 2


def test_code_that_has_gone_is_not_used(site: Site) -> None:
    site.tells()
    (site.modules / "jupyterhub/app.py").unlink()
    assert "No module named 'jupyterhub.app'" in site.run().stderr


def test_packages_that_the_code_does_not_concern_change_nothing(site: Site) -> None:
    site.tells()
    (site.modules / "another.py").write_text("")
    site.tells()
    assert site.times_loaded == 1


def test_code_is_loaded_while_something_else_is_done(site: Site) -> None:
    loaded.begin_to_load(site.unit)
    wait_until(lambda: site.loads.exists() and site.times_loaded == 1)
    site.tells()
    assert site.times_loaded == 1


def test_other_environment_gets_a_process_of_its_own(site: Site) -> None:
    site.tells()
    site.environment["INVOCATION_ID"] = "another start of the same unit"
    site.tells()
    assert site.times_loaded == 1
    site.environment["A"] = "new"
    assert site.tells()["env"]["A"] == "new"
    assert site.times_loaded == 2


def test_code_that_cannot_be_loaded_is_reported_as_ever(site: Site) -> None:
    (site.modules / "jupyterhub/app.py").write_text("raise OSError('a library is missing')")
    forked = site.run()
    assert forked.returncode == 1
    assert forked.stderr.splitlines()[-1] == "OSError: a library is missing"


def test_process_that_was_killed_is_replaced(site: Site) -> None:
    site.tells()
    loaded._current[0].process.kill()
    assert site.tells()["version"] == 1


def test_module_that_takes_too_long_is_killed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "SECONDS", 3)
    site.environment["LASTS"] = "600"
    with pytest.raises(subprocess.TimeoutExpired):
        site.run(f"{site.directory}/ended", module="lasts")
    assert (site.directory / "ended").exists()
    (killed,) = (each.process for each in loaded._current)
    killed.wait(10)
    left = ["pgrep", "--runstates=DRST", "--pgroup", str(killed.pid)]
    wait_until(lambda: subprocess.run(left, check=False).returncode == 1)


def test_module_is_killed_after_the_process_that_has_started_it(site: Site) -> None:
    with loaded.popen(site.package, site.unit, "lasts", f"{site.directory}/ended") as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        loaded._current[0].process.kill()
        loaded._current[0].process.wait()
        process.kill()
        assert process.wait() == -signal.SIGKILL
    left = ["pgrep", "--runstates=DRST", "--pgroup", str(loaded._current[0].process.pid)]
    wait_until(lambda: subprocess.run(left, check=False).returncode == 1)
    assert pid and not (site.directory / "ended").exists()


def test_pipes(site: Site) -> None:
    with loaded.popen(site.package, site.unit, "lasts", f"{site.directory}/ended") as process:
        assert process.stdout and process.stdin
        assert int(process.stdout.readline()) > 0
        assert not (site.directory / "ended").exists()
        process.stdin.close()
        assert process.wait() == 0
    assert (site.directory / "ended").exists()


def test_forks_outlive_a_run_that_is_killed(site: Site) -> None:
    """A module that has created something, such as a token, still removes it. The process that has loaded the code ends."""
    process = loaded.popen(site.package, site.unit, "lasts", f"{site.directory}/ended")
    assert process.stdout and process.stdin and isinstance(process, loaded.Fork)
    process.stdout.readline()
    running = loaded._current.pop()
    running.link.close()
    assert running.process.wait(10) == 0
    assert not (site.directory / "ended").exists()
    process.stdin.close()
    wait_until((site.directory / "ended").exists)
    process.__exit__()
