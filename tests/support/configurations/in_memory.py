# SPDX-License-Identifier: GPL-3.0-or-later
"""Load a configuration with a real hub and log people in, in a forked process.

Only the hub's own web application is started: no proxy, service or server. PAM and the look-ups of accounts and groups are
patched, so that the test users exist as host accounts.
"""

import asyncio
import grp
import json
import os
import pwd
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pamela  # type: ignore[import-untyped]
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import HubPackage
from jupyterhub import orm, scopes
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.utils import maybe_future
from sqlalchemy.orm import configure_mappers
from tornado.httputil import HTTPConnection, HTTPServerRequest
from tornado.web import HTTPError

from jupyterhub_collab.hub import dry_run
from jupyterhub_collab.hub.policy import applied

from . import DIRECTORY, LOG, PEOPLE, SHARER, Record, recorder

GROUP, GROUP_ID = "jupyterhub", 54321
MEMBERS = sorted({*PEOPLE} - {"mallory"})
HOOKS_LOG = "hooks.log"


class NoConnection(HTTPConnection):
    """The connection of a request that was never sent."""

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Do nothing: this connection is never closed."""


def warm_up() -> None:
    """Do once what every hub does first, so that hubs in forked processes need not repeat it."""
    configure_mappers()
    orm.new_session_factory("sqlite:///:memory:")().close()


def forked(function: Callable[..., None], *arguments: Any) -> subprocess.CompletedProcess[str]:
    """Run a function in a forked process, where all modules are already loaded, and return its exit code and output."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        child = os.fork()
        if not child:
            code = 1
            try:
                for number, file in ((1, out), (2, error)):
                    os.dup2(file.fileno(), number)
                sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
                function(*arguments)
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        out.seek(0)
        error.seek(0)
        return subprocess.CompletedProcess(
            [], os.waitstatus_to_exitcode(status), stdout=out.read(), stderr=error.read()
        )


def run(
    _package: HubPackage, unit: Unit, module: str, *arguments: str, **_options: Any
) -> subprocess.CompletedProcess[str]:
    """Do what `loaded.run` does. A fork of this process replaces the hub's interpreter, to save its start."""
    assert module == "dry_run", unit

    def load() -> None:
        play_host()
        dry_run.main(*arguments)

    return forked(load)


def adapted(content: bytes, directory: Path) -> bytes:
    """Return a file for the tests' host with its paths replaced by those in a directory."""
    return content.replace(DIRECTORY.encode(), str(directory).encode()).replace(
        LOG.encode(), str(directory / HOOKS_LOG).encode()
    )


def record(main: Path, starts: bool = False) -> Record:
    """Load a configuration with a hub, log everyone in, run the hooks of alice's server if `starts`, and record the hub."""
    log = main.parent / HOOKS_LOG
    log.unlink(missing_ok=True)
    done = forked(_print_record, main, starts)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return Record(
        told["settings"],
        told["held"],
        {name: set(scopes) for name, scopes in told["scopes"].items()},
        log.read_text().splitlines() if log.exists() else [],
        told["process"],
        named=tuple(told["named"]),
    )


def _print_record(main: Path, starts: bool) -> None:
    sys.dont_write_bytecode = True  # which files are there is compared
    play_host()
    # This must come first, because the hub and the fragments change this process.
    settings = recorder.settings(str(main))
    print(json.dumps({"settings": settings, **asyncio.run(_record(main, starts))}))


async def _record(main: Path, starts: bool) -> dict[str, Any]:
    applied.clear()
    hub = dry_run.JupyterHub.instance()
    await hub.initialize([f"--config={main}"])
    people = {name: await log_in(hub, name, password) for name, password in PEOPLE.items()}
    held_scopes = {
        name: sorted(scopes.get_scopes_for(person.orm_user)) for name, person in people.items() if person
    }
    process = await start_and_stop(people[SHARER]) if starts else ""
    held = recorder.held(hub.db.connection().connection.driver_connection)
    named = [name for name in (SHARER, "shared") if gets_in(hub, name)]
    return {"held": held, "scopes": held_scopes, "process": process, "named": named}


async def log_in(hub: Any, name: str, password: str) -> Any:
    """Handle a login form as the hub does. Return the user, or None if the hub refuses."""
    request = HTTPServerRequest("POST", "/hub/login", connection=NoConnection())
    handler = LoginHandler(hub.tornado_application, request)
    return await handler.login_user({"username": name, "password": password})


def gets_in(hub: Any, name: str) -> bool:
    """Log a user in as a page does that does not call the authenticator. Return whether the browser gets a login cookie."""
    request = HTTPServerRequest("GET", "/hub/login", connection=NoConnection())
    handler = BaseHandler(hub.tornado_application, request)
    try:
        handler.set_login_cookie(handler.user_from_username(name))
    except HTTPError as error:
        assert error.status_code == 403
    return hub.hub.cookie_name in getattr(handler, "_new_cookie", {})


async def start_and_stop(user: Any) -> str:
    """Do what the hub does before and after a server runs, without starting it. Return its arguments and environment."""
    spawner = user.spawners[""]
    await maybe_future(spawner.run_pre_spawn_hook())
    words = [*spawner.cmd, *spawner.get_args()]
    environment = [f"{name}={value}" for name, value in spawner.get_env().items()]
    await maybe_future(spawner.run_post_stop_hook())
    return "\n".join(words + environment)


def play_host() -> None:
    """Patch this process so that the test users exist as host accounts."""
    their_account, their_group, their_groups = pwd.getpwnam, grp.getgrnam, grp.getgrall
    own = pwd.getpwuid(os.getuid())
    # It is the shared account's primary group, so its list of members does not include the account.
    group = grp.struct_group((GROUP, "x", GROUP_ID, [name for name in MEMBERS if name != "shared"]))

    def authenticate(username: str, password: str, *_: Any, **__: Any) -> None:
        if PEOPLE.get(username) != password:
            raise pamela.PAMError("Authentication failure")

    def account(name: str) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, *own[1:])) if name in PEOPLE else their_account(name)

    pamela.authenticate = authenticate
    pamela.check_account = pamela.open_session = pamela.close_session = lambda *_, **__: None
    pwd.getpwnam = account
    grp.getgrnam = lambda name: group if name == GROUP else their_group(name)
    grp.getgrall = lambda: [*their_groups(), group]
    os.getgrouplist = lambda name, own_group: [own_group, *([GROUP_ID] if name in MEMBERS else [])]
