# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this collection remembers on a host from run to run, and the lock that keeps two runs apart.

Everything lies in one directory, which is there only as long as there is something to remember.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import json
import os
import time
from collections.abc import Iterator
from typing import Any, TextIO

from . import transaction

STATE_DIRECTORY = "/var/lib/collab.jupyterhub"
LOCK = "lock"
LOCK_SECONDS = 600


class Unusable(Exception):
    """Nothing can be remembered now; nothing on the host has changed."""


class Busy(Unusable):
    """Another run is at work on this host."""


class Unsafe(Unusable):
    """Others than root may have changed what is remembered."""


def path_of(name: str) -> str:
    """Return the path of a file of the state."""
    return os.path.join(STATE_DIRECTORY, name)


def recall(name: str) -> dict[str, Any]:
    """Return what earlier runs have remembered under a name; empty where that is nothing."""
    return dict(json.loads(transaction.read(path_of(name)) or b"{}"))


def remember(name: str, what: dict[str, Any]) -> None:
    """Record this under a name, and replace what was there. An empty record deletes the file."""
    if what:
        transaction.write(path_of(name), json.dumps(what, indent=1, sort_keys=True).encode())
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path_of(name))


def hubs() -> dict[str, dict[str, Any]]:
    """Return what is remembered of each hub of the host that has fragments, by the name of its unit."""
    names = [os.path.basename(path) for path in sorted(glob.glob(path_of("*.json")))]
    states = {name.removesuffix(".json"): recall(name) for name in names}
    return {unit: state for unit, state in states.items() if state.get("runs_with")}


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """Hold the one lock of the host. Afterwards its file goes, and the directory where nothing else is in it."""
    with _locked() as file:
        try:
            yield
        finally:
            # Before it is let go: who waits for it sees that the file is no longer the one at the path.
            os.unlink(file.name)
            # Something is remembered, or who waits has made a new file this instant and removes it later.
            with contextlib.suppress(OSError):
                os.rmdir(STATE_DIRECTORY)


def _locked() -> TextIO:
    """Return the lock's file, open and locked; closing it lets it go. Raises Busy, and Unsafe."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        with contextlib.suppress(FileExistsError):  # it was there, and went this instant
            os.makedirs(STATE_DIRECTORY, mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            _check_owner()
        with contextlib.suppress(FileNotFoundError):  # the directory went this instant
            file = open(path_of(LOCK), "w", encoding="utf-8")  # noqa: SIM115 - closing it would let go
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(file.fileno()), os.stat(file.name)):
                    return file
            except BlockingIOError:
                pass
            except FileNotFoundError:
                file.close()
                continue
            file.close()
        if time.monotonic() > deadline:
            raise Busy(f"another run has been active on this host for {LOCK_SECONDS} s. Wait for it to end")
        time.sleep(0.2)


def _check_owner() -> None:
    """Raise Unsafe where others than root can write what is done as root."""
    there = os.stat(STATE_DIRECTORY)
    if there.st_uid != os.geteuid() or there.st_mode & 0o022:
        raise Unsafe(
            f"others than root can write to {STATE_DIRECTORY}. Find out who has changed files there, and make it "
            "private to root (chown root and chmod 700) or remove it"
        )
