# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Query systemd about the unit that runs the hub, and control the unit."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Settings for directories that systemd creates: the variable that passes their paths to the process, and their parent directory.
DIRECTORIES = {
    "RuntimeDirectory": ("RUNTIME_DIRECTORY", "/run"),
    "StateDirectory": ("STATE_DIRECTORY", "/var/lib"),
    "CacheDirectory": ("CACHE_DIRECTORY", "/var/cache"),
    "LogsDirectory": ("LOGS_DIRECTORY", "/var/log"),
    "ConfigurationDirectory": ("CONFIGURATION_DIRECTORY", "/etc"),
}
PROPERTIES = [
    "Id",
    "Names",
    "Type",
    "LoadState",
    "ActiveState",
    "SubState",
    "MainPID",
    "InvocationID",
    "User",
    "DynamicUser",
    "Group",
    "SupplementaryGroups",
    "ExecStart",
    "WorkingDirectory",
    "Environment",
    "EnvironmentFiles",
    "PassEnvironment",
    "ProtectSystem",
    "ProtectHome",
    "PrivateTmp",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "TemporaryFileSystem",
    "ReadWritePaths",
    "FragmentPath",
    "DropInPaths",
    *DIRECTORIES,
]
# Directories that the hub cannot write to, or that only the unit sees, by setting and value.
SHUT: dict[str, dict[str, tuple[str, ...]]] = {
    "ProtectSystem": {
        "yes": ("/usr", "/boot", "/efi"),
        "full": ("/usr", "/boot", "/efi", "/etc"),
        "strict": ("/",),
    },
    "ProtectHome": dict.fromkeys(("yes", "read-only", "tmpfs"), ("/home", "/root", "/run/user")),
    "PrivateTmp": dict.fromkeys(("yes", "disconnected"), ("/tmp", "/var/tmp")),
}
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoSystemd(Exception):
    """The host does not run systemd."""


@dataclass
class Unit:
    """A unit as `systemctl show` describes it at one moment."""

    name: str
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        return self.properties.get("LoadState") == "loaded"

    @property
    def running(self) -> bool:
        return self.properties.get("ActiveState") == "active" and self.main_pid > 0

    @property
    def why_not_restartable(self) -> str:
        """Why systemd cannot restart the hub of this unit, as a sentence; empty if it can."""
        if self.properties.get("Type") == "oneshot":
            return f"{self.name} has Type=oneshot, so systemd cannot restart the hub. Set Type=simple, with one ExecStart= that starts the hub"
        if self.properties.get("SubState") == "running" and not self.main_pid:
            return (
                f"systemd does not know which process of {self.name} is the hub, so it cannot restart the hub. Set Type=simple and start the "
                "hub in the foreground, or set PIDFile="
            )
        return ""

    @property
    def names(self) -> list[str]:
        """All names of the unit, with the suffix, the main one first."""
        main = self.properties.get("Id") or (self.name if "." in self.name else f"{self.name}.service")
        return list(dict.fromkeys([main, *self.properties.get("Names", "").split()]))

    @property
    def main_pid(self) -> int:
        return int(self.properties.get("MainPID") or 0)

    @property
    def invocation(self) -> str:
        """The ID of the current start of the unit. Empty if it is not running."""
        return self.properties.get("InvocationID", "") if self.running else ""

    @property
    def user(self) -> str:
        return self.properties.get("User") or "root"

    @property
    def working_directory(self) -> str:
        # "!/path" and "-/path" tell systemd how to treat a missing directory.
        return self.properties.get("WorkingDirectory", "").lstrip("!-") or "/"

    @property
    def group(self) -> str:
        return self.properties.get("Group", "")

    @property
    def further_groups(self) -> list[str]:
        return self.properties.get("SupplementaryGroups", "").split()

    @property
    def command(self) -> list[str]:
        """The command line of ExecStart."""
        match = re.search(r"argv\[\]=(.*?) ;", self.properties.get("ExecStart", ""))
        if not match:
            return []
        try:
            return shlex.split(match[1])
        except ValueError:  # systemd quotes nothing here, so an apostrophe can stand alone
            return match[1].split()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the unit's process when it starts."""
        return {"PATH": DEFAULT_PATH, "LANG": os.environ.get("LANG", "C.UTF-8"), **self.told}

    @property
    def told(self) -> dict[str, str]:
        """The variables that the unit sets, including those from environment files."""
        variables: dict[str, str] = {}
        for kind, (variable, place) in DIRECTORIES.items():
            # "NAME:LINK" also creates a link.
            names = [name.partition(":")[0] for name in self.properties.get(kind, "").split()]
            if names:
                variables[variable] = ":".join(os.path.join(place, name) for name in names)
        if names := self.properties.get("PassEnvironment", "").split():
            passed = assignments(shlex.split(systemctl("show-environment").stdout))
            variables |= {name: passed[name] for name in names if name in passed}
        variables |= assignments(shlex.split(self.properties.get("Environment", "")))
        for path in self.environment_files:
            variables.update(read_environment_file(path))
        return variables

    def may_write(self, path: str) -> bool:
        """Return whether the unit's sandbox allows writing to a path that servers see, too. File permissions are not checked."""
        shut = [path for kind in ("ReadOnlyPaths", "InaccessiblePaths") for path in self._paths(kind)]
        # "PATH:OPTIONS" also sets options for mounting it.
        shut += [path.partition(":")[0] for path in self._paths("TemporaryFileSystem")]
        for kind, values in SHUT.items():
            shut += values.get(self.properties.get(kind, ""), ())
        open_to = self._paths("ReadWritePaths")
        for kind, (_variable, place) in DIRECTORIES.items():
            names = self.properties.get(kind, "").split()
            open_to += [os.path.join(place, name.partition(":")[0]) for name in names]
        # The most specific setting wins.
        return _depth(path, open_to) >= _depth(path, shut)

    def _paths(self, name: str) -> list[str]:
        found = [(word, word.lstrip("-+")) for word in shlex.split(self.properties.get(name, ""))]
        # systemd ignores a missing path with a hyphen, also if it is created later.
        return [path for word, path in found if not word.startswith("-") or os.path.exists(path)]

    @property
    def environment_files(self) -> list[str]:
        """The environment files, in order. systemd accepts patterns, and sorts the files that match one."""
        named = self.properties.get("EnvironmentFiles", "")
        told = re.findall(r"^(.+) \(ignore_errors=\w+\)$", named, re.M)
        return [path for pattern in told for path in sorted(glob.glob(pattern))]

    @property
    def files(self) -> list[str]:
        """The files that define the unit, except our temporary drop-in (see `guarded`)."""
        drop_ins = shlex.split(self.properties.get("DropInPaths", ""))
        named = [self.properties.get("FragmentPath", ""), *drop_ins, *self.environment_files]
        return [path for path in named if path and os.path.basename(path) != GUARD_NAME]


