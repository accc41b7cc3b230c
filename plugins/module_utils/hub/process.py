# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the hub of a unit, and run programs with the hub's interpreter, account, environment and working directory."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ..host.accounts import login_minimum
from ..host.process import READ_SECONDS, Process
from ..host.systemd_unit import DEFAULT_PATH, Unit

LONGEST_ERROR = 1 << 20  # bytes of a program's error output that are read, from its end
Account = tuple[int, int, list[int]]  # UID, GID, and the GIDs of all groups


class HubNotFound(Exception):
    """The unit does not show which command starts the hub."""


# The start of a script in an environment that uv makes relocatable. It runs the interpreter next to it.
RELOCATABLE = re.compile(
    rb"^#!/bin/sh\n'''exec' " + re.escape(b'"$(dirname -- "$(realpath -- "$0")")"/') + rb"'([^'/]+)'"
)


def shebang_python(script: str) -> str | None:
    """Return the Python interpreter that a script names in its shebang, or None."""
    try:
        with open(script, "rb") as file:
            head = file.read(512)
    except OSError:
        return None
    if match := RELOCATABLE.search(head):
        return os.path.join(os.path.dirname(os.path.realpath(script)), os.fsdecode(match[1]))
    match = re.match(rb"#!\s*(?:\S*/env\s+)?(\S*python[\d.]*)", head)
    if not match and head.startswith(b"#!/bin/sh"):
        # pip writes this if the path is too long for a shebang.
        match = re.search(rb"^'''exec' [\"']?([^\"'\s]+)", head, re.M)
    if not match:
        return None
    name = match.group(1).decode(errors="surrogateescape")
    return name if name.startswith("/") else shutil.which(name)


@dataclass
class HubCommand:
    """A parsed command line that starts a hub."""

    python: str
    arguments: list[str]  # without the option that names the configuration file
    config: str  # the configuration file, or empty if the command names none
    options: list[str] = field(default_factory=list)  # of the interpreter


# Programs that belong to a hub but are not the hub itself.
OTHERS = re.compile(r"singleuser|cull|proxy|announcement|jupyterhub_collab")
DEFAULT_CONFIG = "jupyterhub_config.py"
HUB = re.compile(r"\.?jupyterhub(\.app|\.__main__|-wrapped)?")
# Python's options whose value is the next word.
WITH_VALUE = ("-X", "-W", "--check-hash-based-pycs")
# The option for a module, which can follow others in the same word, and which its value can follow.
MODULE = re.compile(r"-([bBdEiIOPqsSuvVx]*)m(.*)")
# Programs that start several others, and continue to run when one of these ends.
SUPERVISORS = ("supervisord", "circusd", "runsvdir", "s6-svscan", "honcho")
CONTAINERS = ("docker", "podman", "nerdctl")
# Variables that are only for the process that systemd started.
PRIVATE = re.compile(r"NOTIFY_SOCKET|LISTEN_\w+|WATCHDOG_\w+|FDSTORE")


def parse_command(words: list[str], path: str) -> HubCommand:
    """Parse a command line. Raises HubNotFound if it does not start a hub.

    path: the PATH that the command is started with.
    """
    rest = list(words)
    python, options = None, []
    if rest and re.search(r"(^|/)python[\d.]*$", rest[0]):
        python = rest.pop(0)
        while rest and rest[0].startswith("-"):
            option = rest.pop(0)
            if module := MODULE.fullmatch(option):
                options += [f"-{module[1]}"] if module[1] else []
                rest[:0] = [module[2]] if module[2] else []
                break
            options.append(option)
            if option in WITH_VALUE and rest:
                options.append(rest.pop(0))
    program = rest.pop(0) if rest else ""
    if python is None:
        script = program if program.startswith("/") else shutil.which(program, path=path) or program
        python = shebang_python(script)
    name = os.path.basename(program)
    if python is None or "jupyterhub" not in name or OTHERS.search(name):
        raise HubNotFound(f"the command `{' '.join(words)}` does not start jupyterhub")
    if not python.startswith("/"):
        python = shutil.which(python, path=path) or python
    arguments: list[str] = []
    config = ""
    while rest:
        word = rest.pop(0)
        if word in ("-f", "--config", "--JupyterHub.config_file") and rest:
            config = rest.pop(0)
        elif found := re.match(r"(?:(?:-f|--config|--JupyterHub\.config_file)=|-f)(.+)", word):
            config = found[1]
        else:
            arguments.append(word)
    return HubCommand(python, arguments, config, options)


