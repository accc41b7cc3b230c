# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a node the accounts that run a hub's shared servers, with the numbers that they have on the hub's host."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from collections.abc import Collection, Iterator
from typing import Any

from ..host import account_numbers, directory_services
from ..host.account_processes import NotEnded, end_processes
from ..host.accounts import PASSWD, local_account, local_names, with_comment
from ..host.step import Step, StepFailed
from . import served

ARGUMENTS: dict[str, dict[str, Any]] = {
    "hub": {"type": "str", "required": True},
    "accounts": {"type": "list", "elements": "dict", "default": []},
}
SHELL = "/bin/bash"


def describe(names: Collection[str], comments: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the accounts with these names that exist on this host, and those that it defines with these comments.

    Each has `name`, `uid`, `gid`, `home` and `comment`, and the `inode` of its home directory, 0 if there is none.
    """
    return [
        {
            "name": account.pw_name,
            "uid": account.pw_uid,
            "gid": account.pw_gid,
            "home": account.pw_dir,
            "comment": account.pw_gecos,
            "inode": _inode(account.pw_dir),
        }
        for account in _found({*names}.union(*map(with_comment, comments)))
    ]


def numbers() -> list[int]:
    """Return all UIDs and GIDs that accounts and groups of this host have."""
    return sorted({each.pw_uid for each in pwd.getpwall()} | {each.gr_gid for each in grp.getgrall()})


def apply(step: Step) -> dict[str, Any]:
    """Create missing accounts, and remove those that an earlier run created for this hub and that the hub no longer has.

    Nobody can log in to them. Their home directories are those of the hub's host, which this node must have mounted. Raises StepFailed.
    """
    hub, wanted = step.params["hub"], step.params["accounts"]
    before = served.all_served().get(hub, {}).get("accounts", [])
    gone = [name for name in before if name not in {each["name"] for each in wanted}]
    missing = [each for each in wanted if not _exists(each)]
    for each in missing:
        _check_free(each)
    for each in wanted:
        _check_home(each)
    if missing:
        try:
            directory_services.check()
        except directory_services.Silent as error:
            raise StepFailed(f"{os.uname().nodename}: {error}.") from error
    removed = sorted({*gone} & local_names(PASSWD))
    if not step.check_mode:
        for name in removed:
            _remove(step, name)
        for each in missing:
            _create(step, each)
        created = sorted({*before, *(each["name"] for each in missing)} - {*gone})
        if created != before:
            served.record(hub, accounts=created)
    made = [each["name"] for each in missing]
    return {"changed": bool(made or removed), "made": made, "removed": removed}


def reserve(step: Step) -> dict[str, Any]:
    """Note that numbers are in use on nodes, so that no account gets one of them on the hub's host."""
    if not step.check_mode:
        account_numbers.note_nodes(step.params["numbers"])
    return {"changed": False}


RESERVE_ARGUMENTS: dict[str, dict[str, Any]] = {"numbers": {"type": "list", "elements": "int", "default": []}}


def _found(names: Collection[str]) -> Iterator[pwd.struct_passwd]:
    for name in sorted(names):  # directory services answer for single accounts that they do not list
        with contextlib.suppress(KeyError):
            yield pwd.getpwnam(name)


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def _exists(wanted: dict[str, Any]) -> bool:
    """Return whether an account exists with these numbers. Raises StepFailed if it has others."""
    name = wanted["name"]
    for there in describe([name]):
        for kind in ("uid", "gid"):
            if there[kind] != wanted[kind]:
                raise StepFailed(
                    f"The account {name} has the {kind.upper()} {there[kind]} on {os.uname().nodename}, but {wanted[kind]} on the hub's host. "
                    "Give it the same number on both, because they share its files."
                )
        return True
    return False


def _check_free(wanted: dict[str, Any]) -> None:
    """Raise StepFailed if another account or group has the numbers or the name of a missing account."""
    name, uid, gid = (wanted[key] for key in ("name", "uid", "gid"))
    for kind, number, owner in (("UID", uid, _user_of(uid)), ("GID", gid, _group_of(gid))):
        if owner and (kind == "UID" or owner != name):
            raise StepFailed(
                f"The account {name} of the hub has the {kind} {number}, which {owner} has on {os.uname().nodename}. Change that of {owner}, "
                f"or the {kind} of {name} on the hub's host."
            )
    try:
        there = grp.getgrnam(name).gr_gid
    except KeyError:
        return
    if there != gid:
        raise StepFailed(
            f"The group {name} has the GID {there} on {os.uname().nodename}, but {gid} on the hub's host. Give it the same number on both."
        )


def _user_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _group_of(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def _check_home(wanted: dict[str, Any]) -> None:
    """Raise StepFailed if this node does not have the home directory of the hub's host."""
    if wanted["inode"] and _inode(wanted["home"]) != wanted["inode"]:
        raise StepFailed(
            f"{wanted['home']} on {os.uname().nodename} is not the directory that the hub's host has there. Mount the file system with the "
            "home directories on both: documents and their history must be where the next node finds them."
        )


def _create(step: Step, wanted: dict[str, Any]) -> None:
    name, gid = wanted["name"], wanted["gid"]
    if not _group_of(gid):
        step.run_command(["groupadd", "--gid", str(gid), name], check_rc=True)
    command = ["useradd", "--no-create-home", "--home-dir", wanted["home"], "--comment", wanted["comment"]]
    command += ["--shell", SHELL, "--uid", str(wanted["uid"]), "--gid", str(gid), "--no-user-group", name]
    step.run_command(command, check_rc=True)


def _remove(step: Step, name: str) -> None:
    """Remove an account, after its processes have saved and ended. Its files are the hub's host's."""
    account = local_account(name)
    account_numbers.note({account.pw_uid, account.pw_gid})
    try:
        end_processes(account.pw_uid)
    except NotEnded as error:
        raise StepFailed(f"{error}.") from error
    step.run_command(["userdel", name], check_rc=True)
    end_processes(account.pw_uid)
