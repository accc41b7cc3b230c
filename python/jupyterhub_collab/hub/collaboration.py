# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the servers that get live collaboration, and prepare them when they start."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet, ref

from jupyterhub import orm, scopes
from jupyterhub.utils import maybe_future
from sqlalchemy.orm import object_session

from ..names import ACCESS, SERVER_SETTINGS
from ..patches.hub import unprepared
from ..patches.hub.codes import give_codes_to_tabs
from ..patches.hub.guests import forget_if_one_left, note_shares
from ..patches.hub.levels import tell_levels
from ..patches.hub.logout import end_sign_ins_at_logout
from ..patches.hub.resume import forget_visitors, keep_visitors
from ..patches.hub.wrapped import fit_inner
from .access_requests import can_be_asked
from .containers import forget_history, keep_history, remove_history_with_server
from .culler import culler_seconds
from .hooks import Hook, chain
from .jobs import NO_REQUEUE, is_slurm, request_limits
from .limits import Limit
from .metrics import measure
from .own_token import TRAIT as TOKEN_SCOPES
from .own_token import limit_own_tokens
from .policy import applied
from .push import tell_changes
from .servers import revocation_seconds
from .state_directory import let_write, state_directory_of
from .visitors import seconds_present
from .whole import whole

PACKAGE = Path(__file__).parents[2]
# Jupyter's first configuration directory. It turns live collaboration on for these servers only, although their environment has it off.
CONFIG_PATH = "JUPYTER_CONFIG_PATH"
CONFIG = PACKAGE / "jupyterhub_collab/server/config"
# One more, which turns jupyterlab-chat on.
CHAT_CONFIG = PACKAGE / "jupyterhub_collab/server/chat_config"

# Who may stop a server from inside, besides its owner and administrators: everyone on it ("everyone"), or hub "users" and "groups".
Managers = Mapping[str, bool | Sequence[str]]
EVERYONE: Managers = {"everyone": True}


@dataclass(frozen=True)
class Chosen:
    """A user whose servers have live collaboration because a fragment says so.

    mem_limit, cpu_limit: as for the spawner; empty and 0 leave what is configured. managers: who may stop a server from inside.
    """

    mem_limit: str = ""
    cpu_limit: float = 0
    managers: Managers = field(default_factory=dict)


# By the name of the hub user. Later fragments add to it, after the one that calls `collaborate` and before any server starts.
chosen: dict[str, Chosen] = {}

AS_THE_CULLER = -1


