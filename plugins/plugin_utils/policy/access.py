# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load the access matrix in docs/access.yml, to generate a page of the documentation and to check live hubs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).parents[3] / "docs/access.yml"
SERVERS = ("hub", "shared", "project-rain", "alice")
CELL = re.compile(r"(yes|no|-)(?: \[(\w+)\])?")


@dataclass(frozen=True)
class Cell:
    """Whether a user can perform an action on a server, with the key of an explanatory note."""

    server: str  # its owner: `shared`, `project-rain` or `alice`, or `hub` for actions that do not concern a server
    action: str
    person: str
    may: bool | None  # None: this user does not exist in this mode
    note: str | None = None


@dataclass(frozen=True)
class Mode:
    """A set of variables, and who can do what with these.

    rights: the scopes of each person, and of everyone. views: those that open servers at level view only.
    """

    name: str
    sentence: str
    variables: dict[str, Any]
    rights: dict[str, list[str]]
    views: dict[str, list[str]]
    servers: dict[str, list[Cell]]
    columns: list[str]  # as in the table's header, such as `hub user = member`

    @property
    def cells(self) -> list[Cell]:
        return [cell for cells in self.servers.values() for cell in cells]


@dataclass(frozen=True)
class Access:
    """The complete access matrix."""

    people: dict[str, dict[str, str]]
    actions: dict[str, str]
    notes: dict[str, str]
    own: list[str]
    admin: list[str]
    modes: list[Mode]


def load(source: Path = SOURCE) -> Access:
    """Return the content of the file. Raises ValueError if a table is incomplete, so that nothing is omitted by mistake."""
    content = yaml.safe_load(source.read_text())
    modes = [_mode(mode, content) for mode in content["modes"]]
    return Access(**{**content, "modes": modes})


def for_verify() -> dict[str, Any]:
    """Return the part of the matrix that can be checked on a hub, as data for JSON.

    own: the scopes that all users have for themselves. modes: each with `name`, `everyone` (the additional scopes of all users), `views`
    (those that open servers at level view only), and `cells`.
    """
    access = load()
    modes = [
        {
            "name": mode.name,
            "everyone": mode.rights["everyone"],
            "views": mode.views.get("everyone", []),
            "cells": [asdict(cell) for cell in mode.cells],
        }
        for mode in access.modes
    ]
    return {"own": access.own, "modes": modes}


def _mode(described: dict[str, Any], content: dict[str, Any]) -> Mode:
    tables: dict[str, str] = {name: described[name] for name in SERVERS if name in described}
    heads = {name: _columns(text.splitlines()[0]) for name, text in tables.items()}
    columns = heads["hub"]
    people = [column.partition(" = ")[0] for column in columns]
    if set(content["people"]) - set(people) - {"member"} or any(head != columns for head in heads.values()):
        raise ValueError(f"The tables of {described['name']} do not have one column for each person")
    servers = {name: list(_cells(name, text, people)) for name, text in tables.items()}
    asked = {cell.action for cells in servers.values() for cell in cells}
    noted = {cell.note for cells in servers.values() for cell in cells if cell.note}
    if asked != set(content["actions"]) or noted - set(content["notes"]):
        raise ValueError(f"The tables of {described['name']} name unknown actions or notes, or miss some")
    return Mode(
        described["name"],
        described["is"],
        described["variables"],
        described["rights"],
        described.get("views", {}),
        servers,
        columns,
    )


def _cells(server: str, text: str, people: list[str]) -> Iterator[Cell]:
    for line in text.splitlines()[1:]:
        action, *words = [line.split("  ")[0], *_columns(line)]
        found = [CELL.fullmatch(word) for word in words]
        if len(words) != len(people) or None in found:
            raise ValueError(f"Every cell of this row must be yes, no or -: {line}")
        for person, cell in zip(people, found, strict=True):
            if cell is None:
                raise AssertionError("checked above")
            yield Cell(server, action, person, {"yes": True, "no": False}.get(cell[1]), cell[2])


def _columns(line: str) -> list[str]:
    """Return the parts of a line that are separated by two or more spaces, except the first one."""
    return re.split(r" {2,}", line.strip())[1:]
