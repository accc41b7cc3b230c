# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators see of the whole hub: a part of the list of shares, links and visitors, and which part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..names import OVERVIEW
from .hub import Hub
from .state import time_of

ROWS = 50  # on one page
HIGHEST_PAGE = 10**6
# The fields of the form, as the hub's endpoint names them (`hub.overview.Filter`).
FILTERS = ("of", "who", "what", "may")


@dataclass
class Row:
    """A share, a link or a visitor.

    key: with which the hub ends it, or the share that gives a visitor access; empty if that cannot be ended. who: a user or a group. since: when it was
    made, or when the server last asked the hub about the visitor. groups, by_role: what else gives a visitor access.
    """

    what: str
    key: str
    server: str
    level: str
    since: datetime
    who: str = ""
    is_group: bool = False
    ends: datetime | None = None
    uses: int = 0
    groups: tuple[str, ...] = ()
    by_role: bool = False


@dataclass
class Overview:
    """A part of the list. page: its number, from 1. newest: when the newest share or link of the whole list was made, for the hub."""

    filters: dict[str, str]
    rows: list[Row]
    counts: dict[str, int]
    page: int
    newest: str

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def to_end(self) -> int:
        """How many can be ended at once."""
        return self.counts["link"] + self.counts["share"]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // ROWS))


def filters_of(given: Mapping[str, str]) -> dict[str, str]:
    """Return the filters in a page's address or in a form, without those that stand for everything."""
    return {name: text for name in FILTERS if (text := given.get(name, "").strip())}


def page_of(text: str) -> int:
    """Return the number of a page in an address; 1 if it is none."""
    return (
        min(int(text), HIGHEST_PAGE)
        if text.isascii() and text.isdigit() and len(text) < 9 and int(text)
        else 1
    )


async def overview(hub: Hub, filters: Mapping[str, str], page: int) -> Overview:
    """Ask the hub for a part of the list: the last one if there are not so many. Raises Refused if the user is no administrator."""
    while True:
        told = await hub.ask("GET", OVERVIEW, **filters, offset=str((page - 1) * ROWS), limit=str(ROWS))
        found = Overview(
            dict(filters), [_row(each) for each in told["rows"]], told["counts"], page, told["newest"]
        )
        if page <= found.pages:
            return found
        page = found.pages


def _row(told: Mapping[str, Any]) -> Row:
    return Row(
        what=told["what"],
        key=told["key"],
        server=told["owner"] + (f"/{told['server']}" if told["server"] else ""),
        level=told["level"],
        since=time_of(told["seen"] if told["what"] == "visitor" else told["since"]),
        who=told.get("user") or told.get("group") or "",
        is_group=bool(told.get("group")),
        ends=time_of(told["ends"]) if told.get("ends") else None,
        uses=told.get("uses") or 0,
        groups=tuple(told.get("groups", ())),
        by_role=bool(told.get("by_role")),
    )
