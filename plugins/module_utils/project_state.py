# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the projects on a host: before anything is created, and until everything is deleted."""

from __future__ import annotations

from typing import Any

from . import host_state

STATE = "projects.json"


class Projects:
    """The projects that earlier runs have created, by name.

    Each has `account`, `shares` and `root`. If a deletion has started, `leaving` contains the path of the archive (empty for none), by name
    of the workspace (empty for the whole project).
    """

    def __init__(self) -> None:
        self.all: dict[str, dict[str, Any]] = host_state.recall(STATE)

    def shares_of(self, name: str) -> list[str]:
        """Return the names of a project's workspaces, or none if the project is unknown."""
        return list(self.all.get(name, {}).get("shares", []))

    def add(self, project: dict[str, Any], root: str) -> None:
        """Add a project that is about to be created, with its workspaces. Call `save` to store it."""
        together = sorted({*self.shares_of(project["name"]), *project["shares"]})
        known = self.all.get(project["name"], {})
        self.all[project["name"]] = {
            **known,
            "account": project["account"],
            "shares": together,
            "root": root,
        }

    def begin_to_delete(self, name: str, share: str, archive: str) -> None:
        """Record that the deletion of a workspace or, if `share` is empty, of the project has started, and the path of its archive."""
        self.all[name].setdefault("leaving", {})[share] = archive
        self.save()

    def archive_of(self, name: str, share: str) -> str | None:
        """Return the path of the archive if the deletion has started (empty if there is no archive), or else None."""
        return self.all[name].get("leaving", {}).get(share)  # type: ignore[no-any-return]

    def forget(self, name: str, share: str) -> None:
        """Remove a deleted workspace or, if `share` is empty, the deleted project from the record."""
        if not share:
            del self.all[name]
        else:
            project = self.all[name]
            project["shares"].remove(share)
            leaving = {
                other: archive for other, archive in project.pop("leaving", {}).items() if other != share
            }
            if leaving:
                project["leaving"] = leaving
        self.save()

    def save(self) -> None:
        host_state.remember(STATE, self.all)
