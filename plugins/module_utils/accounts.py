# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host knows about an account, as far as it tells whether people may share it."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
from collections.abc import Iterable, Iterator
from typing import Any

from . import host_state

STATE = "accounts.json"  # what is remembered of accounts: the groups that were made, and these
ADOPTED = "adopted"
USERNAME = "{USERNAME}"  # stands for the hub user in what SystemdSpawner makes the names of accounts of


def login_minimum(path: str = "/etc/login.defs") -> int:
    """Return the first user id that is not the system's (UID_MIN of login.defs; 1000 where it says nothing)."""
    try:
        with open(path, encoding="utf-8") as file:
            match = re.search(r"^\s*UID_MIN\s+(\d+)", file.read(), re.M)
    except OSError:
        match = None
    return int(match.group(1)) if match else 1000


def with_passwords(path: str = "/etc/shadow") -> set[str]:
    """Return the local accounts that someone can log in to with a password."""
    try:
        with open(path, encoding="utf-8") as file:
            entries = [line.split(":") for line in file if line.count(":") > 1]
    except OSError:
        return set()
    return {entry[0] for entry in entries if not entry[1].startswith(("!", "*"))}


def account_of(user: str, names: str) -> str:
    """Return the name of a hub user's account, where `names` is what such names are made of."""
    return names.replace(USERNAME, user)


def user_of(account: str, names: str) -> str:
    """Return the hub user of an account; its own name where it is not made of `names`, as one that is older than those."""
    before, _name, after = names.partition(USERNAME)
    user = account.removeprefix(before).removesuffix(after)
    return user if account_of(user, names) == account else account


def describe_account(name: str) -> dict[str, Any]:
    """Return what is known about an account: whether it exists, its kind, and its groups."""
    return describe_accounts([name])[name]


def describe_accounts(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return by their names what is known about accounts; the host is asked for its passwords once."""
    minimum, passwords = login_minimum(), with_passwords()
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            found[name] = {"name": name, "exists": False}
            continue
        found[name] = {
            "name": name,
            "exists": True,
            "uid": account.pw_uid,
            "home": account.pw_dir,
            "comment": account.pw_gecos,
            "system": account.pw_uid < minimum or account.pw_uid >= 65534,
            "person": name in passwords
            or os.path.exists(os.path.join(account.pw_dir, ".ssh", "authorized_keys")),
            "groups": sorted(_groups_of(account)),
        }
    return found


def _groups_of(account: pwd.struct_passwd) -> Iterator[str]:
    """Yield the groups of an account, also those that the host knows from elsewhere and does not list (LDAP, SSSD)."""
    for number in os.getgrouplist(account.pw_name, account.pw_gid):
        with contextlib.suppress(KeyError):
            yield grp.getgrgid(number).gr_name


def is_local_group(name: str, paths: Iterable[str] = ("/etc/group", "/var/lib/extrausers/group")) -> bool:
    """Return whether members can be put into a group on this host."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
            if any(line.startswith(f"{name}:") for line in file):
                return True
    return False


def homes(path: str = "/etc/default/useradd") -> str:
    """Return the directory in which homes are made."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
        if found := re.search(r"^HOME=[\"']?([^\s\"']+)", file.read(), re.M):
            return found.group(1)
    return "/home"


def group_exists(name: str) -> bool:
    """Return whether the host knows a group of this name."""
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def adopted_accounts() -> list[str]:
    """Return the accounts of this host that people share though this collection has not made them."""
    return list(host_state.recall(STATE).get(ADOPTED, []))


def with_comment(comment: str | None) -> list[str]:
    """Return the accounts that bear a comment."""
    return sorted(account.pw_name for account in pwd.getpwall() if comment and account.pw_gecos == comment)
