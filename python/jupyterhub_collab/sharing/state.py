# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page shows: the user's servers with their links and guests, and what others share with the user."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from .hub import Hub, server_path


@dataclass
class Link:
    """An invitation link; its address is shown once, when it is made."""

    id: str
    made: datetime
    ends: datetime
    uses: int
    last_use: datetime | None


@dataclass
class Guest:
    """A user or group who has access. since: when a user has first come in by a link, or was let in by name."""

    kind: str  # user or group
    name: str
    since: datetime


@dataclass
class Server:
    """A server of the user; the default one has no name."""

    name: str
    runs: bool
    path: str
    links: list[Link] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=list)


@dataclass
class Shared:
    """Somebody else's server that the user may open."""

    owner: str
    server: str
    runs: bool
    path: str
    by_group: str  # the group by which the user may; empty where it is the user


async def my_servers(hub: Hub, user: str, base_url: str) -> list[Server]:
    """Return the user's servers, the default one first, whether it has ever been started or not."""
    user_path = quote(user, safe="")
    model, codes, shares = await asyncio.gather(
        hub.ask("GET", f"users/{user_path}", include_stopped_servers="1"),
        hub.all(f"share-codes/{user_path}"),
        hub.all(f"shares/{user_path}"),
    )
    running = {name: server["ready"] for name, server in (model.get("servers") or {}).items()}
    names = {"", *running, *(each["server"]["name"] for each in (*codes, *shares))}
    servers = {
        name: Server(
            name, bool(running.get(name)), f"{base_url}user/{server_path(user, name)}".rstrip("/") + "/"
        )
        for name in sorted(names)
    }
    for code in codes:
        servers[code["server"]["name"]].links.append(
            Link(
                code["id"],
                _time(code["created_at"]),
                _time(code["expires_at"]),
                code["exchange_count"],
                _time(code["last_exchanged_at"]) if code["last_exchanged_at"] else None,
            )
        )
    for share in shares:
        kind = share["kind"]
        guest = Guest(kind, share[kind]["name"], _time(share["created_at"]))
        servers[share["server"]["name"]].guests.append(guest)
    now = datetime.now(UTC)
    for server in servers.values():
        server.links = sorted((link for link in server.links if link.ends > now), key=lambda link: link.ends)
        server.guests.sort(key=lambda guest: guest.since)
    return list(servers.values())


async def shared_with_me(hub: Hub, user: str) -> list[Shared]:
    """Return the servers that others share with the user, by name or by a group of the user's."""
    found = [
        Shared(
            share["server"]["user"]["name"],
            share["server"]["name"],
            bool(share["server"].get("ready")),
            share["server"]["url"],
            share["group"]["name"] if share["kind"] == "group" else "",
        )
        for share in await hub.all(f"users/{quote(user, safe='')}/shared")
    ]
    return sorted(found, key=lambda shared: (shared.owner, shared.server, shared.by_group))


def _time(text: Any) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)