@dataclass
class Hub:
    """The running hub of a unit or, if it is not running, the hub as the unit would start it."""

    command: HubCommand
    directory: str
    environment: dict[str, str]
    account: Account
    pid: int = 0


def hub_of(unit: Unit) -> Hub:
    """Return the hub of a unit. Raises HubNotFound if it cannot be identified.

    A unit may start a script or another program that sets variables, changes the directory or the account, and then becomes the hub or
    waits for it. So if the unit is running, inspect its processes and not its settings.
    """
    if unit.why_not_restartable:
        raise HubNotFound(unit.why_not_restartable)
    return _running_hub(unit) if unit.running else _hub_to_start(unit)


def hub_command(unit: Unit) -> HubCommand:
    """Return the hub's command. The path of its configuration file is absolute, and defaults to the hub's default."""
    hub = hub_of(unit)
    hub.command.config = os.path.join(hub.directory, hub.command.config or DEFAULT_CONFIG)
    return hub.command


def account_of(unit: Unit) -> Account:
    """Return the account that the unit's hub runs as, even if no process is identified as the hub."""
    try:
        return hub_of(unit).account
    except HubNotFound:
        return _account_to_start(unit)


def pid_of(unit: Unit) -> int:
    """Return the PID of the hub or, if no process is identified as the hub, that of the unit's main process."""
    try:
        return hub_of(unit).pid or unit.main_pid
    except HubNotFound:
        return unit.main_pid


def _hub_to_start(unit: Unit) -> Hub:
    try:
        command = parse_command(unit.command, unit.environment["PATH"])
    except HubNotFound as error:
        raise HubNotFound(
            f"{unit.name} is not running, and {error}. Start {unit.name}, so that its processes show where the hub is"
        ) from error
    account = _account_to_start(unit)
    entry = pwd.getpwuid(account[0])
    environment = {"HOME": entry.pw_dir, "USER": entry.pw_name, "LOGNAME": entry.pw_name, **unit.environment}
    return Hub(command, unit.working_directory, environment, account)


def _account_to_start(unit: Unit) -> Account:
    try:
        entry = pwd.getpwuid(int(unit.user)) if unit.user.isdigit() else pwd.getpwnam(unit.user)
        main, *further = (
            int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
            for name in (unit.group or str(entry.pw_gid), *unit.further_groups)
        )
    except KeyError as error:
        way_out = (
            f". Start {unit.name}, which creates it" if unit.properties.get("DynamicUser") == "yes" else ""
        )
        raise HubNotFound(
            f"{unit.name} runs as an account or group that does not exist: {error}{way_out}"
        ) from error
    return entry.pw_uid, main, sorted({*os.getgrouplist(entry.pw_name, main), *further})


def _running_hub(unit: Unit) -> Hub:
    first = Process(unit.main_pid)
    found: list[tuple[bool, HubCommand, Process]] = []
    deadline = time.monotonic() + READ_SECONDS
    for process in first.family():
        # Users' processes come after the hub. They may keep everyone waiting who reads their memory, and call themselves a hub.
        if time.monotonic() > deadline:
            break
        if not _runs_python(process) or (found and _is_another_users(process, first)):
            continue
        words = process.command
        with contextlib.suppress(HubNotFound):
            command = parse_command(words, process.environment.get("PATH", DEFAULT_PATH))
            is_named_so = any(HUB.fullmatch(os.path.basename(word)) for word in words)
            found.append((not is_named_so, command, process))
            if is_named_so:
                break
    if not found:
        raise HubNotFound(_why_not(unit, first))
    _uncertain, command, process = min(found, key=lambda each: each[0])
    names = {os.path.basename(word) for word in first.command[:2]} & {*SUPERVISORS}
    if names and process != first:
        raise HubNotFound(
            f"{unit.name} is {names.pop()}, which runs the hub as one of several programs, so systemd cannot restart the hub alone. "
            "Give the hub its own systemd unit"
        )
    account = process.account or _account_to_start(unit)
    return Hub(
        command,
        _started_in(unit, process, command),
        _environment(unit, process),
        account,
        process.pid,
    )


def _runs_python(process: Process) -> bool:
    """Return whether a process may be a Python interpreter. A program with the setuid bit may not be, and shows what its user wants."""
    program = process.program
    return not program or os.path.basename(program).startswith("python")


