# SPDX-License-Identifier: GPL-3.0-or-later
"""Give every server the workspaces of its user's projects, and remove them from servers whose user has lost access.

Nothing here prevents a server from starting: a problem becomes a warning in the hub's log and, if possible, a notice at the path where the
workspace would be.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import json
import os
import pwd
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.utils import maybe_future
from sqlalchemy import event
from sqlalchemy.orm import Session

from ..patches.hub.start import before_start
from ..workspaces.gates import STATE
from ..workspaces.permissions import group_names
from ..workspaces.repair import numbers_of
from .every_hub import protect
from .hooks import Hook, chain
from .policy import applied
from .state_directory import account_of
from .whole import whole
from .workspace_access import PATIENCE_SECONDS, GivenAccess
from .workspace_mounts import GROUPS, merged, mounts, sealed, works
from .workspace_rights import WRITE, Rights, named_as, rights_of
from .workspace_threads import Unanswered

PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+")  # needs no quoting in the properties of a unit
LINK = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_. -]*")
PACKAGE = Path(__file__).parents[2]
HOME_PROGRAM = PACKAGE / "jupyterhub_collab/workspaces/home.py"
HOME_SECONDS = 10
LONGEST_ANSWER = 4000  # bytes
LOOK_SECONDS = 10
START_SECONDS = 3  # the hub's start waits this long for the file systems of workspaces
AGAIN_SECONDS = 30  # after which to try again what could not be settled
NOTICE = os.path.join(STATE, "unavailable.txt")
NOTICE_TEXT = "This workspace was not available when your server started. Tell the hub's administrator, who can find the reason in its log.\n"


def share_workspaces(
    c: Any,
    *,
    root: str,
    mount: str,
    projects: list[dict[str, Any]],
    link: str = "workspace",
    repair_minutes: float = 5,
) -> None:
    """Give servers that start from now on the workspaces of these projects.

    root: the host's directory of all workspaces, `root/PROJECT/WORKSPACE`. mount: where a server sees its workspaces. projects: each has
    `name`, `account` (the hub user that owns the project's server), `manage` and `edit` (hub `users` and `groups`), and `workspaces`. Each
    workspace has a `name`, and `write` and `read` for further users and groups. link: the name in the home directory under which JupyterLab
    shows the workspaces; empty for none. repair_minutes: how often the permissions of files in workspaces are restored; 0 for only when a
    server starts. Raises ValueError if `root` or `mount` does not match PATH or contains `..`, or if `link` is not empty and does not
    match LINK.
    """
    for name, path in (("root", root), ("mount", mount)):
        if not PATH.fullmatch(path) or ".." in path.split("/"):
            raise ValueError(f"{name} {path!r} must be an absolute path of letters, digits, dots, - and _")
    if link and not LINK.fullmatch(link):
        raise ValueError(f"link {link!r} must be a name of letters, digits, dots, - and _")
    c = whole(c)
    protect()
    workspaces = Workspaces(root, mount, projects, link, repair_minutes)
    chain(c, "Spawner", "pre_spawn_hook", lambda theirs: _around(theirs, workspaces))
    # First remove workspaces from running servers whose users have lost access.
    before_start(workspaces.begin)
    applied.append({"everyone": [], "hooks": ["pre_spawn_hook"], "workspaces": True})


def _renamed(project: dict[str, Any]) -> dict[str, Any]:
    """Return a project with its `workspaces`. Fragments of earlier versions call them `shares`."""
    return {"workspaces": project["shares"], **project} if "shares" in project else project


def _around(theirs: Hook, workspaces: Workspaces) -> Hook:
    """Return a `pre_spawn_hook` that removes what we set for the last start, runs the configured hook, and then ours."""

    async def pre_spawn_hook(spawner: Any) -> None:
        _reset(spawner)
        await maybe_future(theirs(spawner))
        try:
            await workspaces.give(spawner)
        except Exception:
            spawner.log.exception("%s starts without its workspaces", spawner._log_name)

    return pre_spawn_hook


class Workspaces:
    """The workspaces of all projects, as the fragment lists them."""

    def __init__(
        self, root: str, mount: str, projects: list[dict[str, Any]], link: str, repair_minutes: float
    ) -> None:
        self.root = root
        self.mount = mount
        self.projects = [*map(_renamed, projects)]
        self.link = link
        self.repair_minutes = repair_minutes
        self.given = GivenAccess(root)
        self.due = False  # whether groups have changed in the database since the last `settle`
        self.warned = False
        self.later: asyncio.TimerHandle | None = None  # the next attempt
        self.reported: set[str] = set()  # problems of the last attempt, which are in the log
        self.in_repair: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()  # the loop keeps only weak references to tasks

    @property
    def workspaces(self) -> dict[str, str]:
        """All workspaces as `project/workspace`, each with the account of its project."""
        return {
            f"{project['name']}/{workspace['name']}": project["account"]
            for project in self.projects
            for workspace in project["workspaces"]
        }

    # When the hub starts, and while it runs

    def begin(self, hub: Any) -> None:
        """Update the workspaces of running servers now, and whenever the hub's groups change. Start the regular repair."""
        self.hub = hub
        self.projects = named_as(self.projects, hub.authenticator.normalize_username)
        if os.geteuid() != 0:
            return
        try:
            self.given.load()
            _write_notice()
        except (OSError, ValueError) as error:
            hub.log.warning("Failed to read which sessions have workspaces: %s", error)
        self.settle(START_SECONDS)
        event.listen(Session, "after_flush", self._look_for_groups)
        event.listen(Session, "after_commit", self._settle_soon)
        if self.repair_minutes:
            self._in_background(self._repair_for_ever())

    def settle(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Remove workspaces from running servers whose users have lost access, and restore those to which they have access again.

        seconds: how long to wait for workspaces' file systems. What they have not done by then is tried again later.
        """
        users = {given["user"]: account for account, given in self.given.all.items()}
        now = {}
        for user in self.hub.db.query(orm.User).filter(orm.User.name.in_(users)):
            groups = [group.name for group in user.groups]
            now[users[user.name]] = rights_of(self.projects, user.name, groups)
        settled = self.given.settle(now, self.workspaces, seconds)
        for problem in settled.problems:
            if problem not in self.reported:
                self.hub.log.error("Workspace %s", problem)
        if self.reported and not settled.problems:
            self.hub.log.info("All workspaces are as they should be again")
        self.reported = {*settled.problems}
        if settled.unsettled or settled.unrecorded:
            self._settle_later()
        lost: dict[str, list[str]] = {}
        for account, workspace in settled.lost:
            if workspace in self.workspaces:
                lost.setdefault(workspace, []).append(account)
        if lost:
            self._in_background(
                self.repair({workspace: self.workspaces[workspace] for workspace in lost}, lost)
            )

    def _look_for_groups(self, session: Any, _context: Any) -> None:
        changed = (*session.new, *session.dirty, *session.deleted)
        if any(isinstance(each, orm.Group) for each in changed) or any(
            isinstance(each, orm.User) for each in session.deleted
        ):
            self.due = True

    def _settle_soon(self, _session: Any) -> None:
        """Settle after the commit, because the session cannot run queries during it."""
        if self.due:
            with contextlib.suppress(RuntimeError):  # no loop runs in this thread; the next commit will do
                asyncio.get_running_loop().call_soon(self._settle_now)
                self.due = False

    def _settle_now(self) -> None:
        try:
            self.settle()
        except Exception:
            self.hub.log.exception("Users who have lost a workspace may still use it on running servers")

    def _settle_later(self) -> None:
        if self.later is None:
            self.later = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._settle_again)

    def _settle_again(self) -> None:
        self.later = None
        self._settle_now()

    def _in_background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _repair_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.repair_minutes * 60)
            # Do not wait for it: a file system may stop answering during the walk.
            self._in_background(self.repair(self.workspaces))

    async def repair(
        self, workspaces: Mapping[str, str], lost: Mapping[str, list[str]] | None = None
    ) -> None:
        """Restore the permissions of files in these workspaces, except those in repair already, and log what was done.

        workspaces, lost: see `jupyterhub_collab.workspaces.repair`. If someone has lost access, all of `workspaces` are repaired, and files with
        hard links outside their workspace are replaced with copies.
        """
        workspaces = {
            workspace: account
            for workspace, account in workspaces.items()
            if lost or workspace not in self.in_repair
        }
        self.in_repair |= {*workspaces}
        looks = {workspace: partial(os.lstat, os.path.join(self.root, workspace)) for workspace in workspaces}
        looked = await self.given.threads.answers(looks, LOOK_SECONDS)
        # By device, because a walk waits for a file system that stops answering.
        together: dict[int, dict[str, str]] = {}
        for workspace, account in workspaces.items():
            if isinstance(looked[workspace], Unanswered):
                self.in_repair.discard(workspace)
            else:
                together.setdefault(getattr(looked[workspace], "st_dev", 0), {})[workspace] = account
        await asyncio.gather(*(self._repair(each, lost or {}) for each in together.values()))

    async def _repair(self, workspaces: Mapping[str, str], lost: Mapping[str, list[str]]) -> None:
        """Repair workspaces of one file system."""
        try:
            told = await self._walk(
                workspaces, {workspace: lost[workspace] for workspace in workspaces if workspace in lost}
            )
        except OSError as error:
            self.hub.log.warning("Failed to restore permissions of files in workspaces: %s", error)
        else:
            for line in told.strip().splitlines():
                self.hub.log.info("Workspace %s", line)
        finally:
            self.in_repair -= {*workspaces}

    async def _walk(self, workspaces: Mapping[str, str], lost: Mapping[str, list[str]]) -> str:
        """Walk through workspaces in a separate process, because this takes long. Return the process's output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyterhub_collab.workspaces.repair"),
            cwd=PACKAGE,
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        wanted = {
            "root": self.root,
            "workspaces": dict(workspaces),
            "separate": bool(lost),
            "lost": dict(lost),
        }
        told, _none = await process.communicate(json.dumps(wanted).encode())
        return told.decode(errors="replace")

    # When a server starts

    async def give(self, spawner: Any) -> None:
        """Give a server that is about to start its user's workspaces."""
        self.hub = JupyterHub.instance()
        try:
            account = pwd.getpwnam(account_of(spawner))
        except KeyError:
            account = None
        if account is None or os.geteuid() != 0:
            if not self.warned:
                spawner.log.warning(
                    "Servers get no workspaces, because this needs a hub that runs as root, and servers that run as accounts of its host"
                )
            self.warned = True
            return
        user = spawner.user
        groups = [group.name for group in user.orm_user.groups]
        rights = rights_of(self.projects, user.name, groups)
        missing = await self._missing(rights)
        self.given.note(account.pw_name, user.name, rights)
        self.settle()
        for workspace in {*rights} - {*missing}:
            gate = self.given.gates.get(workspace)
            if gate is None or gate.closed:
                missing[workspace] = gate.closed if gate else "nobody can get access to its directory"
        for workspace, reason in missing.items():
            spawner.log.warning("%s starts without workspace %s: %s", spawner._log_name, workspace, reason)
        usable = {workspace: right for workspace, right in rights.items() if workspace not in missing}
        if spawner.has_trait("unit_extra_properties"):
            shown = await self._mount(spawner, account.pw_name, rights, usable, missing)
        else:
            self._join(spawner, account.pw_name, usable)
            shown = self._links(usable)
        if self.link:
            await self._show(spawner, account, shown)
        if writable := {
            workspace: self.workspaces[workspace] for workspace, right in usable.items() if right == WRITE
        }:
            self._in_background(self.repair(writable))

    async def _missing(self, rights: Rights) -> dict[str, str]:
        """Return which workspaces are unavailable, and why."""
        looks = {
            workspace: partial(_problem_of, os.path.join(self.root, workspace), workspace)
            for workspace in rights
        }
        looked = await self.given.threads.answers(looks, LOOK_SECONDS)
        return {workspace: str(said) for workspace, said in looked.items() if said is not None}

    async def _mount(
        self, spawner: Any, account: str, rights: Rights, usable: Rights, missing: dict[str, str]
    ) -> dict[str, Any]:
        """Set the properties of the server's unit. Return what to show in the user's home directory."""
        if not rights:
            return {}
        theirs = spawner.unit_extra_properties
        ours = mounts(self.root, self.mount, rights, missing, NOTICE)
        shown: dict[str, Any] = {"target": self.mount}
        no_privileges = bool(getattr(spawner, "disable_user_sudo", False))
        seals = [sealed(self.root, no_privileges=no_privileges), sealed(self.root, no_privileges=False), {}]
        for seal in seals:
            if await works({**ours, **seal}, account):
                ours |= seal
                break
        else:
            spawner.log.warning(
                "%s sees its workspaces at their host paths instead of %s, because units cannot mount directories on this host",
                spawner._log_name,
                self.mount,
            )
            ours, shown = {}, self._links(usable)
        numbers = [str(_number_of(workspace, right)) for workspace, right in sorted(usable.items())]
        if numbers:
            ours[GROUPS] = " ".join(numbers)
        spawner.collab_properties = theirs
        spawner.unit_extra_properties = merged(theirs, ours)
        return shown

    def _links(self, usable: Rights) -> dict[str, Any]:
        return (
            {"links": {workspace: os.path.join(self.root, workspace) for workspace in usable}}
            if usable
            else {}
        )

    def _join(self, spawner: Any, account: str, usable: Rights) -> None:
        """Add an account to the groups of its workspaces, and remove it from those of other workspaces.

        Without a systemd unit, a server gets the groups that the host has for its account.
        """
        wanted = {
            group_names(*workspace.split("/", 1))[right != WRITE] for workspace, right in usable.items()
        }
        ours = {name for workspace in self.workspaces for name in group_names(*workspace.split("/", 1))}
        keeps = {
            group_names(project["name"], workspace["name"])[0]
            for project in self.projects
            if project["account"] == account
            for workspace in project["workspaces"]
        }
        held = {group.gr_name for group in grp.getgrall() if account in group.gr_mem} & ours
        for option, names in (("--add", wanted - held), ("--delete", held - wanted - keeps)):
            for name in sorted(names):
                done = subprocess.run(
                    ["gpasswd", option, account, name], capture_output=True, text=True, check=False
                )
                if done.returncode:
                    spawner.log.warning("gpasswd %s %s %s: %s", option, account, name, done.stderr.strip())

    async def _show(self, spawner: Any, account: pwd.struct_passwd, shown: dict[str, Any]) -> None:
        """Create or remove the link to the workspaces in the home directory, in a process that becomes the account."""
        path = os.path.join(account.pw_dir, self.link)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-B", str(HOME_PROGRAM), str(account.pw_gid), str(account.pw_uid)),
            cwd="/",
            env={},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        wish = json.dumps({"path": path, "mount": self.mount, "root": self.root, **shown})
        try:
            told = await asyncio.wait_for(_answer(process, wish.encode()), HOME_SECONDS)
        except TimeoutError:
            told = b"timed out"
        finally:
            # Kill it, and close its pipes: another process of the account may keep them open at the other end.
            process._transport.close()  # type: ignore[attr-defined]
        if problem := told.decode(errors="replace").strip():
            spawner.log.warning(
                "JupyterLab's file browser shows no workspaces to %s: %s",
                spawner._log_name,
                problem.splitlines()[-1],
            )


async def _answer(process: asyncio.subprocess.Process, wish: bytes) -> bytes:
    """Send a wish to a process, and return the beginning of its output.

    Other processes of its account can write to its output as well, more than the hub has memory for.
    """
    assert process.stdin and process.stdout
    process.stdin.write(wish)
    with contextlib.suppress(ConnectionError):  # it has ended, and its output says why
        await process.stdin.drain()
    process.stdin.close()
    told = b""
    while len(told) < LONGEST_ANSWER and (more := await process.stdout.read(LONGEST_ANSWER)):
        told += more
    return told


def _number_of(workspace: str, right: str) -> int:
    numbers = numbers_of(workspace)
    return numbers.writers if right == WRITE else numbers.readers


def _problem_of(path: str, workspace: str) -> str | None:
    """Return why a workspace is unavailable; None if it is available."""
    try:
        there = os.lstat(path)
        numbers_of(workspace)
    except OSError as error:
        return error.strerror
    except KeyError:
        return "its groups do not exist"
    return None if stat.S_ISDIR(there.st_mode) else "it is not a directory"


def _reset(spawner: Any) -> None:
    """Remove our unit properties, because the hub uses the same spawner again after a failed start."""
    if hasattr(spawner, "collab_properties"):
        spawner.unit_extra_properties = spawner.collab_properties
        del spawner.collab_properties


def _write_notice() -> None:
    with open(NOTICE, "w", encoding="utf-8") as file:
        file.write(NOTICE_TEXT)
    os.chmod(NOTICE, 0o644)
