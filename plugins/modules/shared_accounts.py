#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes and removes the system accounts that people share."""

from __future__ import annotations

DOCUMENTATION = r"""
module: shared_accounts
short_description: Make and remove the system accounts that the users of a hub share
version_added: 1.0.0
description:
  - Makes accounts that nobody logs in to, with a home of their own that nobody else can read, and recognises them later by
    their comment.
  - Removes accounts that it made. What runs as them is ended first, their homes are kept unless something else is asked for.
    An account that is made anew where a home was kept gets the number that its files belong to.
  - Accounts that exist without the comment are only put in the group.
options:
  names:
    description: The accounts.
    type: list
    elements: str
    required: true
  state:
    description: Whether they are to be there. V(absent) leaves alone whatever does not bear the comment.
    type: str
    choices: [present, absent]
    default: present
  group:
    description: The group that may use the hub; made where it does not exist. Required for V(present).
    type: str
  comment:
    description: The comment that marks an account as made by this module.
    type: str
    required: true
  adopted:
    description:
      - Accounts that users of the hub share though this module has not made them. They stay as they are, and are remembered as such until
        O(remove_groups) ends that.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  delete_homes:
    description: Whether the homes of accounts that are removed are deleted.
    type: bool
    default: false
  remove_groups:
    description:
      - With V(absent), whether groups that this module made go as well, where nobody is in them any more. Nothing is remembered
        afterwards.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Reports what would change.
  diff_mode:
    support: none
    description: The names are in the return values.
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Ensure the shared account exists
  collab.jupyterhub.shared_accounts:
    names: [shared]
    group: jupyterhub
    comment: shared by the users of the hub
"""

RETURN = r"""
made:
  description: Accounts that were made.
  type: list
  elements: str
  returned: always
joined:
  description: Accounts that were put in the group.
  type: list
  elements: str
  returned: always
removed:
  description: Accounts that were removed.
  type: list
  elements: str
  returned: always
deleted_homes:
  description: Homes of removed accounts, which were deleted.
  type: list
  elements: str
  returned: always
removed_groups:
  description: Groups that were removed.
  type: list
  elements: str
  returned: always
kept_homes:
  description: Homes of removed accounts, which were kept.
  type: list
  elements: str
  returned: always
"""

import contextlib
import grp
import os
import pwd
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils import host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.account_processes import (
    end_processes,
    forget_failed_units,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.accounts import (
    ADOPTED,
    STATE,
    adopted_accounts,
    describe_account,
    group_exists,
)

NOTHING: dict[str, Any] = {
    "made": [],
    "joined": [],
    "removed": [],
    "kept_homes": [],
    "deleted_homes": [],
    "removed_groups": [],
}


def owner_of_kept_home(name: str) -> list[str]:
    """Return the options of useradd that give the account the number that owns its kept home, where it is free."""
    try:
        uid = os.stat(os.path.join("/home", name)).st_uid
        pwd.getpwuid(uid)
    except FileNotFoundError:
        return []
    except KeyError:
        return ["--uid", str(uid)]
    return []


def ensure_present(module: AnsibleModule) -> dict[str, Any]:
    """Make the accounts that are missing and put all of them in the group."""
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
        if new_group:
            note("groups", [*made_groups(), group])
            module.run_command(["groupadd", "--system", group], check_rc=True)
        for name in made:
            command = [
                "useradd",
                "--create-home",
                "--comment",
                comment,
                "--shell",
                "/bin/bash",
                "--groups",
                group,
            ]
            command += ["--key", "HOME_MODE=0700", *owner_of_kept_home(name), name]
            module.run_command(command, check_rc=True)
        for name in joined:
            module.run_command(["usermod", "--append", "--groups", group, name], check_rc=True)
    return {
        **NOTHING,
        "changed": bool(made or joined or new_group or adopted),
        "made": made,
        "joined": joined,
    }


def note(kind: str, names: list[str]) -> None:
    """Remember groups or accounts beside what else is remembered of accounts."""
    host_state.remember(STATE, {**host_state.recall(STATE), kind: sorted({*names})})


def ensure_absent(module: AnsibleModule) -> dict[str, Any]:
    """Remove those of the accounts that bear the comment."""
    accounts = {name: describe_account(name) for name in module.params["names"]}
    removed = [
        name for name, account in accounts.items() if account.get("comment") == module.params["comment"]
    ]
    delete_homes: bool = module.params["delete_homes"]
    groups = unused_groups(removed) if module.params["remove_groups"] else []
    if not module.check_mode:
        for name in removed:
            end_processes(accounts[name]["uid"])
            forget_failed_units(name, accounts[name]["uid"])
            module.run_command(["userdel", *(["--remove"] if delete_homes else []), name], check_rc=True)
        for name in groups:
            module.run_command(["groupdel", name], check_rc=True)
        if module.params["remove_groups"]:
            host_state.remember(STATE, {})
    homes = [accounts[name]["home"] for name in removed]
    return {
        **NOTHING,
        "changed": bool(removed or groups),
        "removed": removed,
        "deleted_homes" if delete_homes else "kept_homes": homes,
        "removed_groups": groups,
    }


def made_groups() -> list[str]:
    """Return the groups that this module has made on this host."""
    return list(host_state.recall(STATE).get("groups", []))


def unused_groups(leaving: list[str]) -> list[str]:
    """Return those of the groups that this module has made that are empty once these accounts are gone."""
    primary = {account.pw_gid for account in pwd.getpwall() if account.pw_name not in leaving}
    return [
        group.gr_name
        for group in grp.getgrall()
        if group.gr_name in made_groups() and group.gr_gid not in primary and not {*group.gr_mem} - {*leaving}
    ]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "group": {"type": "str"},
            "comment": {"type": "str", "required": True},
            "adopted": {"type": "list", "elements": "str", "default": []},
            "delete_homes": {"type": "bool", "default": False},
            "remove_groups": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["group"])],
        supports_check_mode=True,
    )
    ensure = ensure_present if module.params["state"] == "present" else ensure_absent
    try:
        with contextlib.nullcontext() if module.check_mode else host_state.lock():
            result = ensure(module)
    except host_state.Unusable as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
