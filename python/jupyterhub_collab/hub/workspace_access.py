# SPDX-License-Identifier: GPL-3.0-or-later
"""Record who was given access to workspaces, and end it.

A server keeps its groups and mounts until it stops, and a program with the setgid bit keeps its group for good. So groups alone
do not open a workspace: an access control list on its directory names the accounts that can pass, and groups decide only below it.
Users who lose a workspace are removed from the list, so they can no longer enter its directory. Their processes that have files
open there, or use it as working directory, are ended.

On ext4, a list has room for about five hundred accounts. If more users have access at once, the list admits the workspace's groups
except the accounts that have lost access. If even those are too many, it admits nobody.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..workspaces import gates, holders, permissions, posix_acl
from ..workspaces.gates import GIVEN, RIGHTS, Gate
from ..workspaces.processes import all_processes
from ..workspaces.repair import numbers_of
from .workspace_rights import READ, WRITE, Rights, more
from .workspace_threads import Unanswered, WorkspaceThreads

PERMISSIONS = {WRITE: posix_acl.ALL, READ: posix_acl.READ | posix_acl.EXECUTE}
NOTHING = 0
QUICK_SECONDS = 0.2
PATIENCE_SECONDS = 1.0  # with the file systems of all workspaces together, because the hub waits
# Accounts with access, and accounts that lost it, each with their permissions.
Reach = tuple[dict[int, int], dict[int, int]]


class GivenAccess:
    """What was given to each account. This is kept on disk, because servers and groups outlive the hub's process."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.all: dict[str, dict[str, Any]] = {}
        self.gates: dict[str, Gate] = {}  # by workspace, as the directories have them
        self.recorded: dict[str, Gate] = {}  # as this process or an earlier one has recorded them
        self.asked: dict[str, Reach] = {}  # by workspace, as last requested
        self.wanted: dict[str, Reach] = {}  # the part of it that is known to be done
        self.threads = WorkspaceThreads()
        self.ended: set[tuple[str, str]] = set()  # (account, workspace): lost access, no process left

    def load(self) -> None:
        """Read what the previous hub process recorded."""
        os.makedirs(gates.STATE, mode=0o700, exist_ok=True)
        with contextlib.suppress(gates.Busy):
            gates.sweep(QUICK_SECONDS)
        try:
            with open(os.path.join(gates.STATE, GIVEN), encoding="utf-8") as file:
                self.all = json.load(file)
        except FileNotFoundError:
            self.all = {}
        self.recorded = gates.recall()

    def note(self, account: str, user: str, rights: Rights) -> None:
        """Record what a server is about to be given, in addition to what its account was given before."""
        before = self.all.get(account, {}).get(RIGHTS, {})
        self.all[account] = {"user": user, RIGHTS: more(before, rights)}
        gates.write(GIVEN, self.all)

    def settle(
        self, now: Mapping[str, Rights], workspaces_of: Mapping[str, str], seconds: float = PATIENCE_SECONDS
    ) -> Settled:
        """Set the access lists of the workspaces' directories, and end processes of users who have lost access.

        now: what each account may do now. workspaces_of: all workspaces, each with the account of its project. seconds: how long to wait for
        their file systems. A workspace that does not answer counts as closed until a later call.
        """
        settled = Settled()
        wanted: dict[str, Reach] = {}
        for workspace, account in workspaces_of.items():
            wanted[workspace] = dict.fromkeys(_numbers([account]), posix_acl.ALL), {}
        writing = _still_writing(
            (account, number, workspace)
            for account, given in self.all.items()
            for workspace, right in given[RIGHTS].items()
            if right == WRITE and now.get(account, {}).get(workspace) == READ
            for number in _numbers([account])
        )
        for account, given in self.all.items():
            # A deleted account has no number here, so the next account with its number neither gains nor loses access.
            for number in _numbers([account]):
                for workspace in given[RIGHTS]:
                    may = now.get(account, {}).get(workspace)
                    passes, lost = wanted.setdefault(workspace, ({}, {}))
                    if may and (number, workspace) not in writing:
                        passes.setdefault(number, PERMISSIONS[may])
                        self.ended.discard((account, workspace))
                    elif workspaces_of.get(workspace) != account:
                        lost[number] = NOTHING
                        if (account, workspace) not in self.ended:
                            settled.lost.append((account, workspace))
        self.asked = wanted
        due = [workspace for workspace, people in wanted.items() if self.wanted.get(workspace) != people]
        outcomes = self.threads.outcomes(
            {workspace: partial(self._set_gate, workspace) for workspace in due}, seconds
        )
        for workspace, outcome in outcomes.items():
            self.gates.pop(workspace, None)
            self.wanted.pop(workspace, None)
            match outcome:
                case FileNotFoundError():
                    pass  # there is no such workspace
                case KeyError():
                    settled.problems.append(f"{workspace}: its groups do not exist")
                case Exception():
                    # Others must not take it for open, although its directory may have an earlier list.
                    reason = getattr(outcome, "strerror", None) or str(outcome)
                    self.gates[workspace] = Gate(by_name=True, closed=reason)
                    settled.unsettled.add(workspace)
                    settled.problems.append(f"{workspace} cannot be given or taken away: {reason}")
                case gate:
                    self.gates[workspace] = gate
                    self.wanted[workspace] = wanted[workspace]
                    if gate.closed:
                        settled.problems.append(f"{workspace} is closed to everyone: {gate.closed}")
        if self.gates != self.recorded:
            try:
                gates.update(self.recorded, self.gates, QUICK_SECONDS)
                self.recorded = dict(self.gates)
            except (gates.Busy, OSError) as error:
                settled.unrecorded = True
                settled.problems.append(f"records are out of date: {error}")
        if settled.lost:
            alive = {number for _process, users, _groups in all_processes() for number in users}
            members = {group.gr_gid: group for group in grp.getgrall()}
            ends: dict[str, list[str]] = {}
            for account, workspace in settled.lost:
                _leave_all(account, workspace, members)
                ends.setdefault(workspace, []).append(account)
            calls = {
                workspace: partial(self._end, accounts, workspace, alive)
                for workspace, accounts in ends.items()
                if workspace not in settled.unsettled
            }
            told = self.threads.outcomes(calls, seconds)
            settled.unsettled |= {
                workspace for workspace, outcome in told.items() if isinstance(outcome, Unanswered)
            }
        return settled

    def _set_gate(self, workspace: str) -> Gate:
        """Set the access list of a workspace's directory, the strictest one for which its file system has room. Return it.

        Raises FileNotFoundError, KeyError if the workspace has no groups, and OSError.
        """
        path, reason = os.path.join(self.root, workspace), ""
        try:
            groups = numbers_of(workspace)
        except KeyError:
            os.lstat(path)
            raise
        with permissions.opened(path) as directory:
            # Read this only now, because the file system may have taken long to answer.
            passes, lost = self.asked[workspace]
            os.fchown(directory, 0, -1)  # an owner could change the list
            for gate in (Gate(passes, by_name=True), Gate(lost)):
                try:
                    permissions.open_directory(directory, groups, gate)
                    return gate
                except OSError as error:
                    reason = error.strerror or str(error)
            gate = Gate(
                by_name=True,
                closed=f"its file system's access control lists cannot hold {len(passes)} users with access, or "
                f"{len(lost)} without ({reason})",
            )
            try:
                permissions.open_directory(directory, groups, gate)
            except OSError:
                os.chmod(posix_acl.path_of(directory), 0o700)
            return gate

    def _end(self, accounts: list[str], workspace: str, alive: set[int]) -> None:
        """End the processes in a workspace of accounts that have lost it. alive: UIDs with processes. Raises KeyError without groups."""
        numbers = numbers_of(workspace)
        place = os.path.join(self.root, workspace)
        for account in accounts:
            for uid in _numbers([account]):
                # The hub waits for this, so check only what is quick to find, and do not wait for what does not end. The walk through the
                # workspace does the rest.
                look = partial(holders.users, {numbers.writers}, uid, place, thorough=False)
                if uid not in alive or not holders.end(look, QUICK_SECONDS):
                    self.ended.add((account, workspace))


