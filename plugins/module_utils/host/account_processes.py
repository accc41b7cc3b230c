# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the processes of an account, and end them before the account is removed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import time
from collections.abc import Collection, Iterator

from ..workspaces.processes import all_processes, signal_all
from .systemd_unit import NoSystemd, systemctl

SECONDS_TO_END = 10
POLL_SECONDS = 0.1
# How often to look before no process counts as left, and how long to wait between two looks, in seconds. A process that has just become
# the account's can have been read before that.
LOOKS, BETWEEN_LOOKS = 5, 0.01
# From linux/nsfs.h.
GET_PARENT, GET_OWNER = 0xB702, 0xB704


class NotEnded(Exception):
    """A process of an account does not end. It would belong to the next account that gets the UID."""


def processes_of(uid: int) -> list[int]:
    """Return the PIDs of the processes that have an account's UID as real, effective, saved or file-system UID.

    A program with the setuid bit has the UIDs of both its caller and its owner, and can switch between them. In a user namespace, as used
    by rootless containers, the account's processes have subordinate UIDs (/etc/subuid). So include all processes in its user namespaces.
    """
    return [process for process, users, _groups in all_processes() if uid in users or uid in _hosts(process)]


def _hosts(process: int) -> Iterator[int]:
    """Yield the UIDs of the accounts that created the user namespaces of a process, innermost first."""
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
    """Return all UIDs and GIDs of running processes, except those in `ending`, which are about to end."""
    return {
        number
        for process, users, groups in all_processes()
        if process not in ending
        for number in (*users, *groups)
    }


def end_processes(uid: int) -> None:
    """End all processes of an account: with SIGTERM, so that servers save open documents, and after some seconds with SIGKILL.

    Raises NotEnded.
    """
    for process in processes_of(uid):
        _signal(process, signal.SIGTERM)
    _wait_until_ended(uid)
    # Do this even if no process is left: one that forks and exits all the time can be missing in the list.
    signal_all(uid, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS_TO_END
    while left := _left(uid):
        if time.monotonic() > deadline:
            raise NotEnded(
                f"process {left[0]} of account {uid} does not end. End what it waits for, or restart the host, then rerun"
            )
        # Processes that have the account only as effective UID do not get the signal to all.
        for process in left:
            _signal(process, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
        signal_all(uid, signal.SIGKILL)


def _left(uid: int) -> list[int]:
    """Return the PIDs of the processes of an account from the first of several looks that finds any."""
    for _time in range(LOOKS):
        if found := processes_of(uid):
            return found
        time.sleep(BETWEEN_LOOKS)
    return []


def _signal(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _wait_until_ended(uid: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_END
    while processes_of(uid) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def forget_failed_units(account: str, uid: int) -> None:
    """Reset the failed systemd services of an account, such as servers that had to be killed."""
    with contextlib.suppress(NoSystemd):
        failed = systemctl("list-units", "--failed", "--type=service", "--plain", "--no-legend").stdout
        for line in failed.splitlines():
            name = line.split()[0]
            if systemctl("show", name, "--property=User", "--value").stdout.strip() in (account, str(uid)):
                systemctl("reset-failed", name)
