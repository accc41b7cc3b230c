# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revoke access that outlives the configuration that granted it.

The hub removes roles that its configuration no longer defines. It keeps the shares and sharing links that users created while they
were allowed to, and the hub users that the configuration added, with their servers and tokens.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from .api import HubApi, NoAnswer
from .errors import Failed
from .health import POLL_SECONDS
from .live import LiveHub

RIGHT_TO_SHARE = "shares!user"
# Marks a fragment that grants this permission.
GIVES_IT = b"share_servers("
# The roles by which we grant it: to all users, the hub's default role of users; to groups, a role of ours.
EVERYONE = "user"
GROUPS = "collab-sharing"
SCOPES = ("shares", "delete:users", "delete:servers")
# With an open document, some servers take a minute and a half to stop.
STOP_SECONDS = 180


def remember(held: dict[str, Any], state: dict[str, Any]) -> None:
    """Record in the state who can share, for a later run that completes this change if it is interrupted."""
    if who := sharers(held["roles"]):
        state["sharing"] = sorted({*who, *state.get("sharing", [])})


def sharers(roles: dict[str, Any] | None) -> set[str]:
    """Return who can share their own server on a hub with these roles, by the roles through which we grant it: groups, or all users."""
    found = {name: role for name, role in (roles or {}).items() if RIGHT_TO_SHARE in role.get("scopes", [])}
    if EVERYONE in found:
        return {EVERYONE}
    return {f"group {name}" for name in found.get(GROUPS, {}).get("groups", [])}


def withdrawn(grants: list[dict[str, Any]], before: Iterable[str], now: set[str]) -> list[dict[str, Any]]:
    """Return the servers among `grants` (see `jupyterhub_collab.hub.grants`) whose owners can no longer share them.

    before, now: who could share before the change, and who can share now, as returned by `sharers`.
    """
    if EVERYONE in now or not {*before} - now:
        return []
    return [grant for grant in grants if not now & {f"group {name}" for name in grant["groups"]}]


def end(
    live: LiveHub, hub: dict[str, Any], state: dict[str, Any], users: list[str], held: dict[str, Any]
) -> list[str]:
    """On a running hub, revoke the shares and sharing links of users who can no longer share, and delete the hub users in `users`.

    Return what was removed, as in `sentences`. Raises Failed.
    """
    now = sharers(hub["roles"])
    ended: dict[str, Any] = {"shares": 0, "links": 0, "users": []}
    found = withdrawn(held["grants"], state.get("sharing", []), now)
    # If the hub keeps its database in memory, the restart has emptied it.
    if (found or users) and held["roles"] is not None:
        try:
            with live.api(hub, *SCOPES) as api:
                ended = end_grants(api, found)
                ended["users"] = [name for name in users if delete_user(api, name)]
        except NoAnswer as error:
            raise Failed(f"failed to revoke rights that the change withdraws, because {error}") from error
    state.pop("sharing", None)
    return sentences(ended)


def end_at_rest(live: LiveHub, hub: dict[str, Any], state: dict[str, Any], users: list[str]) -> list[str]:
    """Do the same in the database of a hub that is not running. It still contains the roles of the previous configuration."""
    before = {*state.get("sharing", []), *sharers(live.held(hub)["roles"])}
    now = sharers(hub["roles"])
    groups = [name.removeprefix("group ") for name in now]
    wish = {"sharing": EVERYONE not in now and bool(before - now), "groups": groups, "users": users}
    return sentences(live.read(hub, "at_rest", json.dumps(wish)))


def end_grants(api: HubApi, grants: list[dict[str, Any]]) -> dict[str, Any]:
    """Revoke all shares and sharing links of some servers (see `jupyterhub_collab.hub.grants`), and return their numbers."""
    for grant in grants:
        server = f"{_path(grant['owner'])}/{_path(grant['server'])}"
        # Revoke links first, so that nobody can accept one and get a new share.
        for kind in ("share-codes", "shares"):
            _delete(api, f"/{kind}/{server}")
    return count(grants)


def count(grants: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the total numbers of `shares` and sharing `links` of some servers."""
    return {kind: sum(grant[kind] for grant in grants) for kind in ("shares", "links")}


def delete_user(api: HubApi, name: str) -> bool:
    """Delete a hub user with server and tokens, and return whether the user existed. Raises NoAnswer.

    First, ask the hub to stop the server, so that the server has time to save open documents.
    """
    deadline = time.monotonic() + STOP_SECONDS
    while _delete(api, f"/users/{_path(name)}/server") == 202:
        if time.monotonic() > deadline:
            raise NoAnswer(f"the server of {name} did not stop within {STOP_SECONDS} s")
        time.sleep(POLL_SECONDS)
    return _delete(api, f"/users/{_path(name)}") == 204


def sentences(ended: dict[str, Any]) -> list[str]:
    """Return what was removed, as parts of a sentence. ended: the numbers of `shares` and `links`, and the names of `users`."""
    counted = [
        f"{number} {kind if number != 1 else kind.removesuffix('s')}"
        for kind in ("shares", "links")
        if (number := ended[kind])
    ]
    found = [f"{' and '.join(counted)} of users who can no longer share"] if counted else []
    return found + [f"the hub user {name} with server and tokens" for name in ended["users"]]


def _path(name: str) -> str:
    return quote(name, safe="@")


def _delete(api: HubApi, path: str) -> int:
    """Return the status of the answer: 202 (in progress), 204 (done) or 404 (does not exist). Raises NoAnswer for any other."""
    status, _answer = api.request("DELETE", path)
    if status not in (202, 204, 404):
        raise NoAnswer(f"its API answered {status} to DELETE {path}")
    return status