def _depth(path: str, directories: list[str]) -> int:
    """Return how specific the most specific directory is that contains a path, or 0 if none does."""
    inside = [each for each in directories if os.path.commonpath([path, each]) == os.path.normpath(each)]
    return max((1 + len(os.path.normpath(each).strip("/")) for each in inside), default=0)


def assignments(words: Iterable[str]) -> dict[str, str]:
    """Return the variables in words of the form NAME=VALUE. Other words are ignored."""
    pairs = (word.partition("=") for word in words)
    return {name: value for name, separator, value in pairs if separator}


def read_environment_file(path: str) -> dict[str, str]:
    """Return the assignments in a systemd EnvironmentFile, or none if it cannot be read."""
    result: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("\\\n", "")
    except OSError:
        return result
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and name and name[0] not in "#;":
            try:
                words = shlex.split(value)
            except ValueError:
                words = [value]
            result[name.strip()] = " ".join(words)
    return result


def systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemctl. The caller must check the exit code. Raises NoSystemd."""
    if not os.path.isdir("/run/systemd/system"):
        raise NoSystemd(
            "this host does not run systemd, which this collection needs to start and stop the hub"
        )
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)


def show(name: str) -> Unit:
    """Return the current state of a unit. For an unknown name, return a unit with `exists` False. Raises NoSystemd."""
    output = systemctl("show", name, "--property=" + ",".join(PROPERTIES)).stdout
    properties: dict[str, str] = {}
    for line in output.splitlines():
        key, separator, value = line.partition("=")
        if separator and key in PROPERTIES:
            # Properties such as EnvironmentFiles are printed once per value.
            properties[key] = f"{properties[key]}\n{value}" if key in properties else value
    return Unit(name, properties)


GUARD_NAME = "zz-collab.jupyterhub.conf"
GUARD = """\
[Service]
# Servers that are children of the hub's process outlive it.
KillMode=process
# If the hub stops, systemd restarts it, but later than the run that stopped it on purpose.
Restart=always
RestartSec=10
ExecStartPre=-+{first}
"""


@contextlib.contextmanager
def guarded(unit: Unit, first: str) -> Iterator[None]:
    """Within this context, users' servers survive if the hub exits, and systemd restarts the hub.

    Before each start, systemd runs the command `first` as root. If this process is killed, the guard stays in force, because it is a
    drop-in file. The file is in /run, so it does not survive a reboot.
    """
    directory = os.path.join("/run/systemd/system", f"{unit.properties.get('Id', unit.name)}.d")
    path = os.path.join(directory, GUARD_NAME)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(GUARD.format(first=first))
    systemctl("daemon-reload")
    try:
        yield
    finally:
        os.unlink(path)
        with contextlib.suppress(OSError):  # it contains other drop-ins
            os.rmdir(directory)
        systemctl("daemon-reload")


def journal(name: str, since: str, lines: int = 30) -> list[str]:
    """Return the last lines that a unit has written to the journal since a time, such as `@` with seconds since the epoch."""
    command = [
        "journalctl",
        "--unit",
        name,
        "--since",
        since,
        "--lines",
        str(lines),
        "--output",
        "cat",
        "--no-pager",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("-- ")]
