# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives every session the shares of its user's projects, and takes them away from sessions whose user has lost them.

Nothing here keeps a server from starting: a problem becomes a warning in the hub's log and, if possible, a note in the
place where the workspace would be.
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
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.utils import maybe_future
from sqlalchemy import event
from sqlalchemy.orm import Session

from ..workspaces.repair import numbers_of
from ..workspaces.share_gates import STATE
from ..workspaces.shares import group_names
from .given_shares import GivenShares
from .hooks import Hook, chain
from .policy import applied
from .share_mounts import GROUPS, merged, mounts, sealed, works
from .share_rights import WRITE, Rights, named_as, rights_of
from .shared_port import share_port
from .state_directory import account_of
from .whole import whole

PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+")  # what the properties of a unit take as it is
LINK = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_. -]*")
PACKAGE = Path(__file__).parents[2]
HOME_PROGRAM = PACKAGE / "jupyterhub_collab/workspaces/home.py"
HOME_SECONDS = 10
LOOK_SECONDS = 10
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
    """Give sessions that are started from now on the shares of these projects.

    root: the directory of all shares on the host, `root/PROJECT/SHARE`. mount: where a session has its shares. projects: `name`,
    `account` (the hub user whose server it is), `manage` and `edit` (`users` and `groups` of the hub), and `shares`, each with its `name`, and with
    `write` and `read` for further people. link: the name in the user's home under which JupyterLab shows them; empty for none.
    repair_minutes: how often files that are not their share's groups' any more are given to them again; 0 for never but when
    someone's session starts.
    """
    for name, path in (("root", root), ("mount", mount)):
        if not PATH.fullmatch(path) or ".." in path.split("/"):
            raise ValueError(f"{name} {path!r} must be an absolute path of letters, digits, dots, - and _")
    if link and not LINK.fullmatch(link):
        raise ValueError(f"link {link!r} must be a name of letters, digits, dots, - and _")
    c = whole(c)
    share_port()
    workspaces = Workspaces(root, mount, projects, link, repair_minutes)
    chain(c, "Spawner", "pre_spawn_hook", lambda theirs: _around(theirs, workspaces))
    JupyterHub.start = _settled(JupyterHub.start, workspaces)
    applied.append({"everyone": [], "hooks": ["pre_spawn_hook"]})


def _around(theirs: Hook, workspaces: Workspaces) -> Hook:
    """Return a `pre_spawn_hook` that takes back what ours set for the last start, runs theirs, and then ours."""

    async def pre_spawn_hook(spawner: Any) -> None:
        _reset(spawner)
        await maybe_future(theirs(spawner))
        try:
            await workspaces.give(spawner)
        except Exception:
            spawner.log.exception("%s starts without its workspaces", spawner._log_name)

    return pre_spawn_hook


def _settled(start: Callable[[Any], Awaitable[None]], workspaces: Workspaces) -> Any:
    """Return `JupyterHub.start` that first takes from running sessions what their users have lost since they were started."""

    @wraps(start)
    async def start_settled(hub: Any) -> None:
        workspaces.begin(hub)
        await start(hub)

    return start_settled