def collaborate(
    c: Any,
    *,
    everyone: bool,
    accounts: Collection[str],
    managed_by_everyone: bool = True,
    owners: bool,
    state_directory: str,
    refuse_unprepared: bool,
    history_megabytes: int,
    documents_per_person: int,
    websockets_per_person: int,
    mem_limit: str,
    cpu_limit: float,
    idle_seconds: int,
    email_domain: str,
    chat: bool = False,
    output: bool = True,
) -> None:
    """Start the chosen servers with live collaboration. All other servers start as before.

    Servers that a role opens to others, and servers with shares or links, are always chosen. Others are chosen by the first three options.

    everyone: all servers. accounts: the servers of these hub users. owners: the servers whose owners can share them.
    managed_by_everyone: whether all users can stop the servers of `accounts` from inside.
    refuse_unprepared: whether the hub stops a server that starts without this package's guard and that other users can open, and refuses to
    share any server that runs without it.
    state_directory: each server gets a private directory below it, if the hub is root. A container gets a volume there.
    history_megabytes: size of a server's document history. documents_per_person, websockets_per_person: how many one person may have open on a server at once.
    mem_limit, cpu_limit: for the servers of `accounts`, as for the spawner; empty and 0 leave what is configured.
    idle_seconds: when a server that nobody uses saves everything and stops; 0 means never. -1 uses the timeout of the hub's culler, and means
    never if that is unknown.
    email_domain: domain of the addresses in Git commits; if empty, the name of the hub's host.
    chat: whether these servers have jupyterlab-chat, which their environment has turned off.
    output: whether these servers write what cells output into shared notebooks. Otherwise, the pages that run them do.
    """
    c = whole(c)
    chosen.clear()
    managers = EVERYONE if managed_by_everyone else {}
    chosen.update({name: Chosen(mem_limit, cpu_limit, managers) for name in accounts})
    as_the_culler = idle_seconds == AS_THE_CULLER
    domain = email_domain or socket.getfqdn()

    def is_open(spawner: Any) -> bool:
        return everyone or spawner.user.name in chosen or is_opened(spawner) or unprepared.is_shared(spawner)

    def is_shareable(spawner: Any) -> bool:
        return owners and may_share(spawner)

    def is_chosen(spawner: Any) -> bool:
        return is_open(spawner) or is_shareable(spawner)

    # Spawners whose servers this hub has started with the guard's settings. Whether these reach the server depends on the spawner.
    told: WeakSet[Any] = WeakSet()

    def prepare(spawner: Any) -> None:
        _reset(spawner)
        told.discard(spawner)
        is_shared = is_open(spawner)
        if not is_shared and not is_shareable(spawner):
            forget_visitors(spawner)
            forget_history(spawner)
            return
        forget_if_one_left(spawner)
        note_shares(spawner)
        how = chosen.get(spawner.user.name, Chosen())
        settings = {
            "history_megabytes": history_megabytes,
            "documents_per_person": documents_per_person,
            "websockets_per_person": websockets_per_person,
            # A later file may add the culler.
            "idle_seconds": (culler_seconds(c) or 0) if as_the_culler else idle_seconds,
            "email_domain": domain,
            "managers": _as_the_hub_has_them(how.managers, spawner),
            "revocation_seconds": revocation_seconds(c),
            "shared": is_shared,
            "levels": True,
            "requests": can_be_asked(spawner.user.name),
            "chat": chat,
            "output": output,
        }
        if how.mem_limit:
            spawner.mem_limit = how.mem_limit
        if how.cpu_limit:
            spawner.cpu_limit = how.cpu_limit
        if is_slurm(type(spawner)):
            request_limits(spawner, memory=bool(how.mem_limit), cpus=bool(how.cpu_limit))
            if _set_if_missing(spawner, NO_REQUEUE, "1"):
                settings["own_variables"] = [NO_REQUEUE]
        keep_history(spawner, state_directory)
        _set_environment(spawner, settings, state_directory)
        told.add(spawner)
        let_write(spawner, state_directory)

    chain(c, "Spawner", "pre_spawn_hook", lambda theirs: _then(theirs, prepare))
    fit_inner("get_env", _with_ours)
    keep_visitors(is_chosen)
    tell_levels()
    tell_changes()
    measure(seconds_present(revocation_seconds(c)))
    end_sign_ins_at_logout()
    give_codes_to_tabs()
    remove_history_with_server()
    if refuse_unprepared:
        unprepared.refuse_unprepared(told.__contains__, is_open)
    limit_own_tokens(c, is_chosen)
    limits = [Limit("jupyterhub_rtc_mem_limit", memory=True)] * bool(mem_limit)
    limits += [Limit("jupyterhub_rtc_cpu_limit", cpus=cpu_limit)] * bool(cpu_limit)
    applied.append(
        {
            "everyone": [],
            "hooks": ["pre_spawn_hook", TOKEN_SCOPES],
            "limits": limits,
            "as_the_culler": as_the_culler,
        }
    )


def _as_the_hub_has_them(managers: Managers, spawner: Any) -> Managers:
    """Return managers with normalized usernames, because the fragment may spell them differently from the hub."""
    users = managers.get("users")
    if not isinstance(users, Sequence) or spawner.authenticator is None:
        return managers
    return {**managers, "users": [spawner.authenticator.normalize_username(name) for name in users]}


def may_share(spawner: Any) -> bool:
    """Return whether the owner of a server can share it, by any role."""
    where = scopes.parse_scopes(scopes.get_scopes_for(spawner.user.orm_user)).get("shares")
    return where is not None and bool(scopes.check_scope_filter(where, spawner.orm_spawner, "server"))


def is_opened(spawner: Any) -> bool:
    """Return whether a role that names this server or its owner opens it to others. This is how administrators set up collaboration."""
    user = spawner.user.orm_user
    db = object_session(user)
    assert db is not None
    wanted = {f"{ACCESS}!user={user.name}", f"{ACCESS}!server={user.name}/{spawner.name}"}
    return any(
        wanted & {*role.scopes} and (role.groups or {*role.users} - {user}) for role in db.query(orm.Role)
    )


