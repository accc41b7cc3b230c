# SPDX-License-Identifier: GPL-3.0-or-later
"""The one call of the fragment with projects, whose members share a server, and with people who may be on someone's server."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from .accounts import refuse_logins
from .collaboration import Chosen, chosen
from .memberships import add_accounts, add_roles
from .policy import applied
from .shared_port import share_port
from .sharing import offer_servers
from .whole import whole

MANAGE = "manage"
PLACE = "{server}"  # in a scope, where the server stands


def open_servers(
    c: Any,
    *,
    levels: Mapping[str, Sequence[str]],
    projects: Sequence[Mapping[str, Any]],
    access: Sequence[Mapping[str, Any]],
) -> None:
    """Let the members of projects into the servers of these, and others into servers of people.

    levels: what each level may do, as scopes with `{server}` where the server stands. projects: `name`, `account` (the hub user that
    owns the server, whom nobody logs in as), `mem_limit` and `cpu_limit` of its server, and by level `users` and `groups` of the
    hub. access: `owner` and `server` (empty for the default one), `level`, `users` and `groups`.
    """
    c = whole(c)
    share_port()
    accounts = [project["account"] for project in projects]
    entries = [
        {
            "name": f"collab-project-{project['name']}-{level}",
            "description": f"Members of the project {project['name']} at level {level}",
            "scopes": _scopes(levels[level], f"{project['account']}/"),
            **project[level],
        }
        for project in projects
        for level in levels
    ]
    entries += [
        {
            "name": f"collab-access-{_digest(each['owner'], each['server'])}-{each['level']}",
            "description": f"Users with access to the server {_name(each)} at level {each['level']}",
            "scopes": _scopes(levels[each["level"]], _name(each)),
            "users": each["users"],
            "groups": each["groups"],
        }
        for each in access
    ]
    add_roles(c, entries)
    if accounts:
        add_accounts(accounts)
        refuse_logins(c, accounts)
    for project in projects:
        chosen[project["account"]] = Chosen(project["mem_limit"], project["cpu_limit"], project[MANAGE])
    for each in access:
        _choose(each)
    offer_servers(c, [*(f"{account}/" for account in accounts), *map(_name, access)])
    applied.append(
        {
            "everyone": [],
            "hooks": ["post_auth_hook"] if accounts else [],
            "roles": [entry["name"] for entry in entries],
            "limits": [
                f"the limits of project {project['account']}"
                for project in projects
                if project["mem_limit"] or project["cpu_limit"]
            ],
        }
    )


def _choose(each: Mapping[str, Any]) -> None:
    before = chosen.get(each["owner"], Chosen())
    managers = before.managers
    if each["level"] == MANAGE:
        managers = {
            kind: sorted({*managers.get(kind, ()), *each[kind]})  # type: ignore[misc]
            for kind in ("users", "groups")
        }
    chosen[each["owner"]] = Chosen(before.mem_limit, before.cpu_limit, managers)


def _scopes(level: Sequence[str], server: str) -> list[str]:
    return [scope.replace(PLACE, server) for scope in level]


def _name(each: Mapping[str, Any]) -> str:
    """Return a server as scopes name it."""
    return f"{each['owner']}/{each['server']}"


def _digest(*names: str) -> str:
    """Return what stands for names in the name of a role, which has no room for any letter."""
    return hashlib.sha256("/".join(names).encode()).hexdigest()[:12]
