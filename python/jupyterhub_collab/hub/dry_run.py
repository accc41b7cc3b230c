# SPDX-License-Identifier: GPL-3.0-or-later
"""Load a hub configuration as the hub would, without touching the hub's database, files or process.

    python -m jupyterhub_collab.hub.dry_run [--instead-of=FILE --use=CANDIDATE] [ARGUMENT ...] --config=FILE

The arguments are those of the `jupyterhub` command. With `--instead-of` and `--use`, the candidate is read wherever the configuration loads
FILE. If the hub would start with this configuration, prints one JSON object (see `describe`) as the last line and exits with 0. Otherwise,
exits with 1 and the reason on standard error. `jupyterhub --show-config` cannot do this: it opens the configured database, and
rewrites the roles in it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import sys
from typing import Any

import jupyterhub.app
from traitlets.config.loader import PyFileConfigLoader

from . import database, limits, shared_port
from .accounts import check as check_accounts
from .accounts import check_authenticator
from .collaboration import chosen, opened
from .containers import without_workspaces
from .culler import culler_seconds
from .front import cannot_listen, front
from .hooks import hidden
from .live import roles
from .page_check import pages
from .policy import applied, lost
from .servers import revocation_seconds

NOT_RECOGNIZED = "not recognized"
INSTEAD_OF = "--instead-of="
USE = "--use="


class Warnings(logging.Handler):
    """Collects the hub's warnings about unknown settings. The hub only warns about a misspelled setting."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if NOT_RECOGNIZED in message:
            self.messages.append(" ".join(message.split()))


class Loader(PyFileConfigLoader):
    """Loads the candidate wherever the configuration loads the file that the candidate will replace."""

    instead_of = candidate = ""
    used = False

    def _find_file(self) -> None:
        super()._find_file()
        if os.path.realpath(self.full_filename) == Loader.instead_of:
            self.full_filename = Loader.candidate
            Loader.used = True


class JupyterHub(jupyterhub.app.JupyterHub):
    """A hub that runs its whole initialization in memory.

    It has its parent class's name, because that name appears in messages for administrators.
    """

    python_config_loader_class = Loader

    @classmethod
    def section_names(cls) -> list[str]:
        """Return the sections that configure this class, without duplicates. Otherwise, appended values would be appended twice."""
        return list(dict.fromkeys(super().section_names()))

    configured_database: dict[str, Any]
    db_url: str
    db_kwargs: dict[str, Any]

    def init_db(self) -> None:
        self.configured_database = database.describe(self.db_url, self.db_kwargs)
        self.db_url, self.db_kwargs = "sqlite:///:memory:", {}
        super().init_db()

    def init_logging(self) -> None:
        self.extra_log_file = ""  # the running hub's
        super().init_logging()

    def init_secrets(self) -> None:
        self.cookie_secret = secrets.token_bytes(32)

    async def init_role_creation(self) -> None:
        for policy in applied:
            check_authenticator(self.authenticator, policy.get("accounts", []))
        await super().init_role_creation()

    def init_internal_ssl(self) -> None:
        """Do nothing, because the hub would create missing certificates."""

    def write_pid_file(self) -> None:
        """Do nothing, because the running hub has written its own."""

    def describe(self) -> dict[str, Any]:
        """Return what a caller needs to find this hub, and to check that the running hub holds the configured roles."""
        return {
            "base_url": self.base_url,
            "bind_url": self.bind_url,
            **front(self),
            # The API through which the hub configures its proxy. Proxies other than configurable-http-proxy may have none.
            "proxy_api_url": str(getattr(self.proxy, "api_url", "")),
            # Where the hub listens, because hub_connect_url may be a name that only containers can resolve.
            "api_url": f"{self.hub.bind_url.rstrip('/')}/api",
            "shares_port": shared_port.shares_port(),
            "database": self.configured_database,
            "authenticator": _qualified(self.authenticator_class),
            "admission": admission(self.authenticator),
            "spawner": _qualified(self.spawner_class),
            "revocation_seconds": revocation_seconds(self.config),
            "roles": roles(self.db),
            # Servers should stop with the hub's culler, but when that is remains unknown.
            "culler_is_unknown": culler_seconds(self.config) is None
            and any(policy.get("as_the_culler") for policy in applied),
            "opened": opened(roles(self.db)) if chosen else [],
            "pages": [page.health(self.base_url) for page in pages(applied)],
        }


