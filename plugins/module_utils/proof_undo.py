# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify has created on a live hub, recorded before it is created, and how to undo it.

A run that is killed is followed at once by a process that does nothing but wait for that (`watched`), and one that is cut off
together with the whole host by the next run (`Undo.recall`).
"""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from . import host_state
from .account_processes import NotEnded, end_processes, forget_failed_units
from .hub_api import HubApi, NoAnswer
from .hub_errors import Failed

STATE = "verify.json"
NOTE = "collab.jupyterhub.verify"  # marks tokens of verify; the same text as in jupyterhub_collab/proof
COMMENT = "made by collab.jupyterhub.verify for some seconds"
PROOF = b"jupyterhub_collab.proof"  # is in the command line of the process that runs the checks
# To find out who is there, end their servers, and remove them with all that is theirs.
SCOPES = ("admin:users", "servers", "tokens", "shares")
SERVER_SECONDS = 60
# Files that are no longer there have copies where people look for them.
COPIES = (".local/share/Trash/files/{}*", ".local/share/Trash/info/{}*", ".ipynb_checkpoints/{}*", "{}*")
REMOVE = """
import contextlib, glob, os, sys
for pattern in sys.argv[1:]:
    for path in glob.glob(pattern):
        os.unlink(path)
    if os.path.basename(os.path.dirname(pattern)) == ".ipynb_checkpoints":
        with contextlib.suppress(OSError):  # others' are in it, or it is not there
            os.rmdir(os.path.dirname(pattern))
"""


class Undo:
    """What to undo, from the state of the host.

    accounts, users: host accounts and hub users that verify created. people: names of all hub users that take part.
    servers: pairs of an owner and when, in seconds of the epoch, the server was started. shares: pairs of owner and guest. files: pairs
    of an account and what the names of its files begin with.
    package: the directory of the Python package, if verify installed it. state_directory: in which servers keep
    state. process: the ID of the process that runs the checks.
    """

    def __init__(self, what: dict[str, Any] | None = None) -> None:
        self.what: dict[str, Any] = what or {}

    @classmethod
    def recall(cls) -> Undo:
        """Return what an earlier run has left."""
        return cls(host_state.recall(STATE))

    def note(self, kind: str, value: Any) -> None:
        """Write down what is about to be made."""
        there = self.what.setdefault(kind, [])
        if value not in there:
            there.append(value)
            self._keep()

    def set(self, kind: str, value: Any) -> None:
        self.what[kind] = value
        self._keep()

    def _keep(self) -> None:
        host_state.remember(STATE, self.what)

    def run(self, api: HubApi | None, visitors: Callable[[], list[dict[str, Any]]]) -> list[str]:
        """Undo all of it, and return a sentence for each thing that is still there. Without the hub's API its users stay.

        visitors: returns who is on someone else's server now.
        """
        self._end_process()
        left: list[str] = []
        if api:
            try:
                left += self._at_hub(api, visitors())
            except (NoAnswer, Failed) as error:
                left.append(f"hub users {', '.join(self._all('users'))}, because {error}")
        elif self._all("users") or self._all("servers"):
            left.append(f"hub users {', '.join(self._all('users'))}, because the hub's API is not available")
        self._remove_files()
        left += [f"account {name}" for name in self._all("accounts") if not self._remove_account(name)]
        if left:
            return left
        if package := self.what.get("package"):
            shutil.rmtree(package, ignore_errors=True)
            with contextlib.suppress(OSError):  # not ours alone
                os.rmdir(os.path.dirname(package))
        self.what = {}
        self._keep()
        return []

    def _all(self, kind: str) -> list[Any]:
        return list(self.what.get(kind, []))

    def _end_process(self) -> None:
        """End the process that runs the checks, if it continues although nobody listens."""
        number = self.what.get("process", 0)
        with contextlib.suppress(OSError):
            with open(f"/proc/{number}/cmdline", "rb") as file:
                if PROOF not in file.read():
                    return
            os.kill(number, signal.SIGKILL)

    # At the hub

    def _at_hub(self, api: HubApi, visitors: list[dict[str, Any]]) -> list[str]:
        left = []
        for owner, guest in self._all("shares"):
            api.request("PATCH", f"/shares/{quote(owner)}/", {"user": guest})
        ours = self._all("people")
        for owner, since in self._all("servers"):
            arrived = [each for each in visitors if each["owner"] == owner and each["seen"] >= since]
            if {each["user"] for each in arrived} <= set(ours) and not self._stopped(api, owner):
                left.append(f"the server of {owner}")
        for name in set(ours) - set(self._all("users")):
            _status, told = api.request("GET", f"/users/{quote(name)}/tokens")
            # Those of browsers stay: the hub ends all that someone has for a server at once, those of other browsers, too.
            for token in (told or {}).get("api_tokens", []):
                if token["note"] == NOTE:
                    api.request("DELETE", f"/users/{quote(name)}/tokens/{token['id']}")
        left += [f"hub user {name}" for name in self._all("users") if not self._deleted(api, name)]
        return left

    def _stopped(self, api: HubApi, owner: str) -> bool:
        return self._done(api, f"/users/{quote(owner)}/server")

    def _deleted(self, api: HubApi, name: str) -> bool:
        return self._done(api, f"/users/{quote(name)}")

    def _done(self, api: HubApi, path: str) -> bool:
        """Ask for an end until it has come: a server that is starting or stopping takes its time."""
        deadline = time.monotonic() + SERVER_SECONDS
        while api.request("DELETE", path)[0] not in (204, 404):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    # On the host

    def _remove_files(self) -> None:
        """Remove what is left of files in homes of this host, with no more rights than their owner has."""
        for owner, name in self._all("files"):
            with contextlib.suppress(KeyError):
                account = pwd.getpwnam(owner)
                patterns = [os.path.join(glob.escape(account.pw_dir), each.format(name)) for each in COPIES]
                subprocess.run(
                    [sys.executable, "-I", "-c", REMOVE, *patterns],
                    user=account.pw_uid,
                    group=account.pw_gid,
                    extra_groups=[],
                    cwd="/",
                    env={},  # others who act as the account can read it
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=False,
                )

    def _remove_account(self, name: str) -> bool:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            return True
        if account.pw_gecos != COMMENT:
            return True  # someone else's, of the same name
        try:
            end_processes(account.pw_uid)
        except NotEnded:
            return False
        forget_failed_units(name, account.pw_uid)
        removed = subprocess.run(["userdel", "--remove", name], capture_output=True, check=False)
        if directory := self.what.get("state_directory"):
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)
        # 12: the home, or the mailbox that it may not even have had, could not be removed.
        if removed.returncode == 12:
            shutil.rmtree(account.pw_dir, ignore_errors=True)
        return removed.returncode in (0, 12)


@contextlib.contextmanager
def watched(undo: Callable[[], object]) -> Iterator[None]:
    """Have `undo` run where this process ends before the block does, be it killed."""
    end_of_watch, alive = os.pipe()
    watcher = os.fork()
    if watcher == 0:
        _watch(end_of_watch, alive, undo)
    os.close(end_of_watch)
    try:
        yield
    finally:
        os.write(alive, b".")
        os.close(alive)
        os.waitpid(watcher, 0)


def _watch(end_of_watch: int, alive: int, undo: Callable[[], object]) -> None:
    """Wait until the other process is gone, and undo what it leaves. Never returns."""
    try:
        os.close(alive)
        os.setsid()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        if not os.read(end_of_watch, 1):
            undo()
    finally:
        os._exit(0)
