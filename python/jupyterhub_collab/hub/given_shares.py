# SPDX-License-Identifier: GPL-3.0-or-later
"""What people have been given of shares, and the end of it.

A session keeps the groups that it was started with, and what is mounted in it, until it ends; a program with the group's bit in its
mode keeps the group for good. So a group alone lets nobody into a share: its directory names those who pass, and below it groups decide.
Users who lose a workspace are no longer in the list, and find nothing in the directory from then on. What they have open, or
use as working directory, is ended.

A list has room for some five hundred accounts (ext4). Where more people than that have a share at once, it lets pass the share's groups
but for those who have lost it; where these are too many as well, nobody.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..workspaces import posix_acl, share_gates, share_users, shares
from ..workspaces.processes import everybody
from ..workspaces.repair import numbers_of
from ..workspaces.share_gates import STATE, Gate
from .share_rights import READ, WRITE, Rights, more

PERMISSIONS = {WRITE: posix_acl.ALL, READ: posix_acl.READ | posix_acl.EXECUTE}
NOTHING = 0


class GivenShares:
    """What was given, by account; on disk, since sessions and groups outlive a hub."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.path = os.path.join(STATE, "given.json")
        self.all: dict[str, dict[str, Any]] = {}
        self.gates: dict[str, Gate] = {}  # as they are written on the directories
        self.wanted: dict[
            str, tuple[dict[int, int], dict[int, int]]
        ] = {}  # who passes and who has lost it, as was asked for
        self.ended: set[tuple[str, str]] = set()  # accounts that have lost a share, and are out of it

    def load(self) -> None:
        """Read what the hub knew that ran before."""
        os.makedirs(STATE, mode=0o700, exist_ok=True)
        try:
            with open(self.path, encoding="utf-8") as file:
                self.all = json.load(file)
        except FileNotFoundError:
            self.all = {}

    def note(self, account: str, user: str, rights: Rights) -> None:
        """Put down what a session is about to be given, before it is."""
        before = self.all.get(account, {}).get("shares", {})
        self.all[account] = {"user": user, "shares": more(before, rights)}
        os.makedirs(STATE, mode=0o700, exist_ok=True)
        temporary = f"{self.path}.collab-new"
        with open(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump(self.all, file)
        os.replace(temporary, self.path)

    def settle(self, now: Mapping[str, Rights], shares_of: Mapping[str, str]) -> Settled:
        """Have the directories of shares name who passes, and end what goes on of those who do no more.

        now: what each account may do. shares_of: all shares, each with the account of its project.
        """
        settled = Settled()
        wanted: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
        for share, account in shares_of.items():
            wanted[share] = dict.fromkeys(_numbers([account]), posix_acl.ALL), {}
        for account, given in self.all.items():
            # Where it is gone, what has its number next has neither a right nor lost one.
            for number in _numbers([account]):
                for share, right in given["shares"].items():
                    may = now.get(account, {}).get(share)
                    passes, lost = wanted.setdefault(share, ({}, {}))
                    if may and not (right == WRITE and may == READ and _has_group(number, share)):
                        passes.setdefault(number, PERMISSIONS[may])
                        self.ended.discard((account, share))
                    elif shares_of.get(share) != account:
                        lost[number] = NOTHING
                        if (account, share) not in self.ended:
                            settled.lost.append((account, share))
        before = dict(self.gates)
        for share, people in wanted.items():
            if self.wanted.get(share) == people:
                continue
            try:
                self.gates[share] = self._set_gate(share, *people)
            except (OSError, KeyError) as error:
                self.gates.pop(share, None)
                self.wanted.pop(share, None)
                if os.path.lexists(os.path.join(self.root, share)):
                    settled.problems.append(f"{share}: {error}")
            else:
                self.wanted[share] = people
                if closed := self.gates[share].closed:
                    settled.problems.append(f"{share} is closed for everyone: {closed}")
        if self.gates != before:
            share_gates.remember(self.gates)
        if settled.lost:
            alive = {number for _process, users, _groups in everybody() for number in users}
            members = {group.gr_gid: group for group in grp.getgrall()}
            for account, share in settled.lost:
                self._end(account, share, alive, members)
        return settled

    def _set_gate(self, share: str, passes: dict[int, int], lost: dict[int, int]) -> Gate:
        """Write on a share's directory who passes, in the best way that its file system has room for; return that."""
        groups = numbers_of(share)
        reason = ""
        with shares.opened(os.path.join(self.root, share)) as directory:
            os.fchown(directory, 0, -1)  # its owner could let others in
            for gate in (Gate(passes, by_name=True), Gate(lost)):
                try:
                    shares.open_directory(directory, groups, gate)
                    return gate
                except OSError as error:
                    reason = error.strerror or str(error)
            gate = Gate(
                by_name=True,
                closed=f"the access control list on its file system is too small for {len(passes)} users with access, or {len(lost)} without "
                f"({reason})",
            )
            try:
                shares.open_directory(directory, groups, gate)
            except OSError:
                os.chmod(posix_acl.path_of(directory), 0o700)
            return gate

    def _end(self, account: str, share: str, alive: set[int], groups: Mapping[int, grp.struct_group]) -> None:
        """End what goes on in a share of an account that has lost it: its membership on the host, and what it has open.

        alive: the numbers of accounts that have processes. groups: those of the host.
        """
        try:
            numbers = numbers_of(share)
        except KeyError:
            return
        for number in (numbers.writers, numbers.readers):
            if account in groups[number].gr_mem:
                name = groups[number].gr_name
                subprocess.run(["gpasswd", "--delete", account, name], capture_output=True, check=False)
        for uid in _numbers([account]):
            # The hub waits for this, so only the obvious is looked at. The walk through the share does the rest.
            place = os.path.join(self.root, share)
            look = partial(share_users.users, {numbers.writers}, uid, place, thorough=False)
            if uid not in alive or not share_users.end(look):
                self.ended.add((account, share))


@dataclass
class Settled:
    """What became of it: accounts that have lost a share since the last time, and what went wrong."""

    lost: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def _numbers(accounts: list[str]) -> list[int]:
    """Return the numbers of those of the accounts that are there."""
    found = []
    for account in accounts:
        with contextlib.suppress(KeyError):
            found.append(pwd.getpwnam(account).pw_uid)
    return found


def _has_group(number: int, share: str) -> bool:
    """Return whether a process of an account still has the group of those who write in a share, so that it must not come near it."""
    with contextlib.suppress(KeyError):
        group = numbers_of(share).writers
        return any(number in users and group in groups for _process, users, groups in everybody())
    return False