def _is_another_users(process: Process, first: Process) -> bool:
    """Return whether a process has the account of a person, and not that of the unit's main process."""
    return any(uid >= login_minimum() for uid in {*process.uids} - {*first.uids})


def _started_in(unit: Unit, process: Process, command: HubCommand) -> str:
    """Return the directory that a hub was started in. Its configuration may have changed the directory since, but not moved the file."""
    now = process.directory or unit.working_directory
    started = (now, unit.working_directory)
    return next(
        (each for each in started if os.path.exists(os.path.join(each, command.config or DEFAULT_CONFIG))),
        now,
    )


def _why_not(unit: Unit, first: Process) -> str:
    words = first.command
    what = f"{unit.name} runs `{' '.join(words)}`"
    if words and os.path.basename(words[0]) in CONTAINERS:
        return f"{what}, so the hub runs in a container, which this collection does not support. Run the hub on the host"
    return f"{what}, and none of its processes is jupyterhub. Name the unit that runs the hub"


def _environment(unit: Unit, process: Process) -> dict[str, str]:
    """Return the environment that a hub was started with, updated with the unit's variables if the unit has changed since."""
    files = [path for path in unit.files if os.path.exists(path)]
    is_new = any(os.path.getmtime(path) > process.started for path in files)
    # Some kernels do not show it, not even to root.
    environment = {**(process.environment or unit.environment), **(unit.told if is_new else {})}
    return {name: value for name, value in environment.items() if not PRIVATE.fullmatch(name)}


def hub_surroundings(unit: Unit) -> dict[str, Any]:
    """Return the arguments for `subprocess.Popen` that set the hub's account, environment and working directory."""
    hub = hub_of(unit)
    surroundings: dict[str, Any] = {
        "cwd": hub.directory if os.path.isdir(hub.directory) else "/",
        "env": hub.environment,
        "text": True,
        "errors": "replace",
    }
    user, group, groups = hub.account
    if os.geteuid() == 0 and user != 0:
        surroundings |= {"user": user, "group": group, "extra_groups": groups}
    return surroundings


# Code that runs the source text in its first argument. `-c` puts the working directory first in sys.path, and nothing is imported from there.
RUN_SOURCE = "import sys; del sys.path[0]; exec(sys.argv.pop(1))"


def run_as_hub(
    unit: Unit, command: list[str], timeout: float, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command with the hub's account, environment and working directory, and return the completed process.

    timeout: in seconds. given: the standard input. Raises subprocess.TimeoutExpired.

    The end of the output is not waited for, because the hub's configuration may start a program that stays and inherits it.
    """
    deadline = time.monotonic() + timeout
    with output() as out, output() as err, output() as text:
        text.write(given.encode())
        text.seek(0)
        files: dict[str, Any] = {"stdin": text, "stdout": out, "stderr": err}
        # `wait` with a limit only looks every 50 ms whether the process has ended.
        with (
            subprocess.Popen(command, **files, **hub_surroundings(unit)) as process,
            at_most(timeout, process.kill),
        ):
            code = process.wait()
        if code == -signal.SIGKILL and time.monotonic() >= deadline:
            raise subprocess.TimeoutExpired(command, timeout)
        return completed(command, code, out, err)


def completed(
    command: list[str], code: int, out: BinaryIO, err: BinaryIO
) -> subprocess.CompletedProcess[str]:
    """Return a completed process with what it has written so far."""
    return subprocess.CompletedProcess(command, code, _text(out), _text(err, LONGEST_ERROR))


@contextlib.contextmanager
def at_most(seconds: float, kill: Callable[[], None]) -> Iterator[None]:
    """Call `kill` if this context takes longer than these seconds. For example, a database may accept connections and never answer."""
    limit = threading.Timer(seconds, kill)
    limit.start()
    try:
        yield
    finally:
        limit.cancel()


@contextlib.contextmanager
def output() -> Iterator[BinaryIO]:
    """Yield a file in memory for the output of a program. It cannot grow after this context, whichever program still has it."""
    try:
        file = os.fdopen(os.memfd_create("output", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b", 0)
    except OSError:  # a host can forbid such files (vm.memfd_noexec=2)
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed below
    with file:
        try:
            yield file
        finally:
            with contextlib.suppress(OSError):
                fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)


def _text(file: BinaryIO, longest: int = 0) -> str:
    """Return the content of a file, or the last bytes of it if it is too long."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, max(0, size - longest) if longest else 0).decode(errors="replace")
