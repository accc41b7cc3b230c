# SPDX-License-Identifier: GPL-3.0-or-later
"""What people have been given of shares, and the end of it.

A session keeps the groups that it was started with, and what is mounted in it, until it ends. So whoever loses a share is
named on its directory: what a list says of a user comes before what it says of the user's groups. Nothing below the
directory is found any more from then on. What goes on is what is open already: a file, and a shell that stands in a directory
below.

Who has once been given a share stays named as long as it is lost. A program that somebody made while in the group, with the
group's bit in its mode, would give the group back to whoever starts it.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping
from typing import Any

from ..workspaces import posix_acl, shares
from ..workspaces.repair import numbers_of
from .share_rights import READ, WRITE, Rights, more

STATE = "/var/lib/jupyterhub-projects"
PERMISSIONS = {WRITE: posix_acl.ALL, READ: posix_acl.READ | posix_acl.EXECUTE}
NOTHING = 0


class GivenShares:
    """What was given, by account; on disk, since sessions and groups outlive a hub."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.path = os.path.join(STATE, "given.json")
        self.all: dict[str, dict[str, Any]] = {}
        self.named: dict[
            str, dict[int, int]
        ] = {}  # what single users may do with a directory, where that is written on it

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

    def settle(self, now: Mapping[str, Rights], known: list[str]) -> list[str]:
        """Name on each directory those who may do less by now than their sessions were given; return what went wrong.

        now: what each account may do. known: the shares to look at, beside those that somebody was given.
        """
        wanted: dict[str, dict[int, int]] = {share: {} for share in (*known, *self.named)}
        for account, given in self.all.items():
            try:
                number = pwd.getpwnam(account).pw_uid
            except KeyError:
                continue  # it is gone, and whatever has its number next has lost nothing
            for share, right in given["shares"].items():
                users = wanted.setdefault(share, {})
                may = now.get(account, {}).get(share)
                if may not in (right, WRITE):
                    users[number] = PERMISSIONS[may] if may else NOTHING
        problems = []
        for share, users in wanted.items():
            if self.named.get(share) == users:
                continue
            try:
                self._name(share, users)
            except (OSError, KeyError) as error:
                if os.path.lexists(os.path.join(self.root, share)):
                    problems.append(f"{share}: {error}")
                continue
            self.named[share] = users
        return problems

    def _name(self, share: str, users: dict[int, int]) -> None:
        with shares.opened(os.path.join(self.root, share)) as directory:
            if shares.users_of(directory) != users:
                shares.open_directory(directory, numbers_of(share), users)
