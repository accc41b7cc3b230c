# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete a project or one of its workspaces: first close it to everyone, then archive it, then remove everything that belongs to it."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import subprocess
from collections.abc import Collection
from typing import Any

from ..host import account_numbers, kept_files
from ..host.account_processes import end_processes, forget_failed_units
from ..host.accounts import GROUP, is_local_group, local_account, local_names
from ..workspaces import gates, holders, permissions, posix_acl
from ..workspaces.processes import halted
from .archive import archive
from .state import Projects

CLOSED = posix_acl.Acl(7, 0)
TRIES = 5


class NotDeleted(Exception):
    """Something could not be deleted."""


def delete(
    projects: Projects, name: str, workspace: str, archives: str, state_directory: str = ""
) -> list[str]:
    """Delete a workspace or, if `workspace` is empty, the whole project. Return what was done, as parts of a sentence.

    archives: the directory to write an archive to first, or empty for no archive. If this fails, access is restored, and NotArchived is
    raised. state_directory: where servers keep state, or empty if they keep none.
    An interrupted deletion continues where it stopped: if the archive exists already, what is left is not archived again.
    """
    known = projects.all[name]
    done = []
    leaving = [workspace] if workspace else projects.workspaces_of(name)
    _end_account(known, gone=not workspace)
    path = projects.archive_of(name, workspace)
    if path is None:
        path = _archive(known, name, workspace, leaving, archives) if archives else ""
        projects.begin_to_delete(name, workspace, path)
    if path:
        done.append(f"{f'workspace {workspace}' if workspace else 'project'} archived in {path}")
    for each in leaving:
        _delete_workspace(known["root"], name, each)
        done.append(f"workspace {each} deleted")
    if not workspace:
        done += _delete_project(known, name, state_directory)
    projects.forget(name, workspace)
    return done


def retire(projects: Projects, name: str, state_directory: str = "") -> list[str]:
    """Remove a project's account and groups, but keep its files, accessible only to root. Return what was done, as parts of a sentence.

    The host may assign the UIDs and GIDs of deleted accounts and groups again, so the directories' access control lists must not
    contain any.
    """
    known = projects.all[name]
    done = []
    _end_account(known, gone=True)
    for workspace in projects.workspaces_of(name):
        path = os.path.join(known["root"], name, workspace)
        if os.path.isdir(path) and not os.path.islink(path):
            with permissions.opened(path) as directory:
                posix_acl.write(directory, CLOSED)
                os.fchown(directory, 0, 0)
            _end_users(_numbers_of(name, workspace), path)
            kept_files.note(path, projects.unit)
            done.append(f"files of workspace {workspace} kept in {path}")
        _delete_groups(name, workspace)
    if account := _delete_account(known, state_directory):
        account_numbers.close_home(account.pw_name, account.pw_dir, account.pw_uid)
        kept_files.note(account.pw_dir, projects.unit)
        done.append(f"account {account.pw_name} removed, its files kept in {account.pw_dir}")
    projects.forget(name, "")
    return done


def _end_account(known: dict[str, Any], gone: bool) -> None:
    """If the project's account will be removed (`gone`), end its processes. Otherwise, its server continues with the other workspaces."""
    if gone:
        try:
            number = local_account(known["account"]).pw_uid
        except KeyError:
            return
        end_processes(number)
        forget_failed_units(known["account"], number)


def _archive(known: dict[str, Any], name: str, workspace: str, leaving: list[str], archives: str) -> str:
    """Archive workspaces and, for a whole project, the account's home directory, while only root has access. Return the path, or empty."""
    place = os.path.join(known["root"], name)
    lists = {
        each: _close(os.path.join(place, each))
        for each in leaving
        if os.path.isdir(os.path.join(place, each))
    }
    for each in lists:
        _end_users(_numbers_of(name, each), os.path.join(place, each))
    contents = [(place, each) for each in lists]
    home = f"/home/{known['account']}"
    if not workspace and os.path.isdir(home):
        contents.append((os.path.dirname(home), os.path.basename(home)))
    try:
        return archive(archives, f"{name}-{workspace}" if workspace else name, contents) if contents else ""
    except BaseException:
        for each, before in lists.items():
            with permissions.opened(os.path.join(place, each)) as directory:
                posix_acl.write(directory, before)
        raise


