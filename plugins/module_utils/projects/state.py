# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the projects on a host: before anything is created, and until everything is deleted. A project belongs to the hub that made it."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any

from ..host import config_block, transaction
from ..host import state as host_state

STATE = "projects.json"
FRAGMENT = "70-projects"
TOLD = 5  # projects in one sentence


class Projects:
    """The projects of one hub that earlier runs have created, by name.

    Each has `account`, `workspaces`, `root` and `unit`. If a deletion has started, `leaving` contains the path of the archive (empty for none),
    by name of the workspace (empty for the whole project).
    of_others: the units that may own each of the host's other projects. If the hub itself is among them, several hubs list the project.
    """

    def __init__(self, unit: str, wanted: Collection[str] = ()) -> None:
        """unit: the systemd unit of the hub. wanted: the names of the projects that it should have."""
        self.unit = unit
        self.on_host: dict[str, dict[str, Any]] = _recalled()
        owners = _owners(self.on_host, unit, wanted)
        self.all = {name: self.on_host[name] for name, units in owners.items() if units == [unit]}
        self.of_others = {name: units for name, units in owners.items() if units != [unit]}

    def problem(self) -> str:
        """Return why the hub cannot have projects, because of other hubs on the host, or an empty string.

        Projects of two hubs would share the directory in which hubs record who can enter which workspace.
        """
        if unclear := sorted(name for name, units in self.of_others.items() if len(units) > 1):
            hubs = " and ".join(self.of_others[unclear[0]])
            return (
                f"The hubs {hubs} of this host both have the project {unclear[0]}, and only one hub of a host can have projects. Empty "
                "jupyterhub_projects of the other hub, or remove collaboration from it, and run its play first"
            )
        if self.of_others:
            names = sorted(self.of_others)
            more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
            return (
                f"Another hub of this host ({self.of_others[names[0]][0]}) has projects already ({', '.join(names[:TOLD])}{more}), and only one "
                "hub of a host can have projects. Empty jupyterhub_projects of this hub, or remove those projects first"
            )
        return ""

    def workspaces_of(self, name: str) -> list[str]:
        """Return the names of a project's workspaces, or none if the project is unknown."""
        return list(self.all.get(name, {}).get("workspaces", []))

    def add(self, project: dict[str, Any], root: str) -> None:
        """Add a project that is about to be created, with its workspaces. Call `save` to store it."""
        together = sorted({*self.workspaces_of(project["name"]), *project["workspaces"]})
        known = self.all.get(project["name"], {})
        self.all[project["name"]] = {
            **known,
            "account": project["account"],
            "workspaces": together,
            "root": root,
            "unit": self.unit,
        }

    def begin_to_delete(self, name: str, workspace: str, archive: str) -> None:
        """Record that the deletion of a workspace or, if `workspace` is empty, of the project has started, and the path of its archive."""
        self.all[name].setdefault("leaving", {})[workspace] = archive
        self.save()

    def archive_of(self, name: str, workspace: str) -> str | None:
        """Return the path of the archive if the deletion has started (empty if there is no archive), or else None."""
        return self.all[name].get("leaving", {}).get(workspace)  # type: ignore[no-any-return]

    def forget(self, name: str, workspace: str) -> None:
        """Remove a deleted workspace or, if `workspace` is empty, the deleted project from the record."""
        if not workspace:
            del self.all[name]
            self.on_host.pop(name, None)
        else:
            project = self.all[name]
            project["workspaces"].remove(workspace)
            leaving = {
                other: archive for other, archive in project.pop("leaving", {}).items() if other != workspace
            }
            if leaving:
                project["leaving"] = leaving
        self.save()

    def save(self) -> None:
        self.on_host |= self.all
        host_state.remember(STATE, self.on_host)


def _recalled() -> dict[str, dict[str, Any]]:
    """Return the record of all projects on the host. Earlier versions called workspaces `shares` there."""
    projects = host_state.recall(STATE)
    for project in projects.values():
        if "shares" in project:
            project["workspaces"] = project.pop("shares")
    return projects


def _owners(made: dict[str, dict[str, Any]], unit: str, wanted: Collection[str]) -> dict[str, list[str]]:
    """Return the units of the hubs that may own each project, without projects of an earlier release that no hub has.

    Earlier releases did not record the unit. Such a project belongs to the hubs whose configuration lists it. If none does, because
    a run was interrupted, it belongs to the hub that wants it, or to the host's only hub.
    """
    recorded = {project["unit"] for project in made.values() if "unit" in project}
    names = {each: host_state.name_of(each) for each in recorded}
    owners = {name: [names[project["unit"]]] for name, project in made.items() if "unit" in project}
    if len(owners) == len(made):
        return owners
    listed = {
        each: _listed(config_block.fragment_path(state["path"], FRAGMENT))
        for each, state in host_state.hubs().items()
    }
    for name in made.keys() - owners.keys():
        if units := [each for each, names in listed.items() if name in names]:
            owners[name] = units
        elif name in wanted or not listed.keys() - {unit}:
            owners[name] = [unit]
    return owners


def _listed(fragment: str) -> set[str]:
    """Return the names of the projects in a hub's fragment."""
    for statement in ast.parse(transaction.read(fragment) or b"").body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="PROJECTS")], value=value):
                return {project["name"] for project in ast.literal_eval(value)}
    return set()
