# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Discover the projects on a host."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..host import accounts, directory_services
from ..host import state as host_state
from ..host.systemd_unit import Unit, show
from ..workspaces import permissions
from ..workspaces import root as workspaces_root
from .state import Projects
from .workspaces import PROJECT

ARGUMENTS: dict[str, dict[str, Any]] = {
    "service": {"type": "str", "default": "jupyterhub"},
    "root": {"type": "path", "required": True},
    "written": {"type": "list", "elements": "path", "default": []},
    "projects": {"type": "list", "elements": "dict", "default": [], "options": PROJECT},
    "comment": {"type": "str", "required": True},
}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return what module project_info returns for these options, which are not typed yet."""
    return discover(dict(ArgumentSpecValidator(ARGUMENTS).validate(question).validated_parameters))


def discover(params: dict[str, Any]) -> dict[str, Any]:
    """Return what module project_info returns."""
    root: str = params["root"]
    unit = show(params["service"]) if params["written"] else Unit("")
    projects = {project["name"]: project for project in params["projects"]}
    remembered = Projects(host_state.name_of(params["service"]), projects)
    owned = {made["account"] for made in remembered.all.values()}
    there = accounts.describe_accounts(project["account"] for project in projects.values())
    return {
        # Do not return a thousand projects that need no change.
        "remembered": {
            name: made for name, made in remembered.all.items() if not is_so(made, projects.get(name), root)
        },
        "missing": sorted(name for name, account in there.items() if not account["exists"]),
        "foreign": {
            name: account
            for name, account in there.items()
            if account["exists"] and account["comment"] != params["comment"] and name not in owned
        },
        "taken": {
            name: groups
            for name, project in projects.items()
            if (groups := taken(project, remembered, there))
        },
        "silent": directory_services.silent()
        if any(is_new(project, remembered, there) for project in projects.values())
        else [],
        "shut": [path for path in params["written"] if projects and not unit.may_write(path)],
        "other_hubs": remembered.problem(),
        "root": workspaces_root.describe_root(root),
    }


def is_new(project: dict[str, Any], remembered: Projects, accounts_there: dict[str, dict[str, Any]]) -> bool:
    """Return whether a project will get an account or groups."""
    missing = not accounts_there[project["account"]]["exists"]
    return missing or bool({*project["workspaces"]} - {*remembered.workspaces_of(project["name"])})


def taken(
    project: dict[str, Any], remembered: Projects, accounts_there: dict[str, dict[str, Any]]
) -> list[str]:
    """Return the groups that exist although they have the names of groups that a project will get."""
    name, account = project["name"], project["account"]
    wanted = [] if accounts_there[account]["exists"] else [account]
    for workspace in {*project["workspaces"]} - {*remembered.workspaces_of(name)}:
        wanted += permissions.group_names(name, workspace)
    return sorted(group for group in wanted if accounts.group_exists(group))


def is_so(made: dict[str, Any], wanted: dict[str, Any] | None, root: str) -> bool:
    """Return whether a project on the host is already in its desired state."""
    if wanted is None or "leaving" in made:
        return False
    return (made["account"], {*made["workspaces"]}, made["root"]) == (
        wanted["account"],
        {*wanted["workspaces"]},
        root,
    )