def _close(path: str) -> posix_acl.Acl:
    """Close a directory to everyone but root, and return its previous access control list."""
    with permissions.opened(path) as directory:
        before = posix_acl.read(directory) or posix_acl.of_mode(os.fstat(directory).st_mode)
        posix_acl.write(directory, CLOSED)
    return before


def _delete_workspace(root: str, name: str, workspace: str) -> None:
    place = os.path.join(root, name)
    if os.path.isdir(place):
        path = os.path.join(place, workspace)
        if os.path.isdir(path) and not os.path.islink(path):
            _close(path)
            _remove(path, _numbers_of(name, workspace))
        elif os.path.lexists(path):
            os.unlink(path)
    _delete_groups(name, workspace)


def _numbers_of(name: str, workspace: str) -> set[int]:
    """Return the GIDs of a workspace's groups that exist on this host."""
    names = {*permissions.group_names(name, workspace)} & local_names(GROUP)
    return {grp.getgrnam(group).gr_gid for group in names}


def _remove(path: str, groups: set[int]) -> None:
    """Remove a directory and its contents, even if processes that are still inside interfere. Raises NotDeleted.

    groups: the GIDs of the workspace's groups. rm works with file descriptors and follows no links.
    """
    said = ""
    for _time in range(TRIES):
        done = subprocess.run(
            ["rm", "--recursive", "--force", "--one-file-system", "--", path],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        said = done.stderr.strip().splitlines()[0] if done.stderr.strip() else "rm failed"
        with contextlib.suppress(OSError):
            permissions.close(path)
        _end_users(groups, path)
    raise NotDeleted(f"failed to remove {path}: {said}")


def _end_users(groups: Collection[int], workspace: str) -> None:
    """End the processes that use a workspace, after halting those of all users who were ever given it.

    workspace: the workspace's directory.
    """
    with halted(gates.once_given("/".join(workspace.split("/")[-2:]))):
        holders.end(lambda: holders.users(groups, workspace=workspace))


def _delete_groups(name: str, workspace: str) -> None:
    numbers = _numbers_of(name, workspace)
    account_numbers.note(numbers)
    for group in permissions.group_names(name, workspace):
        if is_local_group(group):
            subprocess.run(["groupdel", group], check=True, capture_output=True)
    account_numbers.reserve(numbers)
    gates.forget(f"{name}/{workspace}")


def _delete_project(known: dict[str, Any], name: str, state_directory: str) -> list[str]:
    place = os.path.join(known["root"], name)
    if os.path.isdir(place):
        os.rmdir(place)
    account = _delete_account(known, state_directory)
    if not account:
        return []
    _remove(account.pw_dir, set())
    account_numbers.forget_home(account.pw_name)
    kept_files.forget(account.pw_dir)
    return [f"account {account.pw_name} and its home directory deleted"]


def _delete_account(known: dict[str, Any], state_directory: str) -> pwd.struct_passwd | None:
    """Delete a project's account and the state of its servers, but not its home directory.

    Return the deleted account, or None if it did not exist.
    """
    try:
        account = local_account(known["account"])
    except KeyError:
        return None
    account_numbers.note({account.pw_uid, account.pw_gid})
    end_processes(account.pw_uid)  # the hub may have started the server again
    subprocess.run(["userdel", account.pw_name], check=True, capture_output=True)
    end_processes(account.pw_uid)
    account_numbers.reserve({account.pw_gid})
    if state_directory:
        _remove(os.path.join(state_directory, account.pw_name), set())
    return account
