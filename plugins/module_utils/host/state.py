# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the collection's state on a host between runs, and lock the host against concurrent runs.

Everything is in one directory, which exists only while it contains something.
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

from . import config_block, paths, transaction
from .systemd_unit import NoSystemd, Unit, show

STATE_DIRECTORY = "/var/lib/collab.jupyterhub"
LOCK = "lock"
LOCK_SECONDS = 600
SERVED = "served_hubs.json"  # on a node: for which hubs it was prepared (see `module_utils/nodes/served.py`)


class Unusable(Exception):
    """The state cannot be used now. Nothing on the host was changed."""


class Busy(Unusable):
    """Another run is active on this host."""


class Unsafe(Unusable):
    """Accounts other than root may have changed the state."""


def path_of(name: str) -> str:
    """Return the path of a file in the state directory."""
    return os.path.join(STATE_DIRECTORY, name)


def recall(name: str) -> dict[str, Any]:
    """Return the record that earlier runs have stored in a file, or an empty one."""
    return dict(json.loads(transaction.read(path_of(name)) or b"{}"))


def remember(name: str, what: dict[str, Any]) -> None:
    """Store a record in a file, replacing an earlier one. An empty record deletes the file."""
    if what:
        transaction.write(path_of(name), json.dumps(what, indent=1, sort_keys=True).encode())
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path_of(name))


def name_of(service: str) -> str:
    """Return the name under which records have the hub of a unit, by one of its names."""
    try:
        return recorded_name(show(service))
    except NoSystemd:
        return recorded_name(Unit(service))


def recorded_name(unit: Unit) -> str:
    """Return the name under which records have the hub of a unit. It is the same for `hub`, `hub.service` and aliases of the unit.

    Earlier releases recorded the name that the administrator had set.
    """
    names = unit.names
    plain = [name.removesuffix(".service") for name in names]
    return next((name for name in (*plain, *names) if os.path.exists(path_of(f"{name}.json"))), plain[0])


def hubs() -> dict[str, dict[str, Any]]:
    """Return the state of each hub on the host that has fragments, by the name of its unit."""
    names = [os.path.basename(path) for path in sorted(glob.glob(path_of("*.json")))]
    states = {name.removesuffix(".json"): recall(name) for name in names}
    return {unit: state for unit, state in states.items() if state.get("runs_with")}


def fragments(main: str = "") -> bytes:
    """Return the concatenated content of all fragments on the host: those of a main file, and those of the hubs that are known.

    This includes what an interrupted run has kept, because a rollback restores it, and the packages that this host has as a node of other
    hubs.
    """
    mains = [*([main] if main else []), *(state["path"] for state in hubs().values())]
    paths: list[str] = []
    for directory in {config_block.fragments_directory(path) for path in mains}:
        paths += config_block.fragments_in(directory) + transaction.leftovers(directory)
    served = [str(each.get("package", "")) for each in recall(SERVED).values()]
    return b"\n".join([*(transaction.read(path) or b"" for path in paths), *map(str.encode, served)])


def beside(service: str, main: str) -> str:
    """Return the unit of another hub whose main file is in the same directory as this one, or an empty string.

    The two hubs would load each other's fragments. If the file is the same one, or is gone, the hub's unit has another name by now.
    """
    there = config_block.fragments_directory(main)
    for unit, state in hubs().items():
        known = state["path"]
        if unit == service or not os.path.exists(known) or paths.same(known, main):
            continue
        if config_block.fragments_directory(known) == there:
            return unit
    return ""


@contextlib.contextmanager
def lock(seconds: float | None = None) -> Iterator[None]:
    """Hold the host's lock within this context. Afterwards, remove its file, and the state directory if it is empty.

    seconds: how long to wait for other runs, by default LOCK_SECONDS. Raises Busy and Unsafe.
    """
    with _locked(LOCK_SECONDS if seconds is None else seconds) as file:
        try:
            yield
        finally:
            # Remove the file before releasing the lock: a waiting process then sees that it has locked a file that no longer exists.
            os.unlink(file.name)
            # The directory contains state, or a waiting process has just created a new file in it, and removes it later.
            with contextlib.suppress(OSError):
                os.rmdir(STATE_DIRECTORY)


def _locked(seconds: float) -> TextIO:
    """Return the lock's file, open and locked. Closing it releases the lock. Raises Busy and Unsafe."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(FileExistsError):  # it existed, and was just removed
            os.makedirs(STATE_DIRECTORY, mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            _check_owner()
        with contextlib.suppress(FileNotFoundError):  # the directory was just removed
            file = open(path_of(LOCK), "w", encoding="utf-8")  # noqa: SIM115 - closing it would release the lock
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
            raise Busy(f"another run has been active on this host for {seconds} s. Wait for it to end")
        time.sleep(0.2)


def _check_owner() -> None:
    """Raise Unsafe if accounts other than root can change the state, which determines what is done as root."""
    there = os.stat(STATE_DIRECTORY)
    if there.st_uid != os.geteuid() or there.st_mode & 0o022:
        raise Unsafe(
            f"accounts other than root can write to {STATE_DIRECTORY}. Find out who has changed files there, and make it "
            "private to root (chown root and chmod 700) or remove it"
        )
