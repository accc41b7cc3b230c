# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads a hub configuration as the hub would, without touching the hub's database, files or process.

    python -m jupyterhub_collab.hub.trial [--instead-of=FILE --use=CANDIDATE] [ARGUMENT ...] --config=FILE

The arguments are those of the `jupyterhub` command, after a candidate that is read where the configuration would load
another file. Prints one JSON object (see `describe`) as its last line and
exits 0 when the hub would start with this configuration; otherwise exits 1 with the reason on standard error.
`jupyterhub --show-config` is no substitute: it opens the configured database and rewrites the roles in it.
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
from .accounts import check_names
from .collaboration import chosen, opened
from .front import cannot_listen, front
from .live import roles
from .page_check import pages
from .policy import applied, lost
from .servers import revocation_seconds

NOT_RECOGNIZED = "not recognized"
INSTEAD_OF = "--instead-of="
USE = "--use="


class Warnings(logging.Handler):
    """Keeps what the hub says about settings that it does not know; a misspelt one is no more than a warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if NOT_RECOGNIZED in message:
            self.messages.append(" ".join(message.split()))


class Loader(PyFileConfigLoader):
    """Reads the candidate instead of the file that it will replace, wherever the configuration loads that file."""

    instead_of = candidate = ""
    used = False

    def _find_file(self) -> None:
        super()._find_file()
        if os.path.realpath(self.full_filename) == Loader.instead_of:
            self.full_filename = Loader.candidate
            Loader.used = True


class JupyterHub(jupyterhub.app.JupyterHub):
    """A hub that goes through the whole of its initialization in memory.

    It has the name of its parent class because that name appears in messages for administrators.
    """

    python_config_loader_class = Loader

    @classmethod
    def section_names(cls) -> list[str]:
        """Return the sections that set this class, each once: what one appends to a setting would count twice."""
        return list(dict.fromkeys(super().section_names()))

    configured_database: dict[str, Any]
    db_url: str
    db_kwargs: dict[str, Any]

    def init_db(self) -> None:
        self.configured_database = database.describe(self.db_url, self.db_kwargs)
        self.db_url, self.db_kwargs = "sqlite:///:memory:", {}
        super().init_db()

    def init_secrets(self) -> None:
        self.cookie_secret = secrets.token_bytes(32)

    async def init_users(self) -> None:
        for policy in applied:
            check_names(self.authenticator, policy.get("accounts", []))
        await super().init_users()

    def init_internal_ssl(self) -> None:
        """Leave the hub's certificates alone: where they are missing the hub makes them."""

    def write_pid_file(self) -> None:
        """Leave the running hub's file alone."""

    def describe(self) -> dict[str, Any]:
        """Return what a caller needs to find this hub and to tell whether it holds the roles it was asked to."""
        return {
            "base_url": self.base_url,
            "bind_url": self.bind_url,
            **front(self),
            # Where the hub tells its proxy who goes where; other proxies than the usual one may have no such address.
            "proxy_api_url": str(getattr(self.proxy, "api_url", "")),
            # Where it listens: what others are told to connect to may be a name that only a container knows.
            "api_url": f"{self.hub.bind_url.rstrip('/')}/api",
            "shares_port": shared_port.shares_port(),
            "database": self.configured_database,
            "authenticator": _qualified(self.authenticator_class),
            "admission": admission(self.authenticator),
            "spawner": _qualified(self.spawner_class),
            "revocation_seconds": revocation_seconds(self.config),
            "roles": roles(self.db),
            "opened": opened(roles(self.db)) if chosen else [],
            "pages": [page.health(self.base_url) for page in pages(applied)],
        }


def admission(authenticator: Any) -> dict[str, Any]:
    """Return who may use the hub, as far as it decides by accounts of its host.

    accounts: whether people log in with the password of such an account. everyone: whether that is enough. groups: of the host, of
    which one is enough, too. named: whether those may whom an administrator has added.
    """
    return {
        "accounts": any(cls.__name__ == "PAMAuthenticator" for cls in type(authenticator).__mro__),
        "everyone": bool(getattr(authenticator, "allow_all", False)),
        "groups": sorted(getattr(authenticator, "allowed_groups", ())),
        "named": bool(getattr(authenticator, "allow_existing_users", False)),
    }


def _qualified(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


async def load(argv: list[str]) -> dict[str, Any]:
    """Return the hub that these arguments of the command `jupyterhub` would start, as `describe` does."""
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
        if without := limits.problem(app.spawner_class, policy.get("limits", [])):
            raise ValueError(without)
    if replaced := lost(app.config, hub["roles"]):
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
    """Name the JSON that a hub reads after its Python file, where there is one."""
    path = os.path.splitext(app.config_file)[0] + ".json"
    return f" (it reads {path} last)" if os.path.exists(path) else ""


def main(*argv: str) -> None:
    if argv and argv[0].startswith(INSTEAD_OF):
        Loader.instead_of = argv[0].removeprefix(INSTEAD_OF)
        Loader.candidate = argv[1].removeprefix(USE)
        argv = argv[2:]
    # What the configuration prints, or has other programs print, is not the answer.
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        result = asyncio.run(load(list(argv)))
        answer.write(json.dumps(result) + "\n")
    # Code in the configuration may have started threads, and the hub registers a clean-up for its exit.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
