# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers people edit together on, and what those are started with."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyterhub import scopes
from jupyterhub.utils import maybe_future

from ..names import SERVER_SETTINGS
from .guests import forget_if_one_left, note_shares
from .hooks import Hook, chain
from .own_token import TRAIT as TOKEN_SCOPES
from .own_token import limit_own_tokens
from .policy import applied
from .resume import forget_visitors, keep_visitors
from .roles import value_of
from .state_directory import state_directory_of
from .whole import whole

PACKAGE = Path(__file__).parents[2]
# Jupyter reads what is named there before all else: what an environment has turned off is on again for these servers alone.
CONFIG_PATH = "JUPYTER_CONFIG_PATH"
CONFIG = PACKAGE / "jupyterhub_collab/server/config"

# Who may end a server from inside, beside its owner and administrators: everybody who comes in, or users and groups of the hub.
Managers = Mapping[str, bool | Sequence[str]]
EVERYBODY: Managers = {"everyone": True}


@dataclass(frozen=True)
class Chosen:
    """What another fragment says of the default server of a hub user: that people edit there together, and how.

    mem_limit, cpu_limit: as the spawner takes them; empty and 0 leave it at what is set. managers: who may end it from inside.
    """

    mem_limit: str = ""
    cpu_limit: float = 0
    managers: Managers = field(default_factory=dict)


# Of further fragments, by the name of the hub user. They are read after the one that calls `collaborate`, and before any server starts.
chosen: dict[str, Chosen] = {}

AS_THE_CULLER = -1
CULLER = re.compile(r"jupyterhub[-_]idle[-_]culler")
CULLER_SECONDS = 600  # what it does by itself


def collaborate(
    c: Any,
    *,
    everyone: bool,
    accounts: Collection[str],
    owners: bool,
    state_directory: str,
    history_megabytes: int,
    documents_per_person: int,
    websockets_per_person: int,
    mem_limit: str,
    cpu_limit: float,
    idle_seconds: int,
    email_domain: str,
) -> None:
    """Give live collaboration to the servers that people work on together; all others start as they did.

    everyone, accounts, owners: whose servers these are: everybody's, of these hub users, and of those who may share their own.
    state_directory: below which each has a private directory, where the hub is root. history_megabytes: how much each keeps of
    the documents' history. documents_per_person, websockets_per_person: how many one person may have open on a server at once. mem_limit, cpu_limit: of the servers of `accounts`, as the spawner takes them; empty and 0 leave it
    at what is set. idle_seconds: after which a server without people saves all and ends; -1 as the hub's culler does, 0 never.
    email_domain: of the addresses in people's Git commits; where it is empty, the name of the hub's host.
    """
    c = whole(c)
    chosen.clear()
    chosen.update({name: Chosen(mem_limit, cpu_limit, EVERYBODY) for name in accounts})
    idle = _culler_seconds(c) if idle_seconds == AS_THE_CULLER else idle_seconds
    domain = email_domain or socket.getfqdn()

    def is_chosen(spawner: Any) -> bool:
        return everyone or spawner.user.name in chosen or (owners and may_share(spawner))

    def prepare(spawner: Any) -> None:
        _reset(spawner)
        if not is_chosen(spawner):
            forget_visitors(spawner)
            return
        forget_if_one_left(spawner)
        note_shares(spawner)
        how = chosen.get(spawner.user.name, Chosen())
        settings = {
            "state_directory": state_directory_of(spawner, state_directory),
            "history_megabytes": history_megabytes,
            "documents_per_person": documents_per_person,
            "websockets_per_person": websockets_per_person,
            "idle_seconds": idle,
            "email_domain": domain,
            "managers": _as_the_hub_has_them(how.managers, spawner),
        }
        _set_environment(spawner, settings)
        if how.mem_limit:
            spawner.mem_limit = how.mem_limit
        if how.cpu_limit:
            spawner.cpu_limit = how.cpu_limit

    chain(c, "Spawner", "pre_spawn_hook", lambda theirs: _then(theirs, prepare))
    keep_visitors(is_chosen)
    limit_own_tokens(c, is_chosen)
    applied.append({"everyone": [], "hooks": ["pre_spawn_hook", TOKEN_SCOPES]})


def _as_the_hub_has_them(managers: Managers, spawner: Any) -> Managers:
    """Return managers with users' names as the hub has them, which may have been written otherwise."""
    users = managers.get("users")
    if not isinstance(users, Sequence) or spawner.authenticator is None:
        return managers
    return {**managers, "users": [spawner.authenticator.normalize_username(name) for name in users]}


def may_share(spawner: Any) -> bool:
    """Return whether the hub lets the owner of a server share it, by whatever role."""
    where = scopes.parse_scopes(scopes.get_scopes_for(spawner.user.orm_user)).get("shares")
    return where is not None and bool(scopes.check_scope_filter(where, spawner.orm_spawner, "server"))


def _then(theirs: Hook, prepare: Callable[[Any], None]) -> Hook:
    """Return a `pre_spawn_hook` that runs theirs before ours, which so sees all that they set."""

    async def pre_spawn_hook(spawner: Any) -> None:
        await maybe_future(theirs(spawner))
        prepare(spawner)

    return pre_spawn_hook


class Ours:
    """A variable of a server's environment, with what it was before; the spawner calls it for its text."""

    def __init__(self, text: str, theirs: Any = None) -> None:
        self.text = text
        self.theirs = theirs

    def __call__(self, spawner: Any) -> str:
        theirs = self.theirs(spawner) if callable(self.theirs) else self.theirs
        return os.pathsep.join(filter(None, [self.text, theirs]))


def _set_environment(spawner: Any, settings: dict[str, Any]) -> None:
    theirs = spawner.environment.get(CONFIG_PATH)
    if theirs is None and CONFIG_PATH in spawner.env_keep:
        theirs = os.environ.get(CONFIG_PATH)
    spawner.environment = {
        **spawner.environment,
        CONFIG_PATH: Ours(str(CONFIG), theirs),
        SERVER_SETTINGS: Ours(json.dumps(settings)),
    }


def _reset(spawner: Any) -> None:
    """Take out what is ours: after a start that failed the hub uses the same spawner again."""
    before = {
        name: value.theirs if isinstance(value, Ours) else value
        for name, value in spawner.environment.items()
    }
    spawner.environment = {name: value for name, value in before.items() if value is not None}


def _culler_seconds(c: Any) -> int:
    """Return after how many seconds the hub's idle culler ends a server; 0 where there is none."""
    for service in value_of(c.JupyterHub, "services", []):
        words = [str(word) for word in service.get("command") or []]
        if any(map(CULLER.search, words)):
            told = re.search(r"--timeout[= ](\d+)", " ".join(words))
            return int(told[1]) if told else CULLER_SECONDS
    return 0
