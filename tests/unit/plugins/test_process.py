# SPDX-License-Identifier: GPL-3.0-or-later
"""What root learns about the processes of an account that wants to keep it waiting. Needs root, to be other accounts."""

import glob
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import process
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import package as hub_package

from unused_accounts import FIRST

ACCOUNT = FIRST + 45
PATIENCE = 60  # seconds for anything, because the machine may be busy
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run as other accounts")
# In a container, root has none of these, and cannot read other accounts' processes.
LACKING = "-sys_ptrace,-perfmon,-sys_admin"
STOPS = """
import ctypes, signal
print('runs', flush=True)
kill = ctypes.CDLL(None).kill
while True: kill(-1, signal.SIGSTOP)
"""
READS = f"""
sys.path[:] = {sys.path!r}
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.process import Process
found = [Process(int(sys.argv[1])).environment.get('SECRET') for _time in range(300)]
print(found.count('seen'), os.geteuid(), open('/etc/shadow').closed)
"""


@pytest.fixture
def adversary() -> Iterator[int]:
    """Run a process that keeps all others of its account stopped. Yield its PID."""
    with subprocess.Popen(
        ["/usr/bin/python3", "-I", "-c", STOPS],
        user=ACCOUNT,
        group=ACCOUNT,
        extra_groups=[],
        env={"SECRET": "seen"},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout and running.stdout.readline() == "runs\n"
        try:
            yield running.pid
        finally:
            running.kill()


def test_account_that_stops_its_processes_keeps_no_reader_waiting(adversary: int) -> None:
    """In a container, its environment is read with its own rights, but by no process that it can stop."""
    drop = ["setpriv", f"--bounding-set={LACKING}", f"--inh-caps={LACKING}"]
    command = [*drop, sys.executable, "-I", "-c", f"import os, sys\n{READS}", str(adversary)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout == "300 0 False\n"


def test_version_that_may_be_in_use_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process shows memory that never answers, such as that of a file in its own file system."""
    silent = tmp_path / "environ"
    os.mkfifo(silent)
    for name in ("0" * 12, "a" * 12):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(hub_package, "DIRECTORY", str(tmp_path))
    monkeypatch.setattr(glob, "glob", lambda path: [str(silent)])
    monkeypatch.setattr(process, "READ_SECONDS", 0.5, raising=False)
    fragments = f'sys.path.insert(0, "{tmp_path}/{"a" * 12}")'.encode()
    removal = threading.Thread(target=hub_package.remove_unused, args=(fragments,), daemon=True)
    removal.start()
    removal.join(PATIENCE)
    assert not removal.is_alive()
    assert (tmp_path / ("0" * 12)).exists()
    silent.write_text("")  # the thread that reads it ends


def test_memory_that_is_larger_than_any_environment_is_read_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process can show as much memory as it likes, without having it."""
    endless = tmp_path / "environ"
    with endless.open("wb") as file:
        file.truncate(1 << 40)
    assert process.read_shown([str(endless)]) == bytes(process.LONGEST)
    monkeypatch.setattr(process, "MOST", process.LONGEST)
    assert process.read_shown([str(endless)] * 2) is None


def test_many_silent_processes_take_no_longer_than_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take the time of one, and hide no process of another account."""
    monkeypatch.setattr(process, "PROC", str(tmp_path))
    monkeypatch.setattr(process, "READ_SECONDS", 1)
    silent = [tmp_path / str(number) / "cmdline" for number in range(1, 101)]
    for path in silent:
        path.parent.mkdir()
        os.mkfifo(path)
        # Root owns the path if nothing may trace the process.
        (path.parent / "status").write_text(f"Uid:\t{ACCOUNT}\t{ACCOUNT}\t{ACCOUNT}\t{ACCOUNT}\n")
    (tmp_path / "200").mkdir()
    (tmp_path / "200/status").write_text("Uid:\t0\t0\t0\t0\n")
    (tmp_path / "200/cmdline").write_text("python3\0culler\0")
    found: list[dict[int, list[str]]] = []
    look = threading.Thread(target=lambda: found.append(process.all_commands()), daemon=True)
    look.start()
    look.join(PATIENCE)
    monkeypatch.undo()
    for path in silent:
        os.close(os.open(path, os.O_RDWR))  # the thread that reads it ends
    assert found == [{200: ["python3", "culler"]}]
