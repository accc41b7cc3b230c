# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs as an account of the host, and how it ends before the account goes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import time
from collections.abc import Collection, Iterator

from .processes import everybody
from .systemd_unit import NoSystemd, systemctl

SECONDS_TO_END = 10
POLL_SECONDS = 0.1
# As linux/nsfs.h has them.
GET_PARENT, GET_OWNER = 0xB702, 0xB704


class NotEnded(Exception):
    """Something that runs as an account has not ended, and would be the next one's who gets the number."""


def processes_of(uid: int) -> list[int]:
    """Return the processes that are an account's by any of their four numbers: real, effective, saved, and for files.

    A program with the setuid bit is its starter's by one number and its owner's by another, and may choose between them later. In a user
    namespace, as rootless containers have them, an account's programs have numbers that were lent to it (/etc/subuid).
    """
    return [process for process, users, _groups in everybody() if uid in users or uid in _hosts(process)]


def _hosts(process: int) -> Iterator[int]:
    """Yield the numbers of the accounts that have made the user namespaces that a process is in."""
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):  # the outermost one has no parent
        place = f"/proc/{process}/ns/user"
        if os.path.samestat(os.stat(place), os.stat("/proc/self/ns/user")):
            return
        space = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        while True:
            stack.callback(os.close, space)
            yield struct.unpack("I", fcntl.ioctl(space, GET_OWNER, bytes(4)))[0]
            space = fcntl.ioctl(space, GET_PARENT)


def numbers_in_use(ending: Collection[int] = ()) -> set[int]:
    """Return the numbers of accounts and groups that any process has a right of, but for processes that are about to end."""
    return {
        number
        for process, users, groups in everybody()
        if process not in ending
        for number in (*users, *groups)
    }


def end_processes(uid: int) -> None:
    """End what runs as an account: politely, so that servers save what is open, and for good after some seconds.

    Raises NotEnded.
    """
    for process in processes_of(uid):
        _signal(process, signal.SIGTERM)
    if _has_ended(uid):
        return
    deadline = time.monotonic() + SECONDS_TO_END
    while left := processes_of(uid):
        if time.monotonic() > deadline:
            raise NotEnded(
                f"process {left[0]} of account {uid} does not end. End what it waits for, or restart the host, then rerun"
            )
        _kill_all(uid)
        # What is the account's by its effective number alone does not get that signal.
        for process in processes_of(uid):
            _signal(process, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _kill_all(uid: int) -> None:
    """Kill as the account whatever it may kill, at one go: nothing escapes by always being another process than the one that was seen."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(child, 0)


def _signal(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _has_ended(uid: int) -> bool:
    deadline = time.monotonic() + SECONDS_TO_END
    while processes_of(uid):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def forget_failed_units(account: str, uid: int) -> None:
    """Let systemd forget services that ran as an account and ended badly, as servers do that had to be killed."""
    with contextlib.suppress(NoSystemd):
        failed = systemctl("list-units", "--failed", "--type=service", "--plain", "--no-legend").stdout
        for line in failed.splitlines():
            name = line.split()[0]
            if systemctl("show", name, "--property=User", "--value").stdout.strip() in (account, str(uid)):
                systemctl("reset-failed", name)
