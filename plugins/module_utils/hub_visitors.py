# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People on someone else's server: who they are, and how they leave it when their right to be there ends.

A server trusts what the hub said about a visitor for some seconds, and never looks again at a connection that is open.
So all connections end, once no server remembers, by a new start of the proxy that they go through. A browser that may
return does so automatically, with what was typed meanwhile. Others are refused.
"""

from __future__ import annotations

import math
import time
from typing import Any

from . import hub_proxy
from .live_hub import LiveHub
from .systemd_unit import show

# A server's default (HubOAuth.cache_max_age), in seconds.
DEFAULT_REVOCATION_SECONDS = 300


def remember(held: dict[str, Any], state: dict[str, Any]) -> None:
    """Keep in the state who may be on someone else's server now, beside those that a run that was cut off kept."""
    known = state.setdefault("visitors", [])
    known += [each for each in held["visitors"] if each["allowed"] and _key(each) not in map(_key, known)]


def disconnect(live: LiveHub, hub: dict[str, Any], state: dict[str, Any], held: dict[str, Any]) -> list[str]:
    """End the connections of those remembered people whose right has ended; return who they were.

    state: `hub` is the hub as it was before the change, `revocation_since` the moment, in seconds of the epoch, from
    which on servers have been started with its `revocation_seconds`.
    """
    before = list(map(_key, state.get("visitors", [])))
    outcasts = [each for each in held["visitors"] if not each["allowed"] and _key(each) in before]
    if not outcasts:
        return []
    since = state.get("revocation_since", math.inf)
    if trusting := [each for each in outcasts if each["started"] < since]:
        live.warn(
            f"Restart the servers of {_owners(trusting)}. They were started before this collection configured the "
            "hub, so users whose access has ended may be able to return for a few minutes."
        )
    if "revocation_since" in state:
        time.sleep(state["hub"]["revocation_seconds"] + 1)
    try:
        live.restart(hub, hub_proxy.find_unit(show(live.service), hub), shares_port=hub["shares_port"])
    except hub_proxy.NoProxy as error:
        live.warn(
            f"Restart the hub's proxy or the servers of {_owners(outcasts)}. Users whose access has ended may "
            f"still be connected, because the hub failed to disconnect them: {error}."
        )
        return []
    live.wait(hub)
    return sorted(f"{each['user']} from the server of {each['owner']}" for each in outcasts)


def note_revocation(hub: dict[str, Any], state: dict[str, Any]) -> None:
    """Keep in the state since when servers have been started so that they ask the hub again soon."""
    if hub["revocation_seconds"] < DEFAULT_REVOCATION_SECONDS:
        state.setdefault("revocation_since", time.time())
    else:
        state.pop("revocation_since", None)


def _key(visitor: dict[str, Any]) -> tuple[str, str, str]:
    return visitor["user"], visitor["owner"], visitor["server"]


def _owners(visitors: list[dict[str, Any]]) -> str:
    return ", ".join(sorted({each["owner"] for each in visitors}))
