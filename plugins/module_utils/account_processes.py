# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs as an account of the host, and how it ends before the account goes."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from .systemd_unit import NoSystemd, systemctl

SECONDS_TO_END = 10


def processes_of(uid: int) -> list[int]:
    """Return the processes that run as an account."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == uid:
                found.append(int(name))
        except FileNotFoundError:
            continue  # it ended this instant
    return found


def end_processes(uid: int) -> None:
    """End what runs as an account: politely, so that servers save what is open, and for good after some seconds."""
    deadline = time.monotonic() + SECONDS_TO_END
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes_of(uid):
            try:
                os.kill(process, number)
            except ProcessLookupError:
                continue
        while processes_of(uid) and time.monotonic() < deadline:
            time.sleep(0.1)
        deadline = time.monotonic() + SECONDS_TO_END


def forget_failed_units(account: str, uid: int) -> None:
    """Let systemd forget services that ran as an account and ended badly, as servers do that had to be killed."""
    with contextlib.suppress(NoSystemd):
        failed = systemctl("list-units", "--failed", "--type=service", "--plain", "--no-legend").stdout
        for line in failed.splitlines():
            name = line.split()[0]
            if systemctl("show", name, "--property=User", "--value").stdout.strip() in (account, str(uid)):
                systemctl("reset-failed", name)
