# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends what outlives a configuration and would let people in whom the hub lets in no longer.

Roles go with the configuration that named them. Not so the shares and links that people made while everybody was allowed
to, and the hub users that the configuration made known, with their servers and tokens.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

from .hub_api import HubApi, NoAnswer
from .hub_errors import Failed
from .hub_health import POLL_SECONDS
from .live_hub import LiveHub

RIGHT_TO_SHARE = "shares!user"
SCOPES = ("shares", "delete:users", "delete:servers")
# Some servers take a minute and a half to stop while a document is open.
STOP_SECONDS = 180


def remember(held: dict[str, Any], state: dict[str, Any]) -> None:
    """Keep in the state that everybody may share, so that a run that finishes a change that was cut off knows it."""
    if lets_everybody_share(held["roles"]):
        state["sharing"] = True


def lets_everybody_share(roles: dict[str, Any] | None) -> bool:
    """Return whether every user of a hub with these roles may share the own server."""
    return RIGHT_TO_SHARE in (roles or {}).get("user", {}).get("scopes", [])


def end(
    live: LiveHub, hub: dict[str, Any], state: dict[str, Any], users: list[str], held: dict[str, Any]
) -> list[str]:
    """End on a hub that has proven itself what people share who may not any more, and these hub users.

    Returns what that was, as parts of a sentence that begins with `ended`. Raises Failed where it cannot.
    """
    sharing = lets_everybody_share(hub["roles"])
    ended: dict[str, Any] = {"shares": 0, "links": 0, "users": []}
    found = held["grants"] if state.get("sharing") and not sharing else []
    # A database in the hub's memory has begun anew with the hub.
    if (found or users) and held["roles"] is not None:
        try:
            with live.api(hub, *SCOPES) as api:
                ended = end_grants(api, found)
                ended["users"] = [name for name in users if delete_user(api, name)]
        except NoAnswer as error:
            raise Failed(f"rights that end with the change could not be ended, since {error}") from error
    if not sharing:
        state.pop("sharing", None)
    return sentences(ended)


def end_at_rest(live: LiveHub, hub: dict[str, Any], state: dict[str, Any], users: list[str]) -> list[str]:
    """Do the same in the database of a hub that does not run, which still holds the roles of the configuration before."""
    before = state.get("sharing") or lets_everybody_share(live.held(hub)["roles"])
    withdrawn = before and not lets_everybody_share(hub["roles"])
    return sentences(live.read(hub, "at_rest", json.dumps({"sharing": withdrawn, "users": users})))


def end_grants(api: HubApi, grants: list[dict[str, Any]]) -> dict[str, Any]:
    """End all shares and links of these servers (see `jupyterhub_collab.hub.grants`), and return how many that were."""
    for grant in grants:
        server = f"{_path(grant['owner'])}/{_path(grant['server'])}"
        # Links before shares: nobody makes a share of a link that is gone.
        for kind in ("share-codes", "shares"):
            _delete(api, f"/{kind}/{server}")
    return count(grants)


def count(grants: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many shares and links these servers have together."""
    return {kind: sum(grant[kind] for grant in grants) for kind in ("shares", "links")}


def delete_user(api: HubApi, name: str) -> bool:
    """Delete a hub user and all that is the user's; return whether the hub had one of that name.

    The server is stopped before, as the hub stops every server: it is asked to, and has its time to save what is open.
    """
    deadline = time.monotonic() + STOP_SECONDS
    while _delete(api, f"/users/{_path(name)}/server") == 202:
        if time.monotonic() > deadline:
            raise NoAnswer(f"the server of {name} did not stop within {STOP_SECONDS} s")
        time.sleep(POLL_SECONDS)
    return _delete(api, f"/users/{_path(name)}") == 204


def sentences(ended: dict[str, Any]) -> list[str]:
    """Return what was ended as parts of a sentence."""
    counted = [
        f"{number} {kind if number != 1 else kind.removesuffix('s')}"
        for kind in ("shares", "links")
        if (number := ended[kind])
    ]
    found = [f"{' and '.join(counted)} of users who may not share any more"] if counted else []
    return found + [f"the hub user {name} with server and tokens" for name in ended["users"]]


def _path(name: str) -> str:
    return quote(name, safe="@")


def _delete(api: HubApi, path: str) -> int:
    """Return the status of the answer: 202 (at it), 204 (done) or 404 (there was none)."""
    status, _answer = api.request("DELETE", path)
    if status not in (202, 204, 404):
        raise NoAnswer(f"its API answered {status} to DELETE {path}")
    return status
