# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look up accounts and groups on the host, with what determines whether an account may be shared."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
from collections.abc import Iterable, Iterator
from typing import Any

from . import state as host_state

STATE = "accounts.json"  # the recorded state of accounts: groups that were created, and adopted accounts
ADOPTED = "adopted"
# Where this host defines accounts and groups. All others are those of a directory service (LDAP, SSSD).
PASSWD = ("/etc/passwd", "/var/lib/extrausers/passwd")
GROUP = ("/etc/group", "/var/lib/extrausers/group")
USERNAME = "{USERNAME}"  # stands for the hub user in SystemdSpawner's template for account names


def login_minimum(path: str = "/etc/login.defs") -> int:
    """Return the lowest UID that is not a system account's (UID_MIN in login.defs, or 1000 if it is not set)."""
    try:
        with open(path, encoding="utf-8") as file:
            match = re.search(r"^\s*UID_MIN\s+(\d+)", file.read(), re.M)
    except OSError:
        match = None
    return int(match.group(1)) if match else 1000


def with_passwords(path: str = "/etc/shadow") -> set[str]:
    """Return the names of the local accounts that someone can log in to with a password, even an empty one."""
    try:
        with open(path, encoding="utf-8") as file:
            entries = [line.split(":") for line in file if line.count(":") > 1]
    except OSError:
        return set()
    return {entry[0] for entry in entries if not entry[1].startswith(("!", "*"))}


def account_of(user: str, names: str) -> str:
    """Return the name of a hub user's account. names: the template for account names."""
    return names.replace(USERNAME, user)


def user_of(account: str, names: str) -> str:
    """Return the hub user of an account. If its name does not match the template `names`, return it unchanged.

    Accounts that are older than the template need not match it.
    """
    before, _name, after = names.partition(USERNAME)
    user = account.removeprefix(before).removesuffix(after)
    return user if account_of(user, names) == account else account


def describe_account(name: str) -> dict[str, Any]:
    """Return what is known about an account. See `describe_accounts`."""
    return describe_accounts([name])[name]


def describe_accounts(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return, by name, what is known about accounts. Each file of the host is read only once.

    Each has `name` and `exists` and, if it exists, `uid`, `home`, `comment`, `groups`, `system` (whether it is a system account) and
    `person` (whether someone can log in with a password or an SSH key). Only accounts that this host defines have a comment, because
    in a directory, people may be able to write their own.
    """
    minimum, passwords, local = login_minimum(), with_passwords(), local_names(PASSWD)
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
            "comment": account.pw_gecos if name in local else "",
            "system": account.pw_uid < minimum or account.pw_uid >= 65534,
            "person": name in passwords
            or os.path.exists(os.path.join(account.pw_dir, ".ssh", "authorized_keys")),
            "groups": sorted(_groups_of(account)),
        }
    return found


def _groups_of(account: pwd.struct_passwd) -> Iterator[str]:
    """Yield the groups of an account, including those from directory services that do not list them (LDAP, SSSD)."""
    for number in os.getgrouplist(account.pw_name, account.pw_gid):
        with contextlib.suppress(KeyError):
            yield grp.getgrgid(number).gr_name


def local_names(paths: Iterable[str]) -> set[str]:
    """Return the names of the accounts or groups that these files define."""
    found: set[str] = set()
    for path in paths:
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
            found |= {line.partition(":")[0] for line in file}
    return found


def is_local_group(name: str, paths: Iterable[str] = GROUP) -> bool:
    """Return whether a group is defined on this host, so that members can be added here."""
    return name in local_names(paths)


def local_account(name: str) -> pwd.struct_passwd:
    """Return an account that this host defines. Raises KeyError if there is none, even if a directory has one of this name."""
    if name not in local_names(PASSWD):
        raise KeyError(f"this host does not define the account {name}")
    return pwd.getpwnam(name)


def homes(path: str = "/etc/default/useradd") -> str:
    """Return the directory in which home directories are created."""
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
    """Return the shared accounts on this host that this collection did not create."""
    return list(host_state.recall(STATE).get(ADOPTED, []))


def made_groups() -> list[str]:
    """Return the groups that this collection created on this host."""
    return list(host_state.recall(STATE).get("groups", []))


def with_comment(comment: str | None) -> list[str]:
    """Return the names of the accounts of this host that have exactly this comment, or none if it is empty."""
    named = [account.pw_name for account in pwd.getpwall() if comment and account.pw_gecos == comment]
    return sorted({*named} & local_names(PASSWD)) if named else []