def opened(roles: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """Return the users and servers that a hub's roles open to others by name, except those that our policies have chosen."""
    scopes_of_all = {scope for role in roles.values() for scope in role["scopes"]}
    names = {
        found[1]
        for scope in scopes_of_all
        if (found := re.fullmatch(f"{ACCESS}!(?:user|server)=(.+)", scope))
    }
    return sorted({name.removesuffix("/") for name in names if name.partition("/")[0] not in chosen})


def _then(theirs: Hook, prepare: Callable[[Any], None]) -> Hook:
    """Return a `pre_spawn_hook` that runs the configured one before ours, so that ours sees everything that it sets."""

    async def pre_spawn_hook(spawner: Any) -> None:
        await maybe_future(theirs(spawner))
        prepare(spawner)

    return pre_spawn_hook


class Ours(str):
    """A variable of a server's environment, with its previous value. The spawner calls it to get the text.

    It is also text itself, because hooks, authenticators and spawners of administrators may log or convert the environment.
    """

    def __new__(cls, text: str, *_more: Any) -> Self:
        return super().__new__(cls, text)

    def __init__(self, _text: str, theirs: Any = None) -> None:
        self.theirs = theirs
        # The spawner that has called this. Weak, because others may copy the environment.
        self.caller: Callable[[], Any] = lambda: None

    def __call__(self, spawner: Any) -> str:
        self.caller = ref(spawner)
        return self.before(self.theirs, spawner)

    def format(self, *values: object, **names: object) -> str:
        """Return the variable's text with the previous value expanded, but not ours.

        KubeSpawner calls the variables, and then expands `{username}` and the like in those that are text. It would fail on our JSON.
        """
        theirs = self.theirs.format(*values, **names) if isinstance(self.theirs, str) else self.theirs
        return self.before(theirs, self.caller())

    def before(self, theirs: Any, spawner: Any) -> str:
        """Return the variable's text. theirs: its value without us, a string or a callable."""
        theirs = theirs(spawner) if callable(theirs) else theirs
        return os.pathsep.join(filter(None, [self, theirs]))


class Settings(Ours):
    """The settings of a server. Its state directory is determined when it starts, because some spawners create its account only then."""

    def __init__(self, text: str, settings: dict[str, Any], root: str) -> None:
        super().__init__(text)
        self.settings = settings
        self.root = root

    def before(self, theirs: Any, spawner: Any) -> str:
        return json.dumps({"state_directory": state_directory_of(spawner, self.root), **self.settings})


def _with_ours(outer: Any, inner: Any, environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of an inner spawner with our variables of the outer one, also if it has set its own environment."""
    lost = {
        name: value.before(inner.environment.get(name), outer)
        for name, value in outer.environment.items()
        if isinstance(value, Ours) and not isinstance(inner.environment.get(name), Ours)
    }
    return environment | lost


def _set_environment(spawner: Any, settings: dict[str, Any], root: str) -> None:
    theirs = spawner.environment.get(CONFIG_PATH)
    if theirs is None and CONFIG_PATH in spawner.env_keep:
        theirs = os.environ.get(CONFIG_PATH)
    spawner.environment = {
        **spawner.environment,
        CONFIG_PATH: Ours(os.pathsep.join(map(str, [CONFIG, *[CHAT_CONFIG] * settings["chat"]])), theirs),
        SERVER_SETTINGS: Settings(json.dumps(settings), settings, root),
    }


def _set_if_missing(spawner: Any, name: str, text: str) -> bool:
    """Set a variable of a server's environment, unless the administrator has. Return whether it was set."""
    if name in spawner.environment:
        return False
    spawner.environment = {**spawner.environment, name: Ours(text)}
    return True


def _reset(spawner: Any) -> None:
    """Remove our variables, because the hub uses the same spawner again after a failed start."""
    before = {
        name: value.theirs if isinstance(value, Ours) else value
        for name, value in spawner.environment.items()
    }
    spawner.environment = {name: value for name, value in before.items() if value is not None}