def admission(authenticator: Any) -> dict[str, Any]:
    """Return who may use a hub whose users log in with accounts of its host.

    accounts: whether users log in with the password of a host account. everyone: whether every such account may use the hub. groups: host
    groups whose members may. named: whether users that an administrator has added may.
    """
    accounts = any(cls.__name__ == "PAMAuthenticator" for cls in type(authenticator).__mro__)
    return {
        "accounts": accounts,
        "everyone": bool(getattr(authenticator, "allow_all", False)),
        # Other authenticators have groups of another kind under this name, or None.
        "groups": sorted(getattr(authenticator, "allowed_groups", None) or ()) if accounts else [],
        "named": bool(getattr(authenticator, "allow_existing_users", False)),
    }


def _qualified(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


async def load(argv: list[str]) -> dict[str, Any]:
    """Load a configuration, and describe the hub that `jupyterhub` would start with these arguments (see `describe`).

    Also returns `warnings` about unknown settings. Raises ValueError if the hub would not start or would not work with the configuration.
    """
    applied.clear()
    shared_port.keep_port()
    warnings = Warnings()
    app = JupyterHub.instance()
    app.log.addHandler(warnings)
    await app.initialize(argv)
    hub = app.describe()
    if Loader.candidate and not Loader.used:
        raise ValueError(f"{app.config_file} must load {Loader.instead_of}")
    for policy in applied:
        check_accounts(app.config, policy.get("accounts", []))
        if without := limits.problem(app.spawner_class, policy.get("limits", []), app.config):
            raise ValueError(without)
        if policy.get("workspaces") and (why := without_workspaces(app.spawner_class)):
            raise ValueError(why)
        # The hub creates spawners later, so it has not warned about this, as it does for the authenticator.
        if why := hidden(app.spawner_class, policy["hooks"]):
            raise ValueError(why)
    replaced = lost(app.config, hub["roles"])
    if told := [name for name in replaced if any(word.partition("=")[0] == f"--{name}" for word in argv)]:
        raise ValueError(
            f"the command that starts the hub sets {', '.join(told)}, which replaces what the block of collab.jupyterhub adds. Remove this "
            "option, and set it in the configuration file"
        )
    if replaced:
        raise ValueError(
            f"the hub loads settings after the block of collab.jupyterhub that replace {', '.join(replaced)}{_json(app)}. "
            "Set the path to a file that loads last, or append to the setting there"
        )
    if why := cannot_listen(app.hub.bind_url):
        raise ValueError(why)
    if app.internal_ssl:
        raise ValueError(
            "JupyterHub.internal_ssl is on, so neither this collection nor its servers can reach the hub. Turn it off"
        )
    if problems := [problem for page in pages(applied) for problem in page.problems(app.base_url)]:
        raise ValueError(". ".join(problems))
    return {**hub, "warnings": warnings.messages}


def _json(app: Any) -> str:
    """Return a hint about the JSON file that a hub reads after its Python file, if there is one."""
    path = os.path.splitext(app.config_file)[0] + ".json"
    return f" (it reads {path} last)" if os.path.exists(path) else ""


def main(*argv: str) -> None:
    if argv and argv[0].startswith(INSTEAD_OF):
        Loader.instead_of = argv[0].removeprefix(INSTEAD_OF)
        Loader.candidate = argv[1].removeprefix(USE)
        argv = argv[2:]
    # A check writes nothing, not even the bytecode of modules next to the configuration.
    sys.dont_write_bytecode = True
    # The configuration may look at the hub's arguments.
    sys.argv[:] = [os.path.join(os.path.dirname(sys.executable), "jupyterhub"), *argv]
    # Send what the configuration and its child processes print to standard error, so that only the answer is on standard output.
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        result = asyncio.run(load(list(argv)))
        answer.write(json.dumps(result) + "\n")
    # Skip threads that the configuration may have started, and the cleanup that the hub registers for its exit.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
