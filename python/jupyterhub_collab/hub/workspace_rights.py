# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide who has access to which workspaces, from the fragment's lists and the hub's current groups."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

LEVELS = ("edit", "manage")
READ, WRITE = "read", "write"
Rights = dict[str, str]  # `project/workspace` -> READ or WRITE, for each workspace that a user can access


def rights_of(projects: Collection[Mapping[str, Any]], user: str, groups: Collection[str]) -> Rights:
    """Return a hub user's rights in all workspaces. The account and the members of a project can write in all of its workspaces.

    user, groups: the names of the user and of the user's groups, as the hub has them.
    """
    found = {}
    for project in projects:
        inside = user == project["account"] or any(
            _is_named(project.get(level), user, groups) for level in LEVELS
        )
        for workspace in project["workspaces"]:
            if inside or _is_named(workspace.get("write"), user, groups):
                found[f"{project['name']}/{workspace['name']}"] = WRITE
            elif _is_named(workspace.get("read"), user, groups):
                found[f"{project['name']}/{workspace['name']}"] = READ
    return found


def named_as(
    projects: Collection[Mapping[str, Any]], normalize: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Return the projects with normalized usernames, because the fragment may spell them differently from the hub."""

    def people(each: Mapping[str, Collection[str]] | None) -> dict[str, list[str]]:
        each = each or {}
        return {
            "users": [normalize(name) for name in each.get("users", ())],
            "groups": [*each.get("groups", ())],
        }

    return [
        {
            **project,
            **{level: people(project.get(level)) for level in LEVELS},
            "workspaces": [
                {**workspace, **{kind: people(workspace.get(kind)) for kind in (WRITE, READ)}}
                for workspace in project["workspaces"]
            ],
        }
        for project in projects
    ]


def more(one: Rights, other: Rights) -> Rights:
    """Return the union of two rights."""
    return {
        workspace: WRITE if WRITE in (one.get(workspace), other.get(workspace)) else READ
        for workspace in {*one, *other}
    }


def _is_named(people: Mapping[str, Collection[str]] | None, user: str, groups: Collection[str]) -> bool:
    people = people or {}
    return user in people.get("users", ()) or bool({*groups} & {*people.get("groups", ())})
