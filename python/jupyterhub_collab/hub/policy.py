# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a policy to the hub's configuration, and find out whether a later file has replaced parts of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..names import ACCESS, EDIT, VIEW
from ..patches.hub.levels import tell_levels
from ..patches.hub.memberships import add_roles
from .access_levels import EVERY_SERVER, viewing
from .accounts import ROLE, reserve_accounts
from .every_hub import protect
from .hooks import is_chained, sections_with
from .roles import grant_everyone, is_given, value_of
from .servers import limit_cached_rights
from .whole import whole

# What each fragment's call in this process has asked for:
# - everyone: scopes of all users
# - accounts: shared accounts
# - groups: role -> groups that must be its members
# - roles, hooks, services: names that must exist
# - kept: name of a further setting -> function that tells from the configuration whether it still holds
# - limits: limits that only some spawners enforce (see `limits.Limit`)
# - workspaces: whether servers get workspaces, which containers cannot
# - as_the_culler: whether servers stop when the hub's idle culler would stop them
# - page: a page that must work
applied: list[dict[str, Any]] = []
# The role through which all users are viewers.
VIEWERS = "collab-everyone-view"
# The section in which `chain` always sets a hook, if that is not `Spawner`.
BASES = {"post_auth_hook": "Authenticator"}


def apply(
    c: Any,
    *,
    everyone: Iterable[str] = (),
    level: str = EDIT,
    accounts: Iterable[str] = (),
    revocation_seconds: int | None = None,
) -> None:
    """Merge a policy into the hub's configuration `c` (a `traitlets.config.Config`).

    everyone: scopes that all hub users get in addition to the hub's defaults. level: the access level that they give; at `view`, they
    must open one server, or every server.
    accounts: names of shared accounts, which are hub users that nobody can log in as.
    revocation_seconds: for how many seconds servers that start from now on cache the hub's answer about a visitor's access. None leaves
    the server's default.
    """
    c = whole(c)
    protect()
    everyone, accounts = list(everyone), list(accounts)
    viewing.clear()
    roles = [VIEWERS] if everyone and level == VIEW else []
    if roles:
        # Not through the hub's own role `user`, which says nothing about levels.
        viewing[VIEWERS] = _opened(everyone)
        role = {"name": VIEWERS, "description": "All users at level view", "scopes": everyone}
        add_roles(c, [{**role, "users": [], "groups": [], "everyone": True}])
        tell_levels()  # without it, viewers could edit
        everyone = []
    grant_everyone(c, everyone)
    reserve_accounts(c, accounts)
    hooks = ["post_auth_hook"] if accounts else []
    if revocation_seconds is not None:
        limit_cached_rights(c, revocation_seconds)
        hooks.append("pre_spawn_hook")
    applied.append({"everyone": everyone, "accounts": accounts, "roles": roles, "hooks": hooks})


def _opened(scopes: list[str]) -> str:
    """Return the server that scopes open, for `viewing`. Raises ValueError if they do anything else."""
    if scopes == [ACCESS]:
        return EVERY_SERVER
    prefix = f"{ACCESS}!server="
    if len(scopes) != 1 or not scopes[0].startswith(prefix):
        raise ValueError(
            f"level view is for scopes that open one server or all servers, not for {', '.join(scopes)}"
        )
    return scopes[0].removeprefix(prefix)


def services_of(config: Any) -> set[str]:
    """Return the names of the services of a configuration."""
    return {service.get("name", "") for service in value_of(config.JupyterHub, "services", [])}


def lost(config: Any, roles: dict[str, Any]) -> list[str]:
    """Return the names of applied settings that a later file has replaced.

    roles: the hub's roles (see `live.roles`).
    """
    found = set()
    for policy in applied:
        scopes = roles.get("user", {"scopes": []})["scopes"]
        members = roles.get(ROLE, {"users": []})["users"]
        if not {*policy["everyone"]} <= {*scopes} or not {*policy.get("accounts", [])} <= {*members}:
            found.add("JupyterHub.load_roles")
        for role, groups in policy.get("groups", {}).items():
            if not {*groups} <= {*roles.get(role, {"groups": []})["groups"]}:
                found.add("JupyterHub.load_roles")
        if not {*policy.get("roles", [])} <= {*roles}:
            found.add("JupyterHub.load_roles")
        if not {*policy.get("services", [])} <= services_of(config):
            found.add("JupyterHub.services")
        found |= {name for name, holds in policy.get("kept", {}).items() if not holds(config)}
        for hook in policy["hooks"]:
            sections = [name for name in sections_with(config, hook) if is_given(config[name], hook)]
            # A file can also remove the hook or its whole section.
            if (base := BASES.get(hook, "Spawner")) not in sections:
                found.add(f"{base}.{hook}")
            found |= {f"{name}.{hook}" for name in sections if not is_chained(config[name][hook])}
    return sorted(found)
