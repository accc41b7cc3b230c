# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create and delete the workspaces of projects, with their accounts and groups."""

from __future__ import annotations

import contextlib
import copy
import grp
import os
import re
import stat
from typing import Any

from ..host import account_numbers, kept_files
from ..host import state as host_state
from ..host.account_processes import NotEnded
from ..host.accounts import GROUP, describe_accounts, local_names
from ..host.step import Step, StepFailed
from ..workspaces import gates, permissions
from ..workspaces import root as workspaces_root
from . import accounts as project_accounts
from . import deletion
from .archive import NotArchived
from .deletion import NotDeleted
from .state import STATE, Projects

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
# No character with a special meaning in /etc/passwd or in a quoted string of systemd-sysusers.
COMMENT = re.compile(r"[^\"\\:\n,=]+")
PASSABLE = 0o711
TOLD = 20  # problems in one message
_TEXT = {"type": "str", "required": True}
PROJECT: dict[str, dict[str, Any]] = {
    "name": _TEXT,
    "account": _TEXT,
    "workspaces": {"type": "list", "elements": "str", "required": True},
}
ABSENT: dict[str, dict[str, Any]] = {
    "project": _TEXT,
    "workspace": {"type": "str", "default": ""},
    "archive": {"type": "bool", "default": False},
    "keep": {"type": "bool", "default": False},
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "service": {"type": "str", "default": "jupyterhub"},
    "root": {"type": "path", "required": True},
    "projects": {"type": "list", "elements": "dict", "default": [], "options": PROJECT},
    "absent": {"type": "list", "elements": "dict", "default": [], "options": ABSENT},
    "archive": {"type": "path", "default": "/var/backups/jupyterhub-projects"},
    "state_directory": {"type": "path"},
    "group": _TEXT,
    "comment": _TEXT,
    "repair": {"type": "bool", "default": False},
    "warn_below": {"type": "int", "default": 5},
}


