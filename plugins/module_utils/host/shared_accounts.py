# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create and remove shared accounts on the host."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
from collections.abc import Collection
from typing import Any

from . import account_numbers, directory_services, kept_files
from . import state as host_state
from .account_numbers import NoNumber, Numbers, of_kept_home
from .account_processes import (
    NotEnded,
    end_processes,
    forget_failed_units,
    numbers_in_use,
    processes_of,
)
from .accounts import (
    ADOPTED,
    STATE,
    adopted_accounts,
    describe_account,
    group_exists,
    made_groups,
)
from .step import Step, StepFailed

ARGUMENTS: dict[str, dict[str, Any]] = {
    "service": {"type": "str", "default": "jupyterhub"},
    "names": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "group": {"type": "str"},
    "comment": {"type": "str", "required": True},
    "state_directory": {"type": "path"},
    "adopted": {"type": "list", "elements": "str", "default": []},
    "delete_homes": {"type": "bool", "default": False},
    "remove_groups": {"type": "bool", "default": False},
}
NOTHING: dict[str, Any] = {
    "made": [],
    "joined": [],
    "removed": [],
    "kept_homes": [],
    "deleted_homes": [],
    "removed_groups": [],
}


def ensure_present(module: Step) -> dict[str, Any]:
    """Create missing accounts, and add all accounts to the group."""
    group, comment = module.params["group"], module.params["comment"]
    accounts = {name: describe_account(name) for name in module.params["names"]}
    made = [name for name, account in accounts.items() if not account["exists"]]
    joined = [
        name for name, account in accounts.items() if account["exists"] and group not in account["groups"]
    ]
    new_group = bool(accounts) and not group_exists(group)
    adopted = sorted({*module.params["adopted"]} - {*adopted_accounts()})
    if not module.check_mode:
        if adopted:
            note(ADOPTED, [*adopted_accounts(), *adopted])
        if made or new_group:
            directory_services.check()
        if new_group:
            note("groups", [*made_groups(), group])
            module.run_command(["groupadd", "--system", group], check_rc=True)
        numbers = {name: of_kept_home(name) for name in made}
        if missing := [name for name, number in numbers.items() if number is None]:
            free = Numbers()
            numbers |= {name: free.take() for name in missing}
            free.remember()
        for name in made:
            command = ["useradd", "--create-home", "--comment", comment, "--shell", "/bin/bash"]
            command += ["--groups", group, "--key", "HOME_MODE=0700", "--uid", str(numbers[name]), name]
            module.run_command(command, check_rc=True)
        # Includes existing accounts whose home directory is still closed, because an earlier run was interrupted here.
        for name in {*made} | ({*accounts} & account_numbers.kept_homes()):
            account_numbers.open_home(name)
            kept_files.forget(os.path.join(account_numbers.HOMES, name))
        for name in joined:
            # Unlike usermod, gpasswd accepts accounts that are not defined on this host (LDAP).
            module.run_command(["gpasswd", "--add", name, group], check_rc=True)
    return {
        **NOTHING,
        "changed": bool(made or joined or new_group or adopted),
        "made": made,
        "joined": joined,
    }


def note(kind: str, names: list[str]) -> None:
    """Replace the recorded names of a kind, `groups` or `adopted`, in the state of accounts."""
    host_state.remember(STATE, {**host_state.recall(STATE), kind: sorted({*names})})


def ensure_absent(module: Step) -> dict[str, Any]:
    """Remove the accounts that have the comment."""
    accounts = {name: describe_account(name) for name in module.params["names"]}
    removed = [
        name for name, account in accounts.items() if account.get("comment") == module.params["comment"]
    ]
    delete_homes: bool = module.params["delete_homes"]
    groups = unused_groups(removed) if module.params["remove_groups"] else []
    if not module.check_mode:
        for name in removed:
            remove_account(module, name, delete_homes)
        for name in groups:
            module.run_command(["groupdel", name], check_rc=True)
        if module.params["remove_groups"]:
            left = sorted({*made_groups()} - {*groups}) if groups_in_use() else []
            host_state.remember(STATE, {"groups": left} if left else {})
    homes = [accounts[name]["home"] for name in removed]
    return {
        **NOTHING,
        "changed": bool(removed or groups),
        "removed": removed,
        "deleted_homes" if delete_homes else "kept_homes": homes,
        "removed_groups": groups,
    }


def remove_account(module: Step, name: str, delete_home: bool) -> None:
    """Remove an account and the state of its servers. Delete its home directory, or make root its owner."""
    account = pwd.getpwnam(name)
    account_numbers.note({account.pw_uid, account.pw_gid})
    end_processes(account.pw_uid)
    forget_failed_units(name, account.pw_uid)
    module.run_command(["userdel", *(["--remove"] if delete_home else []), name], check_rc=True)
    end_processes(account.pw_uid)
    account_numbers.reserve({account.pw_gid})
    if delete_home:
        account_numbers.forget_home(name)
        kept_files.forget(account.pw_dir)
    else:
        account_numbers.close_home(name, account.pw_dir, account.pw_uid)
        kept_files.note(account.pw_dir, host_state.name_of(module.params["service"]))
    if directory := module.params["state_directory"]:
        shutil.rmtree(os.path.join(directory, name), ignore_errors=True)


def groups_in_use(leaving: Collection[str] = ()) -> set[str]:
    """Return the groups that this module created and that a running process still has. Their GIDs must not be reused.

    leaving: accounts to be removed. Their processes do not count, because they end first.
    """
    numbers = numbers_in_use({each for name in leaving for each in processes_of(pwd.getpwnam(name).pw_uid)})
    return {
        group.gr_name
        for group in grp.getgrall()
        if group.gr_name in made_groups() and group.gr_gid in numbers
    }


def unused_groups(leaving: list[str]) -> list[str]:
    """Return the groups that this module created and that nobody uses once the leaving accounts are removed."""
    in_use = groups_in_use(leaving)
    primary = {account.pw_gid for account in pwd.getpwall() if account.pw_name not in leaving}
    return [
        group.gr_name
        for group in grp.getgrall()
        if group.gr_name in made_groups()
        and group.gr_name not in in_use
        and group.gr_gid not in primary
        and not {*group.gr_mem} - {*leaving}
    ]


def apply(step: Step) -> dict[str, Any]:
    """Create or remove accounts as module shared_accounts does, and return its result. Raises StepFailed."""
    ensure = ensure_present if step.params["state"] == "present" else ensure_absent
    try:
        return ensure(step)
    except (NoNumber, NotEnded, directory_services.Silent) as error:
        raise StepFailed(f"{error}.") from error
