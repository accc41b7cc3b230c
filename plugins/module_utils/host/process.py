# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the command line, environment, working directory and account of a process from /proc."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

PROC = "/proc"
READ_SECONDS = 10
# Bytes: more than Linux lets a program start with. A process can show far more, which would fill the host's memory.
LONGEST = 1 << 23
MOST = 1 << 28  # bytes of several processes together
FIRST_WORDS = 1 << 12  # bytes of a command in which its first words are looked for
NOBODY = 65534  # accounts of users are below, except those of directory services


@dataclass(frozen=True)
class Process:
    """A process, by PID. Values are empty if the process has exited."""

    pid: int

    @property
    def command(self) -> list[str]:
        return _words(self._shown("cmdline"))

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the process was started with."""
        pairs = (word.partition("=") for word in _words(self._shown("environ")))
        return {name: value for name, separator, value in pairs if separator}

    @property
    def directory(self) -> str:
        try:
            return os.readlink(f"{PROC}/{self.pid}/cwd")
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
    def program(self) -> str:
        """The file that the process runs, whatever it calls itself. Empty if that is not visible, too."""
        try:
            return os.readlink(f"{PROC}/{self.pid}/exe").removesuffix(" (deleted)")
        except OSError:
            return ""

    @property
    def uids(self) -> list[int]:
        """The UIDs: real, effective, saved and of the file system. A program with the setuid bit also has that of its user."""
        found = re.search(rb"^Uid:(.*)$", self._read("status"), re.M)
        return [int(word) for word in found[1].split()] if found else []

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
        for path in glob.glob(f"{PROC}/[0-9]*"):
            process = Process(int(path.rpartition("/")[2]))
            if fields := process._read("stat").rpartition(b")")[2].split():
                children[int(fields[1])].append(process)
        found = [self]
        for each in found:
            found += sorted(children[each.pid], key=lambda child: child.pid)
        yield from found[1:]

    def _read(self, name: str) -> bytes:
        with contextlib.suppress(OSError), open(f"{PROC}/{self.pid}/{name}", "rb") as file:
            return file.read()
        return b""  # it has exited

    def _shown(self, name: str) -> bytes:
        """Read a file whose content is in the memory of the process."""
        return read_shown([f"{PROC}/{self.pid}/{name}"]) or b""


def all_commands() -> dict[int, list[str]]:
    """Return the first words of the command of each process, by PID, for those that show them within the time limit for all together.

    The processes of each account are read in a thread of their own, so that a silent one only hides others of its account.
    """
    accounts: defaultdict[int, list[int]] = defaultdict(list)
    for path in glob.iglob(f"{PROC}/[0-9]*"):
        process = Process(int(path.rpartition("/")[2]))
        # Not the owner of the path: a user's process can be such that this is root.
        accounts[min(max(process.uids, default=0), NOBODY)].append(process.pid)
    shown: dict[int, list[str]] = {}

    def read(processes: list[int]) -> None:
        for pid in processes:
            shown[pid] = _words(_as_shown(f"{PROC}/{pid}/cmdline", FIRST_WORDS))

    threads = [threading.Thread(target=read, args=(each,), daemon=True) for each in accounts.values()]
    deadline = time.monotonic() + READ_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    return dict(shown)


def read_shown(paths: list[str]) -> bytes | None:
    """Return the concatenated content of files in /proc that processes show from their memory, or None if that is too much or too slow.

    The memory can be endless, or in a file system that never answers. So a thread reads a limited amount, and is not waited for.
    """
    found: list[bytes] = []
    complete: list[bytes] = []

    def read() -> None:
        for path in paths:
            found.append(_as_shown(path))
            if sum(map(len, found)) > MOST:
                return
        complete.append(b"".join(found))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(READ_SECONDS)
    return complete[0] if complete else None


def _as_shown(path: str, longest: int = 0) -> bytes:
    """Return the beginning of a file that a process shows from its memory. It is empty if the process has exited, or shows nothing."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        try:
            return _beginning(path, longest or LONGEST)
        except PermissionError:
            with _as_owner(path), contextlib.suppress(OSError):
                return _beginning(path, longest or LONGEST)
    return b""


def _beginning(path: str, longest: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(longest)


@contextlib.contextmanager
def _as_owner(path: str) -> Iterator[None]:
    """Give this thread the owner's rights to files. In a container, root may be unable to read other accounts' processes.

    No other process gets them, because the owner's processes could stop it. They cannot signal this one.
    """
    owner = os.stat(path)
    libc = ctypes.CDLL(None)
    try:
        libc.setfsgid(ctypes.c_uint(owner.st_gid))
        libc.setfsuid(ctypes.c_uint(owner.st_uid))
        yield
    finally:
        libc.setfsuid(ctypes.c_uint(os.geteuid()))
        libc.setfsgid(ctypes.c_uint(os.getegid()))


def _words(text: bytes) -> list[str]:
    return text.decode(errors="surrogateescape").split("\0")[:-1]
