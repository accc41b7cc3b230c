# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the processes on this host with their UIDs and GIDs, and send signals to all processes of an account."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import select
import signal
from collections.abc import Collection, Iterator
from typing import NoReturn

from .gates import STATE

KINDS = ("Tgid", "Uid", "Gid", "Groups", "Threads")
GONE = (FileNotFoundError, ProcessLookupError)  # it has just exited
POLL_SECONDS = 0.1
LISTS = 5  # how many lists of all processes to take
LATEST = 80  # how often to look for the latest process after each list
# UIDs that nobody has: those from STRANGERS are unused on systemd's hosts, and NO_ONE stands for none in 16 bits.
STRANGERS, NO_ONE = 0x70000000, 65535
# A file whose bytes are locked for the accounts that are halted, each at the UID as its offset.
HALTS = os.path.join(STATE, "halted")


def all_processes() -> Iterator[tuple[int, list[int], list[int]]]:
    """Yield the PID of each process with the UIDs and the GIDs of all its threads.

    Each thread has its own credentials, and the main thread may have exited before the others.
    """
    found = set()
    for name in _names():
        with contextlib.suppress(*GONE):
            first = _status(f"/proc/{name}/status")
            process = first["Tgid"][0]  # the latest one may be a thread of another
            if process not in found:
                found.add(process)
                threads = [first] if first["Threads"] == [1] else _threads(name)
                # The others are zombies: their exit status was not read yet.
                alive = [each for each in threads if each["ended"] == [0]]
                if alive:
                    users, groups = (
                        [*dict.fromkeys(number for each in alive for kind in kinds for number in each[kind])]
                        for kinds in (["Uid"], ["Gid", "Groups"])
                    )
                    yield process, users, groups


def _names() -> Iterator[str]:
    """Yield the names of all processes in /proc, then again and again that of the latest one, and all of this several times.

    A program that forks and exits all the time is gone before anyone reads about the processes in a list. It is often the latest one,
    but on a busy host, the latest one can be another for a while.
    """
    listed: set[str] = set()
    with open("/proc/loadavg", "rb", buffering=0) as file:
        for _list in range(LISTS):
            new = {*filter(str.isdigit, os.listdir("/proc"))} - listed
            yield from new
            listed |= new
            for _time in range(LATEST):
                yield os.pread(file.fileno(), 100, 0).split()[-1].decode()


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


def signal_all(uid: int, number: signal.Signals) -> None:
    """As an account, send a signal to every process that the account can signal.

    A process that forks and exits all the time is in no list of processes, but the kernel forks nothing while it sends this signal.
    """
    with _signalled([uid], number):
        pass


@contextlib.contextmanager
def halted(uids: Collection[int]) -> Iterator[None]:
    """Stop all processes of accounts within this context. They continue even if this process is killed.

    Otherwise, a process that forks and exits all the time would never be found: it is gone before a list of all processes reaches it.
    An account can be halted several times at once, and continues with the end of the last one. Jobs that the account itself had stopped
    continue as well.
    """
    with _signalled(uids, signal.SIGSTOP, signal.SIGCONT):
        yield


@contextlib.contextmanager
def _signalled(uids: Collection[int], *numbers: signal.Signals) -> Iterator[None]:
    """In another process, send the first signal to all processes of accounts, and the second, if given, at the end of this context.

    Do not use this for root, which can signal every process of the host.
    """
    if 0 in uids:
        raise ValueError("root can signal every process")
    told, tells = os.pipe()
    waits, holds = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(holds)
        _signal_all(uids, numbers, tells, waits)
    os.close(tells)
    os.close(waits)
    try:
        _is_on(child, told)
        yield
    finally:
        os.close(holds)
        while _is_on(child, told):
            pass
        os.close(told)
        if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            with _signalled(uids, numbers[-1]):
                pass


def _is_on(child: int, told: int) -> bool:
    """Wait until a sender has sent a signal or exited, and return whether it has not exited.

    Continue it, because in a container without UIDs for each sender, another one can have stopped it.
    """
    while not select.select([told], [], [], POLL_SECONDS)[0]:
        os.kill(child, signal.SIGCONT)
    return bool(os.read(told, 1))


def _signal_all(
    uids: Collection[int], numbers: Collection[signal.Signals], tells: int, waits: int
) -> NoReturn:
    """As accounts, send each signal to all of their processes. After each, wait until the other process goes on, or is gone."""
    try:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        os.setsid()  # Within a session, Linux lets all users continue processes, and so what the administrator has stopped.
        halts = _Halts()
        for number in numbers:
            for uid in uids:
                if number == signal.SIGSTOP:
                    halts.begin(uid)
                if number != signal.SIGCONT or halts.end(uid):
                    _signal_as(uid, number)
            os.write(tells, b".")
            os.read(waits, 1)
    finally:
        os._exit(0)


class _Halts:
    """The accounts that this process halts. Others know of it by the locks on a file, which end with the process."""

    def __init__(self) -> None:
        self.file = -1
        with contextlib.suppress(OSError):  # no project is on this host
            self.file = os.open(HALTS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def begin(self, uid: int) -> None:
        if self.file >= 0:
            fcntl.lockf(self.file, fcntl.LOCK_SH, 1, uid)

    def end(self, uid: int) -> bool:
        """Return whether no other process halts the account. If so, none begins until this one ends."""
        if self.file >= 0:
            fcntl.lockf(self.file, fcntl.LOCK_UN, 1, uid)
            try:
                fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, uid)
            except OSError:
                return False
        return True


def _signal_as(uid: int, number: signal.Signals) -> None:
    """With the rights of an account, signal every process but this one.

    The effective UID decides which processes this one can signal. The other two decide which can signal this one: root's only, so that
    the account's processes neither stop nor kill it. The real UID can signal, too. So each sender has its own, or two of them would stop
    or kill each other.
    """
    for stranger in (STRANGERS + os.getpid(), NO_ONE, uid):  # a container may not have all UIDs
        with contextlib.suppress(OSError):
            os.setresuid(stranger, uid, 0)
            with contextlib.suppress(OSError):
                os.kill(-1, number)
            break
    os.setresuid(0, 0, 0)
