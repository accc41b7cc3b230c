# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has access to which workspaces, from the lists of the fragment and the current groups of the hub."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

LEVELS = ("edit", "manage")
READ, WRITE = "read", "write"
Rights = dict[str, str]  # of each share that someone gets, as `project/share`: READ or WRITE


def rights_of(projects: Collection[Mapping[str, Any]], user: str, groups: Collection[str]) -> Rights:
    """Return what a hub user may do in all shares.

    user, groups: as the hub knows them. The account and the members of a project can write in all of its workspaces.
    """
    found = {}
    for project in projects:
        inside = user == project["account"] or any(
            _is_named(project.get(level), user, groups) for level in LEVELS
        )
        for share in project["shares"]:
            if inside or _is_named(share.get("write"), user, groups):
                found[f"{project['name']}/{share['name']}"] = WRITE
            elif _is_named(share.get("read"), user, groups):
                found[f"{project['name']}/{share['name']}"] = READ
    return found


def named_as(
    projects: Collection[Mapping[str, Any]], normalize: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Return the projects with users' names as the hub has them, which may have been written otherwise."""

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
            "shares": [
                {**share, **{kind: people(share.get(kind)) for kind in (WRITE, READ)}}
                for share in project["shares"]
            ],
        }
        for project in projects
    ]


def more(one: Rights, other: Rights) -> Rights:
    """Return what two rights allow together."""
    return {share: WRITE if WRITE in (one.get(share), other.get(share)) else READ for share in {*one, *other}}


def _is_named(people: Mapping[str, Collection[str]] | None, user: str, groups: Collection[str]) -> bool:
    people = people or {}
    return user in people.get("users", ()) or bool({*groups} & {*people.get("groups", ())})
