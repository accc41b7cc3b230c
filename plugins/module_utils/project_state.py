# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered on a host of its projects: written before anything is made, and until all of it is gone."""

from __future__ import annotations

from typing import Any

from . import host_state

STATE = "projects.json"


class Projects:
    """The projects that earlier runs have made, by name: `account`, `shares`, `root`, and `leaving` where a deletion has begun."""

    def __init__(self) -> None:
        self.all: dict[str, dict[str, Any]] = host_state.recall(STATE)

    def shares_of(self, name: str) -> list[str]:
        """Return the names of a project's workspaces, or none if the project is unknown."""
        return list(self.all.get(name, {}).get("shares", []))

    def add(self, project: dict[str, Any], root: str) -> None:
        """Put down a project that is about to be made, with its shares; `save` makes it last."""
        together = sorted({*self.shares_of(project["name"]), *project["shares"]})
        known = self.all.get(project["name"], {})
        self.all[project["name"]] = {
            **known,
            "account": project["account"],
            "shares": together,
            "root": root,
        }

    def begin_to_delete(self, name: str, share: str, archive: str) -> None:
        """Put down that a share, or with no name of one the project, is being deleted, and where its archive is."""
        self.all[name].setdefault("leaving", {})[share] = archive
        self.save()

    def archive_of(self, name: str, share: str) -> str | None:
        """Return the archive of something whose deletion has begun (empty where none was asked for); None where it has not."""
        return self.all[name].get("leaving", {}).get(share)  # type: ignore[no-any-return]

    def forget(self, name: str, share: str) -> None:
        """A share, or with no name of one the project, is gone."""
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
