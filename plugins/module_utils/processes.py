# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the processes on this host with their UIDs and GIDs, and send signals to all processes of an account."""

from __future__ import annotations

import contextlib
import glob
import os
import signal
import time
from collections.abc import Iterator

KINDS = ("Uid", "Gid", "Groups", "Threads")
GONE = (FileNotFoundError, ProcessLookupError)  # it has just exited
POLL_SECONDS = 0.001
SECONDS = 5


def all_processes() -> Iterator[tuple[int, list[int], list[int]]]:
    """Yield the PID of each process with the UIDs and the GIDs of all its threads.

    Each thread has its own credentials, and the main thread may have exited before the others.
    """
    for name in os.listdir("/proc"):
        with contextlib.suppress(*GONE):
            if name.isdigit():
                first = _status(f"/proc/{name}/status")
                threads = [first] if first["Threads"] == [1] else _threads(name)
                # The others are zombies: their exit status was not read yet.
                alive = [each for each in threads if each["ended"] == [0]]
                if alive:
                    users, groups = (
                        [*dict.fromkeys(number for each in alive for kind in kinds for number in each[kind])]
                        for kinds in (["Uid"], ["Gid", "Groups"])
                    )
                    yield int(name), users, groups


def _threads(process: str) -> list[dict[str, list[int]]]:
    found = []
    for path in glob.iglob(f"/proc/{process}/task/*/status"):
        with contextlib.suppress(*GONE):
            found.append(_status(path))
    return found


def _status(path: str) -> dict[str, list[int]]:
    """Return the numbers in a status file, and as `ended`, 1 if the thread has exited, or else 0."""
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            kind, _colon, value = line.partition(":")
            if kind in KINDS:
                found[kind] = [int(number) for number in value.split()]
            elif kind == "State":
                found["ended"] = [int(value.split()[0] in ("Z", "X"))]
    return found


def signal_all(uid: int, number: signal.Signals) -> bool:
    """As an account, send a signal to every process that the account can signal, with one call. Return whether there was one.

    A process that forks and exits all the time is in no list of processes, but the kernel forks nothing during this call. Processes of the
    account can also signal the process that makes the call. So it is made again if that process was killed, and continued if it was stopped.
    Do not use this for root, which can signal every process of the host.
    """
    if uid == 0:
        raise ValueError("root can signal every process")
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        child = os.fork()
        if child == 0:
            _signal_all(uid, number)
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            os.kill(child, signal.SIGCONT if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(POLL_SECONDS)
        if os.WIFEXITED(ended[1]):
            return os.WEXITSTATUS(ended[1]) == 0
    return True


def _signal_all(uid: int, number: signal.Signals) -> None:
    """Become an account, signal all of its other processes, and exit with status 1 if there are none. Never returns."""
    status = 1
    try:
        os.setsid()  # Within a session, Linux lets all users continue processes, and so what the administrator has stopped.
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        os.kill(-1, number)
        status = 0
    except OSError:
        pass
    finally:
        os._exit(status)