class Workspaces:
    """A run of the module: the current state, which is read once, and the desired state."""

    def __init__(self, module: Step) -> None:
        self.root: str = os.path.normpath(module.params["root"])
        self.wanted: list[dict[str, Any]] = module.params["projects"]
        self.absent: list[dict[str, Any]] = module.params["absent"]
        self.archive: str = os.path.normpath(module.params["archive"])
        self.state_directory: str = module.params["state_directory"] or ""
        self.group: str = module.params["group"]
        self.comment: str = module.params["comment"]
        self.check_mode: bool = module.check_mode
        self.remembered = Projects(
            host_state.name_of(module.params["service"]), [project["name"] for project in self.wanted]
        )
        self.accounts = describe_accounts(project["account"] for project in self.wanted)
        self.groups = self._find_groups()
        self.local_groups = local_names(GROUP)
        self.before = {name: self.remembered.workspaces_of(name) for name in self.remembered.all}
        self.recorded = copy.deepcopy(self.remembered.all)
        self.changes: dict[str, list[str]] = {}
        # What a run repairs without a note. Only filled in check mode.
        self.repairs = module.repairs
        # Project and name of new workspaces whose files were kept from a deleted project.
        self.kept: list[tuple[str, str]] = []

    def _find_groups(self) -> dict[str, grp.struct_group]:
        """Return the host's groups by name, including those with our names that a directory service has but does not list."""
        found = {group.gr_name: group for group in grp.getgrall()}
        ours = {self.group, *(project["account"] for project in self.wanted)}
        for project in self.wanted:
            for workspace in project["workspaces"]:
                ours |= {*permissions.group_names(project["name"], workspace)}
        for name in ours - found.keys():
            with contextlib.suppress(KeyError):
                found[name] = grp.getgrnam(name)
        return found

    def note(self, project: str, *sentences: str) -> None:
        if sentences:
            self.changes.setdefault(project, []).extend(sentences)

    def find_problems(self) -> list[str]:
        """Return the problems, each as a sentence."""
        found = [
            f"{what} {name!r} must start with a letter or digit and contain only a-z, 0-9, - and _"
            for what, name in self._names()
            if not NAME.fullmatch(name)
        ]
        if not COMMENT.fullmatch(self.comment):
            found.append(
                f"comment {self.comment!r} contains a character with a special meaning in /etc/passwd or systemd. Remove it"
            )
        # In check mode, the earlier task has not created the group.
        if self.wanted and self.group not in self.groups and not self.check_mode:
            found.append(
                f"group {self.group} does not exist. Create it, or set group to the group whose members can use the hub"
            )
        if found:
            return found
        if self.wanted and (others := self.remembered.problem()):
            return [others]
        for project in self.wanted:
            found += self._problems_of(project)
        known = {project["account"]: name for name, project in self.remembered.on_host.items()}
        for project in self.wanted:
            if known.setdefault(project["account"], project["name"]) != project["name"]:
                found.append(
                    f"projects {known[project['account']]} and {project['name']} have the same account {project['account']}. "
                    "Set another account for one of them"
                )
        return found + self._problems_of_absent()

    def _names(self) -> list[tuple[str, str]]:
        names = [("project", project["name"]) for project in self.wanted]
        names += [("project", each["project"]) for each in self.absent]
        names += [("workspace", workspace) for project in self.wanted for workspace in project["workspaces"]]
        return names + [("workspace", each["workspace"]) for each in self.absent if each["workspace"]]

    def _problems_of(self, project: dict[str, Any]) -> list[str]:
        name, account = project["name"], project["account"]
        found = []
        known = self.remembered.all.get(name, {})
        if known and (known["account"], known["root"]) != (account, self.root):
            found.append(
                f"project {name} was created with account {known['account']} in {known['root']}. Keep both, or delete the project first"
            )
        if {*known.get("leaving", {})} - {
            each["workspace"] for each in self.absent if each["project"] == name
        }:
            found.append(
                f"a run was interrupted while it deleted project {name}. Name the same project or workspaces in absent again first"
            )
        if not ACCOUNT.fullmatch(account):
            found.append(
                f"account {account!r} of project {name} is not a valid account name. Use a-z, 0-9, - and _, at most 31 characters"
            )
        there = self.accounts[account]
        if there["exists"] and there["comment"] != self.comment:
            found.append(
                f"account {account} of project {name} already exists and is not a project's account. Choose another account"
            )
        if not there["exists"]:
            found += self._problems_of_kept(os.path.join(account_numbers.HOMES, account))
        if not there["exists"] and account in self.groups:
            found.append(
                f"group {account} of the account of project {name} already exists. Choose another account"
            )
        for workspace in project["workspaces"]:
            if workspace in self.remembered.workspaces_of(name):
                found += self._problems_of_known(name, workspace)
            else:
                found += self._problems_of_new(name, workspace)
        return found

    def _problems_of_new(self, name: str, workspace: str) -> list[str]:
        path = self.path_of(name, workspace)
        found = []
        if is_kept(path):
            self.kept.append((name, workspace))
            found += self._problems_of_kept(path)
        elif os.path.lexists(path):
            found.append(
                f"{path} already exists and is not a workspace. Move it away, or choose another name"
            )
        found += [
            f"group {group} of workspace {workspace} of project {name} already exists. Choose another name for the workspace"
            for group in permissions.group_names(name, workspace)
            if group in self.groups
        ]
        return found

    def _problems_of_kept(self, path: str) -> list[str]:
        """Return a sentence if the files at a path are kept for another hub, whose users are others."""
        if other := kept_files.other_hub(path, self.remembered.unit):
            return [
                f"{path} has files that are kept for the hub {other}. Move them away, or choose another name"
            ]
        return []

    def _problems_of_known(self, name: str, workspace: str) -> list[str]:
        path = self.path_of(name, workspace)
        found = [
            f"group {group} of workspace {workspace} of project {name} is not defined on this host (but in LDAP, for example). Remove or "
            "rename it there"
            for group in permissions.group_names(name, workspace)
            if group in self.groups and group not in self.local_groups
        ]
        if found:
            return found
        if os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path)):
            return [f"{path} is no longer a directory. Find out who replaced it, and move it away"]
        return []

    def _problems_of_absent(self) -> list[str]:
        wanted = {
            (project["name"], workspace)
            for project in self.wanted
            for workspace in ("", *project["workspaces"])
        }
        found = [
            f"project {name} belongs to the hub {' or '.join(units)}. Set service to that unit to delete it"
            for name, units in self.remembered.of_others.items()
            if name in {each["project"] for each in self.absent}
        ]
        found += [
            f"project {each['project']}{' with workspace ' + each['workspace'] if each['workspace'] else ''} is listed in both projects and absent"
            for each in self.absent
            if (each["project"], each["workspace"]) in wanted
        ]
        if any(each["archive"] for each in self.leaving):
            others = workspaces_root.exchangeable(self.archive)
            inside = f"{self.archive}/".startswith(f"{self.root}/")
            if others:
                found.append(others)
            if inside:
                found.append(
                    f"archives must not be kept in {self.root}. Set archive to a directory outside of it, not {self.archive}"
                )
        return found

    @property
    def leaving(self) -> list[dict[str, Any]]:
        """The entries of `absent` that exist, and will therefore be deleted."""
        return [
            each
            for each in self.absent
            if each["project"] in self.remembered.all
            and (not each["workspace"] or each["workspace"] in self.remembered.workspaces_of(each["project"]))
        ]

    def path_of(self, name: str, workspace: str = "") -> str:
        return os.path.join(self.root, name, workspace) if workspace else os.path.join(self.root, name)

    def make_accounts(self, dry: bool) -> None:
        """Create missing accounts, groups and memberships."""
        accounts, groups, members, homes = [], [], [], []
        kept = account_numbers.kept_homes()
        for project in self.wanted:
            name, account = project["name"], project["account"]
            there = self.accounts[account]
            own = set(there.get("groups", []))
            if not there["exists"]:
                accounts.append(account)
                self.note(name, f"account {account} created")
            elif not os.path.isdir(there["home"]) or account in kept:
                self.note(name, f"home directory of account {account} created")
            if not there["exists"] or not os.path.isdir(there["home"]) or account in kept:
                homes.append(account)
            belongs = [self.group]
            for workspace in project["workspaces"]:
                writers, readers = permissions.group_names(name, workspace)
                belongs.append(writers)
                missing = [group for group in (writers, readers) if group not in self.groups]
                groups += missing
                if missing and workspace in self.before.get(name, []):
                    self.note(name, f"groups of workspace {workspace} created")
            members += [(account, group) for group in belongs if group not in own]
            if there["exists"] and (joined := [group for group in belongs if group not in own]):
                self.note(name, f"account {account} added to {', '.join(joined)}")
        if dry:
            return
        project_accounts.make(accounts, groups, members, self.comment)
        for account in homes:
            if not (
                account_numbers.open_home(account) or os.path.isdir(f"{account_numbers.HOMES}/{account}")
            ):
                project_accounts.make_home(account)
            kept_files.forget(os.path.join(account_numbers.HOMES, account))

    def make_directories(self, dry: bool) -> None:
        """Create missing directories, and set their owners and permissions."""
        if not dry:
            self.groups = self._find_groups()
            self.accounts = describe_accounts(project["account"] for project in self.wanted)
        for place in [self.root, *(self.path_of(project["name"]) for project in self.wanted)]:
            if not dry:
                os.makedirs(place, mode=PASSABLE, exist_ok=True)
                _give_to_root(place)
            elif not _belongs_to_root(place):
                self.repairs.append(place)
        for project in self.wanted:
            for workspace in project["workspaces"]:
                self._make_workspace(project, workspace, dry)

    def _make_workspace(self, project: dict[str, Any], workspace: str, dry: bool) -> None:
        name = project["name"]
        path = self.path_of(name, workspace)
        if not os.path.isdir(path):
            again = workspace in self.before.get(name, [])
            self.note(
                name,
                f"workspace {workspace} created"
                + (" again, because its directory was missing" if again else ""),
            )
            if dry:
                return
            os.mkdir(path, 0o700)
        numbers = self.numbers_of(name, workspace)
        if numbers is None:
            return
        with permissions.opened(path) as directory:
            # Root owns the directory, because its owner could grant access to others. The account gets access by name or by its group.
            changed = os.fstat(directory).st_uid != 0
            if dry:
                changed |= not permissions.is_open(directory, numbers, self.gate_of(name, workspace))
            else:
                os.fchown(directory, 0, -1)
                # Repeat until nothing changes, because the hub may change access at the same time.
                while permissions.open_directory(directory, numbers, self.gate_of(name, workspace)):
                    changed = True
        created = f"workspace {workspace} created"
        if changed and not any(created in sentence for sentence in self.changes.get(name, [])):
            self.note(name, f"permissions of workspace {workspace} restored")

    def gate_of(self, name: str, workspace: str) -> gates.Gate:
        """Return who has access to a workspace, according to the hub's records."""
        return gates.recall().get(f"{name}/{workspace}", gates.OPEN)

    def closed(self) -> list[str]:
        """Return a sentence, with the reason, for each workspace that nobody can use."""
        wanted = {
            f"{project['name']}/{workspace}" for project in self.wanted for workspace in project["workspaces"]
        }
        return [
            f"Workspace {workspace} is closed to everyone: {gate.closed}."
            for workspace, gate in sorted(gates.recall().items())
            if gate.closed and workspace in wanted
        ]

    def numbers_of(self, name: str, workspace: str) -> permissions.Groups | None:
        """Return the GIDs of a workspace's groups, or None if they do not exist yet."""
        found = [
            self.groups[group].gr_gid
            for group in permissions.group_names(name, workspace)
            if group in self.groups
        ]
        return permissions.Groups(*found) if len(found) == 2 else None

    def repair(self, every: bool) -> list[str]:
        """Restore the permissions of all files, and return the files that were not repaired.

        every: whether to repair all workspaces, or only those that were kept from a deleted project.
        """
        left = []
        for project in self.wanted:
            for workspace in project["workspaces"]:
                if not every and (project["name"], workspace) not in self.kept:
                    continue
                numbers = self.numbers_of(project["name"], workspace)
                path = self.path_of(project["name"], workspace)
                if numbers is None:
                    continue
                again = (project["name"], workspace) in self.kept
                owner = self.accounts[project["account"]]["uid"]
                report = permissions.repair(path, numbers, owner, separate=again)
                if report.repaired:
                    self.note(
                        project["name"],
                        f"permissions of {report.repaired} files of workspace {workspace} restored",
                    )
                left += [f"{path}/{told}" for told in report.told]
        return left

    def ensure(self, dry: bool, repair: bool) -> list[str]:
        """Apply the desired state, or with `dry`, only record what would change. Return the files that were not repaired."""
        if dry:
            self.repairs += [group for group in self.groups if group.startswith(account_numbers.GONE)]
        else:
            account_numbers.reserve(())
        for each in self.leaving:
            if dry:
                self.note(each["project"], foreseen(each))
            elif each["keep"] and not each["workspace"]:
                done = deletion.retire(self.remembered, each["project"], self.state_directory)
                self.note(each["project"], *done)
            else:
                archives = self.archive if each["archive"] else ""
                done = deletion.delete(
                    self.remembered, each["project"], each["workspace"], archives, self.state_directory
                )
                self.note(each["project"], *done)
        if self.changes and not dry and not self.remembered.on_host and not self.wanted:
            with contextlib.suppress(OSError):  # it contains other files
                os.rmdir(self.root)
        for project in self.wanted:
            self.remembered.add(project, self.root)
        if self.remembered.all != self.recorded:
            if dry:
                self.repairs.append(STATE)
            elif self.wanted:
                self.remembered.save()
        if self.wanted:
            self.make_accounts(dry)
            self.make_directories(dry)
        for name, workspace in [] if dry else self.kept:
            kept_files.forget(self.path_of(name, workspace))
        return [] if dry else self.repair(every=repair)


