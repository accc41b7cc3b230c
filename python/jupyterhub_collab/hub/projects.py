# SPDX-License-Identifier: GPL-3.0-or-later
"""Open the servers of projects to their members, and servers of users to others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..names import VIEW
from ..patches.hub.levels import tell_levels
from ..patches.hub.memberships import add_accounts, add_roles
from .access_levels import viewing
from .accounts import refuse_logins
from .collaboration import Chosen, chosen
from .every_hub import protect
from .limits import Limit
from .policy import applied
from .sharing import offer_servers
from .whole import whole

MANAGE = "manage"
ALL_OWNERS = "*"
PLACE = "{server}"  # placeholder for the server in a scope


def open_servers(
    c: Any,
    *,
    levels: Mapping[str, Sequence[str]],
    projects: Sequence[Mapping[str, Any]],
    access: Sequence[Mapping[str, Any]],
) -> None:
    """Give members of projects access to the projects' servers, and other users access to servers of users.

    levels: the scopes of each level, with `{server}` for the server. projects: each has `name`, `account` (the hub user that owns
    the server, and that nobody can log in as), `mem_limit` and `cpu_limit` of its server, and for each level the hub `users` and `groups`.
    access: each has `owner`, `server` (empty for the default one), `level`, `users` and `groups`. The owner `*` stands for all servers of
    all users, at level edit.
    """
    c = whole(c)
    protect()
    accounts = [project["account"] for project in projects]
    entries = [
        {
            "name": _project_role(project, level),
            "description": f"Members of the project {project['name']} at level {level}",
            "scopes": _scopes(levels[level], f"{project['account']}/"),
            **project[level],
        }
        for project in projects
        for level in levels
    ]
    entries += [
        {
            "name": _access_role(each),
            "description": f"Users with access to the server {_name(each)} at level {each['level']}"
            if each["owner"] != ALL_OWNERS
            else f"Users with access to all servers at level {each['level']}",
            "scopes": _scopes(levels[each["level"]], _name(each)),
            "users": each["users"],
            "groups": each["groups"],
        }
        for each in access
    ]
    add_roles(c, entries)
    if VIEW in levels:
        viewing.update({_project_role(project, VIEW): f"{project['account']}/" for project in projects})
        viewing.update({_access_role(each): _name(each) for each in access if each["level"] == VIEW})
        tell_levels()  # without it, viewers could edit
    if accounts:
        add_accounts(accounts)
        refuse_logins(c, accounts)
    for project in projects:
        chosen[project["account"]] = Chosen(project["mem_limit"], project["cpu_limit"], project[MANAGE])
    named = [each for each in access if each["owner"] != ALL_OWNERS]
    for each in named:
        _choose(each)
    offer_servers(c, [*(f"{account}/" for account in accounts), *map(_name, named)])
    applied.append(
        {
            "everyone": [],
            "hooks": ["post_auth_hook"] if accounts else [],
            "roles": [entry["name"] for entry in entries],
            "limits": [
                Limit(
                    f"the limits of project {project['account']}",
                    memory=bool(project["mem_limit"]),
                    cpus=project["cpu_limit"],
                )
                for project in projects
                if project["mem_limit"] or project["cpu_limit"]
            ],
        }
    )


def _project_role(project: Mapping[str, Any], level: str) -> str:
    return f"collab-project-{project['name']}-{level}"


def _access_role(each: Mapping[str, Any]) -> str:
    return f"collab-access-{_digest(each['owner'], each['server'])}-{each['level']}"


def _choose(each: Mapping[str, Any]) -> None:
    before = chosen.get(each["owner"], Chosen())
    managers = before.managers
    if each["level"] == MANAGE:
        named = {
            kind: sorted({*managers.get(kind, ()), *each[kind]})  # type: ignore[misc]
            for kind in ("users", "groups")
        }
        managers = {**managers, **named}
    chosen[each["owner"]] = Chosen(before.mem_limit, before.cpu_limit, managers)


def _scopes(level: Sequence[str], server: str) -> list[str]:
    if server == f"{ALL_OWNERS}/":
        return [scope.removesuffix(f"!server={PLACE}") for scope in level]
    return [scope.replace(PLACE, server) for scope in level]


def _name(each: Mapping[str, Any]) -> str:
    """Return the server's name in scopes, such as `alice/` or `alice/lab2`."""
    return f"{each['owner']}/{each['server']}"


def _digest(*names: str) -> str:
    """Return a digest of names for the name of a role, which may contain only certain characters."""
    return hashlib.sha256("/".join(names).encode()).hexdigest()[:12]