@dataclass
class Settled:
    """The result of `settle`.

    lost: (account, workspace) for each account that has lost access, unless an earlier call of this process found that it no longer has
    processes there.
    problems: sentences for the log.
    unsettled: workspaces whose file systems do not answer, or answer with an error. unrecorded: whether the gates were not recorded. In
    both cases, call `settle` again later.
    """

    lost: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)
    unrecorded: bool = False


def _numbers(accounts: list[str]) -> list[int]:
    """Return the UIDs of the accounts that exist."""
    found = []
    for account in accounts:
        with contextlib.suppress(KeyError):
            found.append(pwd.getpwnam(account).pw_uid)
    return found


def _leave_all(account: str, workspace: str, groups: Mapping[int, grp.struct_group]) -> None:
    """Remove an account from a workspace's groups on the host. groups: the host's groups by GID."""
    with contextlib.suppress(KeyError):
        numbers = numbers_of(workspace)
        for number in (numbers.writers, numbers.readers):
            _leave(account, groups[number])


def _leave(account: str, group: grp.struct_group) -> None:
    """Remove an account from a group on the host, if it is a member."""
    if account in group.gr_mem:
        subprocess.run(["gpasswd", "--delete", account, group.gr_name], capture_output=True, check=False)


def _still_writing(readers: Iterable[tuple[str, int, str]]) -> set[tuple[int, str]]:
    """Remove accounts from the writing groups of workspaces. Return the UIDs, each with its workspace, that still have the group.

    Such a process could write there if it could enter. One that starts later must not get the group from the host, as an SSH session does.

    readers: accounts with their UIDs and the workspaces that they could write to, and can now only read.
    """
    groups = {}
    for account, number, workspace in readers:
        with contextlib.suppress(KeyError):
            groups[number, workspace] = numbers_of(workspace).writers
            _leave(account, grp.getgrgid(groups[number, workspace]))
    # The hub waits for this, so look at all processes only once, and only if need be.
    held = {
        (user, group)
        for _process, users, of in (all_processes() if groups else ())
        for user in users
        for group in of
    }
    return {(number, workspace) for (number, workspace), group in groups.items() if (number, group) in held}
