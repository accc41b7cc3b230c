# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what verify creates on a live hub, before it is created, and undo it.

If a run is killed, a process that only waits for this cleans up at once (`watched`). If the host goes down, the next run cleans up
(`Undo.recall`).
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

from ..host import state as host_state
from ..host.account_processes import NotEnded, end_processes, forget_failed_units
from ..hub import package as hub_package
from ..hub.api import HubApi, NoAnswer
from ..hub.errors import Failed

STATE = "{unit}.verify.json"  # per hub, because the hub's users and servers can only be removed there
OLD_STATE = "verify.json"  # of earlier releases
NOTE = "collab.jupyterhub.verify"  # marks verify's tokens; the same as in jupyterhub_collab/verify
COMMENT = "made by collab.jupyterhub.verify for some seconds"
COMMAND = b"jupyterhub_collab.verify"  # identifies the process that runs the checks, by its command line
# To list visitors, stop servers, and delete users with their tokens and shares.
SCOPES = ("admin:users", "servers", "tokens", "shares")
SERVER_SECONDS = 60
REMOVE_SECONDS = 30
# Where JupyterLab keeps copies of files, including deleted ones.
COPIES = (".local/share/Trash/files/{}*", ".local/share/Trash/info/{}*", ".ipynb_checkpoints/{}*", "{}*")
# Becomes an account, after the start: the account's processes could stop the new process before subprocess hears that it has started.
BECOME = """
import contextlib, glob, os, sys
group, user = int(sys.argv.pop(1)), int(sys.argv.pop(1))
os.setgroups([])
os.setgid(group)
os.setuid(user)
"""
REMOVE = """
for pattern in sys.argv[1:]:
    for path in glob.glob(pattern):
        os.unlink(path)
    if os.path.basename(os.path.dirname(pattern)) == ".ipynb_checkpoints":
        with contextlib.suppress(OSError):  # others' are in it, or it is not there
            os.rmdir(os.path.dirname(pattern))
"""


class Undo:
    """What to undo for one hub, as recorded in the state of the host.

    unit: the systemd unit of the hub.
    accounts, users: host accounts and hub users that verify created. people: names of all hub users that take part.
    servers: pairs of an owner and the time, in seconds since the epoch, when the owner's server was started. shares: pairs of owner and
    guest. files: pairs of an account and a prefix of the names of its files.
    package: the directory of the Python package, if verify installed it. state_directory: where servers keep
    state. process: the PID of the process that runs the checks.
    """

    def __init__(self, unit: str, what: dict[str, Any] | None = None) -> None:
        self.state = STATE.format(unit=unit)
        self.what: dict[str, Any] = what or {}

    @classmethod
    def recall(cls, unit: str) -> Undo:
        """Return what an interrupted run has left."""
        found = cls(unit)
        found.what = host_state.recall(found.state) or host_state.recall(OLD_STATE)
        return found

    def note(self, kind: str, value: Any) -> None:
        """Record, in the list of a kind, what is about to be created."""
        there = self.what.setdefault(kind, [])
        if value not in there:
            there.append(value)
            self._keep()

    def set(self, kind: str, value: Any) -> None:
        self.what[kind] = value
        self._keep()

    def _keep(self) -> None:
        host_state.remember(self.state, self.what)
        host_state.remember(OLD_STATE, {})

    def run(
        self, api: HubApi | None, visitors: Callable[[], list[dict[str, Any]]], fragments: bytes
    ) -> list[str]:
        """Undo everything, and return a description of each thing that could not be removed.

        api: the hub's API. Without it, nothing at the hub is undone. visitors: returns the current visitors of other users' servers.
        fragments: the content of all fragments on the host. They may have begun to use the package since it was installed.
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
        if self.what.get("package"):
            hub_package.remove_unused(fragments)
        self.what = {}
        self._keep()
        return []

    def _all(self, kind: str) -> list[Any]:
        return list(self.what.get(kind, []))

    def _end_process(self) -> None:
        """Kill the process that runs the checks, if it is still running although nobody reads its output."""
        number = self.what.get("process", 0)
        with contextlib.suppress(OSError):
            with open(f"/proc/{number}/cmdline", "rb") as file:
                if COMMAND not in file.read():
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
            # Keep the tokens of browsers: the hub revokes all of a user's tokens for a server together, including those of other browsers.
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
        """Request a deletion until it is complete, and return whether it is. A server that is starting or stopping takes a while."""
        deadline = time.monotonic() + SERVER_SECONDS
        while api.request("DELETE", path)[0] not in (204, 404):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    # On the host

    def _remove_files(self) -> None:
        """Remove what is left of files in home directories on this host, with only their owner's permissions."""
        command = [sys.executable, "-I", "-c", BECOME + REMOVE]
        for owner, name in self._all("files"):
            # Other processes of the account can stop this one, so do not wait for it forever.
            with contextlib.suppress(KeyError, subprocess.TimeoutExpired):
                account = pwd.getpwnam(owner)
                patterns = [os.path.join(glob.escape(account.pw_dir), each.format(name)) for each in COPIES]
                subprocess.run(
                    [*command, str(account.pw_gid), str(account.pw_uid), *patterns],
                    cwd="/",
                    env={},  # other processes of the account can read it, so pass nothing
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=REMOVE_SECONDS,
                    check=False,
                )

    def _remove_account(self, name: str) -> bool:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            return True
        if account.pw_gecos != COMMENT:
            return True  # another account with the same name
        try:
            end_processes(account.pw_uid)
        except NotEnded:
            return False
        forget_failed_units(name, account.pw_uid)
        removed = subprocess.run(["userdel", "--remove", name], capture_output=True, check=False)
        if directory := self.what.get("state_directory"):
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)
        # 12: userdel could not remove the home directory, or the mailbox, which may not exist.
        if removed.returncode == 12:
            shutil.rmtree(account.pw_dir, ignore_errors=True)
        return removed.returncode in (0, 12)


@contextlib.contextmanager
def watched(undo: Callable[[], object]) -> Iterator[None]:
    """Within this context, run `undo` in another process if this process ends, even if it is killed."""
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
    """Wait until the other process ends, and call `undo` if it has not completed its block. Never returns."""
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