class Workspaces:
    """The shares of all projects, as the fragment names them."""

    def __init__(
        self, root: str, mount: str, projects: list[dict[str, Any]], link: str, repair_minutes: float
    ) -> None:
        self.root = root
        self.mount = mount
        self.projects = projects
        self.link = link
        self.repair_minutes = repair_minutes
        self.given = GivenShares(root)
        self.due = False  # whether someone's groups have changed in the database since the last look
        self.warned = False
        self.in_repair: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps no task from being forgotten

    @property
    def shares(self) -> dict[str, str]:
        """All shares, each with the account of its project."""
        return {
            f"{project['name']}/{share['name']}": project["account"]
            for project in self.projects
            for share in project["shares"]
        }

    # When the hub starts, and while it runs

    def begin(self, hub: Any) -> None:
        """Look after the sessions that run, and after the groups of the hub from now on."""
        self.hub = hub
        self.projects = named_as(self.projects, hub.authenticator.normalize_username)
        if os.geteuid() != 0:
            return
        try:
            self.given.load()
            _write_notice()
        except (OSError, ValueError) as error:
            hub.log.warning("Failed to read which sessions have workspaces: %s", error)
        self.settle()
        event.listen(Session, "after_flush", self._look_for_groups)
        event.listen(Session, "after_commit", self._settle_soon)
        if self.repair_minutes:
            self._in_background(self._repair_for_ever())

    def settle(self) -> None:
        """Take from running sessions what their users have lost, and give back what they have again."""
        users = {given["user"]: account for account, given in self.given.all.items()}
        now = {}
        for user in self.hub.db.query(orm.User).filter(orm.User.name.in_(users)):
            groups = [group.name for group in user.groups]
            now[users[user.name]] = rights_of(self.projects, user.name, groups)
        settled = self.given.settle(now, self.shares)
        for problem in settled.problems:
            self.hub.log.error("Share %s", problem)
        lost: dict[str, list[str]] = {}
        for account, share in settled.lost:
            if share in self.shares:
                lost.setdefault(share, []).append(account)
        if lost:
            self._in_background(self.repair({share: self.shares[share] for share in lost}, lost))

    def _look_for_groups(self, session: Any, _context: Any) -> None:
        changed = (*session.new, *session.dirty, *session.deleted)
        if any(isinstance(each, orm.Group) for each in changed) or any(
            isinstance(each, orm.User) for each in session.deleted
        ):
            self.due = True

    def _settle_soon(self, _session: Any) -> None:
        """The database does not answer during a commit."""
        if self.due:
            with contextlib.suppress(RuntimeError):  # no loop runs in this thread; the next commit will do
                asyncio.get_running_loop().call_soon(self._settle_now)
                self.due = False

    def _settle_now(self) -> None:
        try:
            self.settle()
        except Exception:
            self.hub.log.exception("Users who have lost a workspace may still use it on running servers")

    def _in_background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _repair_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.repair_minutes * 60)
            await self.repair(self.shares)

    async def repair(self, shares: Mapping[str, str], lost: Mapping[str, list[str]] | None = None) -> None:
        """Give what is in shares to their groups again, where that is not going on, and write down in the hub's log what that was.

        shares, lost: see `jupyterhub_collab.workspaces.repair`; where someone has lost a share, files with further names become others.
        """
        shares = {share: account for share, account in shares.items() if lost or share not in self.in_repair}
        self.in_repair |= {*shares}
        try:
            told = await self._walk(shares, lost or {})
        except OSError as error:
            self.hub.log.warning("Failed to restore permissions of files in workspaces: %s", error)
        else:
            for line in told.strip().splitlines():
                self.hub.log.info("Share %s", line)
        finally:
            self.in_repair -= {*shares}

    async def _walk(self, shares: Mapping[str, str], lost: Mapping[str, list[str]]) -> str:
        """Have a process of its own walk through shares, as that takes long; return what it says."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyterhub_collab.workspaces.repair"),
            cwd=PACKAGE,
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        wanted = {"root": self.root, "shares": dict(shares), "separate": bool(lost), "lost": dict(lost)}
        told, _none = await process.communicate(json.dumps(wanted).encode())
        return told.decode(errors="replace")

    # When a session starts

    async def give(self, spawner: Any) -> None:
        """Give a session that is about to start its shares."""
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
        for share in {*rights} - {*missing}:
            gate = self.given.gates.get(share)
            if gate is None or gate.closed:
                missing[share] = gate.closed if gate else "nobody can get access to its directory"
        for share, reason in missing.items():
            spawner.log.warning("%s starts without workspace %s: %s", spawner._log_name, share, reason)
        usable = {share: right for share, right in rights.items() if share not in missing}
        if spawner.has_trait("unit_extra_properties"):
            shown = await self._mount(spawner, account.pw_name, rights, usable, missing)
        else:
            self._join(spawner, account.pw_name, usable)
            shown = self._links(usable)
        if self.link:
            await self._show(spawner, account, shown)
        if writable := {share: self.shares[share] for share, right in usable.items() if right == WRITE}:
            self._in_background(self.repair(writable))

    async def _missing(self, rights: Rights) -> dict[str, str]:
        """Return which shares cannot be had now, and why. Looks from a thread, as a file system may not answer."""
        looked = await asyncio.gather(
            *(
                asyncio.wait_for(
                    asyncio.to_thread(_problem_of, os.path.join(self.root, share), share), LOOK_SECONDS
                )
                for share in rights
            ),
            return_exceptions=True,
        )
        return {
            share: str(said) or "it does not answer"
            for share, said in zip(rights, looked, strict=True)
            if said is not None
        }

    async def _mount(
        self, spawner: Any, account: str, rights: Rights, usable: Rights, missing: dict[str, str]
    ) -> dict[str, Any]:
        """Set the properties of the session's unit; return what its user's home is to show."""
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
                "%s has its workspaces at their paths on the host and not in %s, because units cannot mount them on this host",
                spawner._log_name,
                self.mount,
            )
            ours, shown = {}, self._links(usable)
        numbers = [str(_number_of(share, right)) for share, right in sorted(usable.items())]
        if numbers:
            ours[GROUPS] = " ".join(numbers)
        spawner.collab_properties = theirs
        spawner.unit_extra_properties = merged(theirs, ours)
        return shown

    def _links(self, usable: Rights) -> dict[str, Any]:
        return {"links": {share: os.path.join(self.root, share) for share in usable}} if usable else {}

    def _join(self, spawner: Any, account: str, usable: Rights) -> None:
        """Put an account in the groups of its shares and take it out of those of others: its sessions take what the host says."""
        wanted = {group_names(*share.split("/", 1))[right != WRITE] for share, right in usable.items()}
        ours = {name for share in self.shares for name in group_names(*share.split("/", 1))}
        keeps = {
            group_names(project["name"], share["name"])[0]
            for project in self.projects
            if project["account"] == account
            for share in project["shares"]
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
        """Have the account itself make what shows the shares in its home, or remove it."""
        path = os.path.join(account.pw_dir, self.link)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-B", str(HOME_PROGRAM)),
            cwd="/",
            env={},
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        wish = json.dumps({"path": path, "mount": self.mount, "root": self.root, **shown})
        try:
            told, _none = await asyncio.wait_for(process.communicate(wish.encode()), HOME_SECONDS)
        except TimeoutError:
            process.kill()
            told = b"it took too long"
        if problem := told.decode(errors="replace").strip():
            spawner.log.warning(
                "JupyterLab's file browser shows no workspaces to %s: %s",
                spawner._log_name,
                problem.splitlines()[-1],
            )


def _number_of(share: str, right: str) -> int:
    numbers = numbers_of(share)
    return numbers.writers if right == WRITE else numbers.readers


def _problem_of(path: str, share: str) -> str | None:
    """Return why a share cannot be had; None where it can."""
    try:
        there = os.lstat(path)
        numbers_of(share)
    except OSError as error:
        return error.strerror
    except KeyError:
        return "its groups do not exist"
    return None if stat.S_ISDIR(there.st_mode) else "it is not a directory"


def _reset(spawner: Any) -> None:
    """Take out what is ours: after a start that failed the hub uses the same spawner again."""
    if hasattr(spawner, "collab_properties"):
        spawner.unit_extra_properties = spawner.collab_properties
        del spawner.collab_properties


def _write_notice() -> None:
    with open(NOTICE, "w", encoding="utf-8") as file:
        file.write(NOTICE_TEXT)
    os.chmod(NOTICE, 0o644)
