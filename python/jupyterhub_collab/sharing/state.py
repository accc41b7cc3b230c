# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect what the page shows: the user's servers with their links and guests, and the servers of others that the user can open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ..names import EDIT, OFFERED, PEOPLE, REQUESTS, VIEW
from .hub import Hub, server_path


@dataclass
class Link:
    """A sharing link. Its address is shown only once, when it is created. document: the path of the file that it opens; empty for none."""

    id: str
    made: datetime
    ends: datetime
    uses: int
    last_use: datetime | None
    level: str = EDIT
    document: str = ""


@dataclass
class Guest:
    """A user or group with access. since: when a user first accepted a link, or access was granted by name."""

    kind: str  # user or group
    name: str
    since: datetime
    level: str = EDIT


@dataclass
class Asking:
    """A user who asks for access. made: when."""

    name: str
    made: datetime


@dataclass
class Server:
    """A server of the user. The default server's name is empty."""

    name: str
    runs: bool
    path: str
    links: list[Link] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=list)
    requests: list[Asking] = field(default_factory=list)


@dataclass
class Shared:
    """Another user's server that the user can open, through a share or a role."""

    owner: str
    server: str
    state: str  # running, stopped, starting or stopping
    path: str
    by_group: str = ""  # the group with which it is shared; empty if shared with the user
    level: str = EDIT  # or view, or manage (also start and stop it)
    by_role: bool = False
    people: tuple[str, ...] = ()  # who is on it, except its owner


async def my_servers(hub: Hub, user: str, base_url: str, *, requests: bool = False) -> list[Server]:
    """Return the user's servers, starting with the default one, even if it has never been started. requests: whether others can ask for access."""
    user_path = quote(user, safe="")
    model, codes, shares, asking = await asyncio.gather(
        hub.ask("GET", f"users/{user_path}", include_stopped_servers="1"),
        hub.all(f"share-codes/{user_path}"),
        hub.all(f"shares/{user_path}"),
        hub.ask("GET", f"{REQUESTS}/{user_path}") if requests else _none(),
    )
    running = {name: server["ready"] for name, server in (model.get("servers") or {}).items()}
    names = {
        "",
        *running,
        *(each["server"]["name"] for each in (*codes, *shares)),
        *(each["server"] for each in asking),
    }
    servers = {
        name: Server(name, bool(running.get(name)), address(base_url, user, name)) for name in sorted(names)
    }
    for code in codes:
        servers[code["server"]["name"]].links.append(
            Link(
                code["id"],
                time_of(code["created_at"]),
                time_of(code["expires_at"]),
                code["exchange_count"],
                time_of(code["last_exchanged_at"]) if code["last_exchanged_at"] else None,
                code["level"],
                code["document"],
            )
        )
    for share in shares:
        kind = share["kind"]
        guest = Guest(kind, share[kind]["name"], time_of(share["created_at"]), share["level"])
        servers[share["server"]["name"]].guests.append(guest)
    for each in asking:
        servers[each["server"]].requests.append(Asking(each["user"], time_of(each["made"])))
    now = datetime.now(UTC)
    for server in servers.values():
        server.links = sorted((link for link in server.links if link.ends > now), key=lambda link: link.ends)
        server.guests.sort(key=lambda guest: guest.since)
    return list(servers.values())


async def open_to_me(hub: Hub, user: str, base_url: str) -> tuple[list[Shared], bool]:
    """Return the servers of others that the user can open, and whether the user is an administrator.

    If a role and shares open a server, it is there once, with the highest level.
    """
    by_role, shares, told = await asyncio.gather(
        by_my_roles(hub, base_url), shared_with_me(hub, user, base_url), hub.ask("GET", PEOPLE)
    )
    known = {(each.owner, each.server): each for each in by_role}
    for share in shares:
        role = known.get((share.owner, share.server))
        if role is not None and role.level == VIEW:
            role.level = share.level
    found = [*by_role, *(share for share in shares if (share.owner, share.server) not in known)]
    people = {(each["owner"], each["server"]): tuple(each["people"]) for each in told["people"]}
    for each in found:
        each.people = people.get((each.owner, each.server), ())
    return sorted(found, key=lambda each: (each.owner, each.server, each.by_group)), told["is_administrator"]


def known_names(user: str, servers: Iterable[Server], shared: Iterable[Shared]) -> list[str]:
    """Return the names of users and groups that the user already sees on the page, so that suggesting them tells nothing new."""
    mine = {
        name
        for server in servers
        for name in (*(each.name for each in server.guests), *(each.name for each in server.requests))
    }
    theirs = {name for each in shared for name in (each.owner, each.by_group, *each.people) if name}
    return sorted({*mine, *theirs} - {user})


async def by_my_roles(hub: Hub, base_url: str) -> list[Shared]:
    """Return the servers that roles open to the user now. This also updates the token to what the user may do with them."""
    return [
        Shared(
            each["owner"],
            each["server"],
            each["state"],
            address(base_url, each["owner"], each["server"]),
            level=each["level"],
            by_role=True,
        )
        for each in await hub.ask("POST", OFFERED)
    ]


async def shared_with_me(hub: Hub, user: str, base_url: str) -> list[Shared]:
    """Return the servers that others share with the user, or with a group of the user."""
    return [
        Shared(
            share["server"]["user"]["name"],
            share["server"]["name"],
            "running" if share["server"].get("ready") else "stopped",
            address(base_url, share["server"]["user"]["name"], share["server"]["name"]),
            by_group=share["group"]["name"] if share["kind"] == "group" else "",
            level=share["level"],
        )
        for share in await hub.all(f"users/{quote(user, safe='')}/shared")
    ]


async def _none() -> list[dict[str, Any]]:
    return []


def address(base_url: str, owner: str, server: str) -> str:
    """Return the path of a server, whether it is running or not."""
    return f"{base_url}user/{server_path(owner, server)}".rstrip("/") + "/"


def time_of(text: Any) -> datetime:
    """Return a time from the hub's API."""
    return datetime.fromisoformat(str(text)).astimezone(UTC)
