# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a process of the hub's interpreter that has loaded JupyterHub's code, and start modules of the package as forks of it.

Loading the code takes a second. A fork has the hub's account, environment and working directory, as a new process would, and the same
code: the process refuses to fork once packages have changed (see `fork_server`).
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO, Any

from ..host.systemd_unit import Unit
from . import fork_server
from .package import HubPackage
from .process import RUN_SOURCE, HubNotFound, completed, hub_command, hub_surroundings, output, run_as_hub

# Variables that systemd sets anew at each start. The code of the hub is the same.
OF_ONE_START = re.compile(r"INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID|MEMORY_PRESSURE_\w+")
SECONDS, END_SECONDS = 120, 5


@dataclass
class Fork:
    """A module of the package that runs in a fork, with the part of the interface of `subprocess.Popen` that is needed here."""

    process: subprocess.Popen[str]
    status: socket.socket
    returncode: int | None = None
    stdin: IO[str] | None = None
    stdout: IO[str] | None = None
    stderr: IO[str] | None = None

    def __enter__(self) -> Fork:
        return self

    def __exit__(self, *_error: object) -> None:
        for file in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(BrokenPipeError):
                if file:
                    file.close()
        self.wait()
        self.status.close()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the module has ended, and return its exit status. Raises subprocess.TimeoutExpired, after it has killed the module."""
        if self.returncode is None:
            self.status.settimeout(timeout)
            try:
                told = self.status.recv(16)
            except TimeoutError:
                self.kill()
                raise subprocess.TimeoutExpired(self.process.args, timeout or 0) from None
            # No answer: it was killed. The answer comes from the hub's account.
            self.returncode = int(told) if re.fullmatch(rb"-?\d{1,3}", told) else -signal.SIGKILL
        return self.returncode

    def kill(self) -> None:
        """Kill the process and everything that it has started, unless the module has ended."""
        runs = not select.select([self.status], [], [], 0)[0]
        if runs:  # so the number of its group is not another's
            os.killpg(self.process.pid, signal.SIGKILL)


@dataclass
class Loaded:
    """A process that has loaded the code. seconds: how long that took, once it has forked."""

    key: str
    process: subprocess.Popen[str]
    link: socket.socket
    seconds: float = 0

    def fork(self, question: dict[str, Any], files: list[int], timeout: float) -> Fork | None:
        """Return a running module, or None if the process cannot fork. Raises subprocess.TimeoutExpired.

        files: standard input, output and error. timeout: in seconds, within which the code must be loaded.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fork = Fork(self.process, ours)
        with theirs, tempfile.TemporaryFile("w+") as text, contextlib.suppress(OSError):
            json.dump(question, text)
            text.seek(0)
            socket.send_fds(self.link, [b"?"], [text.fileno(), *files, theirs.fileno()])
            theirs.close()
            ours.settimeout(timeout)
            try:
                told = ours.recv(16)
                if re.fullmatch(rb"\d{1,3}\.\d{3}", told):
                    self.seconds = float(told)
                    return fork
            except TimeoutError:
                fork.kill()
                raise subprocess.TimeoutExpired(self.process.args, timeout) from None
        ours.close()
        return None

    def end(self) -> None:
        """Let the process end. Its forks continue."""
        self.link.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        self.process.kill()


# The process of this run, if any. One for another interpreter, account or environment replaces it.
_current: list[Loaded] = []


def load(unit: Unit) -> Loaded:
    """Return the process that has loaded the code of the hub that a unit runs, or has begun to. Raises HubNotFound and OSError."""
    command, surroundings = hub_command(unit), hub_surroundings(unit)
    steady = {name: text for name, text in surroundings["env"].items() if not OF_ONE_START.fullmatch(name)}
    key = json.dumps([command.python, command.options, {**surroundings, "env": steady}], sort_keys=True)
    for known in [*_current]:
        if known.key == key and known.process.poll() is None:
            return known
        _forget(known)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [command.python, *command.options, "-c", RUN_SOURCE, inspect.getsource(fork_server)],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **surroundings,
        )
    _current.append(Loaded(key, process, ours))
    return _current[-1]


def _forget(loaded: Loaded) -> None:
    _current.remove(loaded)
    loaded.end()


def seconds() -> float:
    """Return how long the code took to load, or 0 if no process has forked."""
    return max((each.seconds for each in _current), default=0)


def begin_to_load(unit: Unit) -> None:
    """Load the code, so that it is there when it is needed. Whatever prevents that is reported then."""
    with contextlib.suppress(HubNotFound, OSError):
        load(unit)


def command(package: HubPackage, unit: Unit, module: str, *arguments: str, part: str = "hub") -> list[str]:
    """Return the command that runs `main` of a module of the package with the hub's interpreter in a process of its own.

    part: the subpackage that contains the module.
    """
    # In sys.path, replace the working directory with the package. Nothing must be imported from the working directory.
    code = f"import sys; sys.path[0] = sys.argv.pop(1); from jupyterhub_collab.{part}.{module} import main; "
    code += "main(*sys.argv[1:])"
    hub = hub_command(unit)
    return [hub.python, *hub.options, "-c", code, package.path, *arguments]


def run(
    package: HubPackage, unit: Unit, module: str, *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a module of the subpackage `hub` as the hub would, and return the completed process. Raises subprocess.TimeoutExpired.

    given: the standard input.
    """
    new = command(package, unit, module, *arguments)
    with output() as out, output() as err, output() as text:
        text.write(given.encode())
        text.seek(0)
        files = [file.fileno() for file in (text, out, err)]
        if fork := _fork(unit, _question(package, module, arguments), files):
            with fork:
                return completed(new, fork.wait(SECONDS), out, err)
    return run_as_hub(unit, new, SECONDS, given)


def popen(package: HubPackage, unit: Unit, module: str, *arguments: str) -> Fork | subprocess.Popen[str]:
    """Start a module in the same way, with pipes for its standard input, output and error. Raises subprocess.TimeoutExpired."""
    pipes = [os.pipe() for _file in range(3)]
    theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
    ours = [os.fdopen(pipes[0][1], "w"), *(os.fdopen(pipe[0], errors="replace") for pipe in pipes[1:])]
    try:
        fork = _fork(unit, _question(package, module, arguments), theirs)
    finally:
        for file in theirs:
            os.close(file)
    if fork:
        fork.stdin, fork.stdout, fork.stderr = ours
        return fork
    for each in ours:
        each.close()
    new, pipe = command(package, unit, module, *arguments), subprocess.PIPE
    return subprocess.Popen(new, stdin=pipe, stdout=pipe, stderr=pipe, **hub_surroundings(unit))


def _question(package: HubPackage, module: str, arguments: tuple[str, ...]) -> dict[str, Any]:
    return {"path": package.path, "module": f"jupyterhub_collab.hub.{module}", "arguments": arguments}


def _fork(unit: Unit, question: dict[str, Any], files: list[int]) -> Fork | None:
    """Return a running module, or None if it must be started as a new process."""
    for _try in range(2):
        with contextlib.suppress(OSError):
            loaded = load(unit)
            if fork := loaded.fork(question, files, SECONDS):
                return fork
            _forget(loaded)
    return None
