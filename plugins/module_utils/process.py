# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the command line, environment, working directory and account of a process from /proc."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Process:
    """A process, by PID. Values are empty if the process has exited."""

    pid: int

    @property
    def command(self) -> list[str]:
        return _words(self._read("cmdline"))

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the process was started with."""
        pairs = (word.partition("=") for word in _words(self._read("environ")))
        return {name: value for name, separator, value in pairs if separator}

    @property
    def directory(self) -> str:
        try:
            return os.readlink(f"/proc/{self.pid}/cwd")
        except OSError:
            return ""

    @property
    def account(self) -> tuple[int, int, list[int]] | None:
        """The effective UID and GID, and the GIDs of the supplementary groups."""
        status = dict(re.findall(r"^(\w+):[ \t]*(.*)$", self._read("status").decode(), re.M))
        if not {"Uid", "Gid"} <= status.keys():
            return None
        groups = [int(word) for word in status.get("Groups", "").split()]
        return int(status["Uid"].split()[1]), int(status["Gid"].split()[1]), groups

    @property
    def started(self) -> float:
        """The start time, in seconds since the epoch, or 0 if unknown."""
        fields = self._read("stat").rpartition(b")")[2].split()
        if len(fields) < 20:
            return 0
        booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        return booted + int(fields[19]) / os.sysconf("SC_CLK_TCK")

    def family(self) -> Iterator[Process]:
        """Yield the process and all of its descendants, closest first."""
        yield self
        children = defaultdict(list)
        for path in glob.glob("/proc/[0-9]*"):
            process = Process(int(path.rpartition("/")[2]))
            if fields := process._read("stat").rpartition(b")")[2].split():
                children[int(fields[1])].append(process)
        found = [self]
        for each in found:
            found += sorted(children[each.pid], key=lambda child: child.pid)
        yield from found[1:]

    def _read(self, name: str) -> bytes:
        path = f"/proc/{self.pid}/{name}"
        try:
            with open(path, "rb") as file:
                return file.read()
        except PermissionError:
            return self._read_as_owner(path)
        except OSError:
            return b""  # it has exited

    def _read_as_owner(self, path: str) -> bytes:
        """Read a file as the owner of the process. In a container, root may be unable to read other accounts' processes."""
        with contextlib.suppress(OSError):
            owner = os.stat(f"/proc/{self.pid}")
            done = subprocess.run(
                ["cat", path],
                user=owner.st_uid,
                group=owner.st_gid,
                extra_groups=[],
                env={},  # the owner can read it, so pass nothing
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
            return done.stdout
        return b""


def _words(text: bytes) -> list[str]:
    return text.decode(errors="surrogateescape").split("\0")[:-1]