def is_kept(path: str) -> bool:
    """Return whether a directory looks like one that `deletion.retire` has kept: only root can access it.

    Nobody but root can create files in its parent directory.
    """
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(there.st_mode) and there.st_uid == 0 and not there.st_mode & 0o077


def foreseen(each: dict[str, Any]) -> str:
    """Return what would happen to an entry of `absent`."""
    if each["workspace"]:
        return f"workspace {each['workspace']} deleted"
    return "account and groups removed, files kept" if each["keep"] else "project deleted"


def _belongs_to_root(path: str) -> bool:
    """Return whether a directory is as `_give_to_root` leaves it."""
    there = os.lstat(path) if os.path.lexists(path) else None
    wanted = (0, 0, stat.S_IFDIR | PASSABLE)
    return there is not None and (there.st_uid, there.st_gid, there.st_mode) == wanted


def _give_to_root(path: str) -> None:
    """Make root the owner of a directory. Others can traverse but not list it."""
    if not _belongs_to_root(path):
        with permissions.opened(path) as directory:
            os.fchown(directory, 0, 0)
            os.fchmod(directory, PASSABLE)


def apply(step: Step) -> dict[str, Any]:
    """Create and delete workspaces as module project_workspaces does, and return its result. Raises StepFailed."""
    workspaces = Workspaces(step)
    root = workspaces_root.describe_root(workspaces.root)
    problems = workspaces.find_problems()
    if workspaces.wanted and root["problem"]:
        problems.append(root["problem"])
    if problems:
        more = [f"There are {len(problems) - TOLD} more problems like these"] if len(problems) > TOLD else []
        problems = problems[:TOLD] + more
        raise StepFailed(f"{'. '.join(problems)}. Nothing was changed.")
    percent = 100 * root["free"] // max(root["size"], 1)
    if workspaces.wanted and percent < step.params["warn_below"]:
        step.warn(f"Only {percent} % of the file system of {workspaces.root} is free. Free some space there.")
    try:
        left = workspaces.ensure(step.check_mode, step.params["repair"])
    except (NotArchived, NotDeleted, NotEnded, project_accounts.NotMade, gates.Busy) as error:
        raise StepFailed(
            f"{error}. Only what `changes` lists was changed.", changes=workspaces.changes
        ) from error
    for sentence in workspaces.closed():
        step.warn(sentence)
    told = "".join(f"{name}: {each}\n" for name, all_ in sorted(workspaces.changes.items()) for each in all_)
    return {
        "changed": bool(workspaces.changes),
        "changes": workspaces.changes,
        "left": left,
        "diff": {"before": "", "after": told},
    }
