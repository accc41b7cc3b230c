# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd knows about the unit that runs the hub, and the few verbs that change it."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

PROPERTIES = [
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "MainPID",
    "InvocationID",
    "User",
    "ExecStart",
    "WorkingDirectory",
    "Environment",
    "EnvironmentFiles",
]
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoSystemd(Exception):
    """The host is not run by systemd."""


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
    def main_pid(self) -> int:
        return int(self.properties.get("MainPID") or 0)

    @property
    def invocation(self) -> str:
        """The identity of this very start of the unit; empty where it does not run."""
        return self.properties.get("InvocationID", "") if self.running else ""

    @property
    def user(self) -> str:
        return self.properties.get("User") or "root"

    @property
    def working_directory(self) -> str:
        # "!/path" and "-/path" tell systemd how to treat a missing directory.
        return self.properties.get("WorkingDirectory", "").lstrip("!-") or "/"

    @property
    def command(self) -> list[str]:
        """The command line: of the running process, else of the unit's ExecStart."""
        if self.running:
            try:
                with open(f"/proc/{self.main_pid}/cmdline", "rb") as file:
                    words = file.read().decode(errors="surrogateescape").split("\0")[:-1]
                if words:
                    return words
            except OSError:
                pass  # it ended this instant
        match = re.search(r"argv\[\]=(.*?) ;", self.properties.get("ExecStart", ""))
        return shlex.split(match.group(1)) if match else []

    @property
    def environment(self) -> dict[str, str]:
        """The environment that a start of the unit gives to the process, files included."""
        environment = {"PATH": DEFAULT_PATH, "LANG": os.environ.get("LANG", "C.UTF-8")}
        for word in shlex.split(self.properties.get("Environment", "")):
            name, separator, value = word.partition("=")
            if separator:
                environment[name] = value
        for path in re.findall(r"^(\S+) \(ignore_errors=", self.properties.get("EnvironmentFiles", ""), re.M):
            environment.update(read_environment_file(path))
        return environment


def read_environment_file(path: str) -> dict[str, str]:
    """Return the assignments in a systemd EnvironmentFile; a missing file has none."""
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
    """Run systemctl; its exit code is the caller's to judge."""
    if not os.path.isdir("/run/systemd/system"):
        raise NoSystemd("this host is not run by systemd, which starts and stops the hub for this collection")
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)


def show(name: str) -> Unit:
    """Return the unit as it is now; an unknown name gives a unit that does not exist."""
    output = systemctl("show", name, "--property=" + ",".join(PROPERTIES)).stdout
    properties: dict[str, str] = {}
    for line in output.splitlines():
        key, separator, value = line.partition("=")
        if separator and key in PROPERTIES:
            # EnvironmentFiles and the like are printed once for each of their values.
            properties[key] = f"{properties[key]}\n{value}" if key in properties else value
    return Unit(name, properties)


GUARD = """\
[Service]
# Servers that the hub has started as its children outlive it.
KillMode=process
# The hub that ends is started again, later than who has ended it on purpose would do that.
Restart=always
RestartSec=10
ExecStartPre=-+{first}
"""


@contextlib.contextmanager
def guarded(unit: Unit, first: str) -> Iterator[None]:
    """As long as this lasts, an end of the hub is neither the end of what it has started nor for long.

    Before each start systemd runs the command `first`, as root. It goes on with all this where this process is killed,
    since the setting lies in a file; that is in /run, so a reboot forgets it.
    """
    directory = os.path.join("/run/systemd/system", f"{unit.properties.get('Id', unit.name)}.d")
    path = os.path.join(directory, "zz-collab.jupyterhub.conf")
    os.makedirs(directory, mode=0o755, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(GUARD.format(first=first))
    systemctl("daemon-reload")
    try:
        yield
    finally:
        os.unlink(path)
        with contextlib.suppress(OSError):  # somebody else's setting is there, too
            os.rmdir(directory)
        systemctl("daemon-reload")


def journal(name: str, since: str, lines: int = 30) -> list[str]:
    """Return the last lines that the unit wrote to the journal since a moment (`@` and seconds of the epoch)."""
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
