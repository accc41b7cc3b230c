# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find visitors of other users' servers, and disconnect them when their access ends.

A server caches the hub's answer about a visitor for some seconds, and never checks an open connection again. So once the
caches have expired, restart the proxy, which closes all connections. Browsers of users with access reconnect
automatically, with what was typed in the meantime. Others are refused.
"""

from __future__ import annotations

import math
import time
from typing import Any

from ..host.systemd_unit import show
from . import proxy
from .live import LiveHub

# A server's default (HubOAuth.cache_max_age), in seconds.
DEFAULT_REVOCATION_SECONDS = 300


def remember(held: dict[str, Any], state: dict[str, Any]) -> None:
    """Record in the state which visitors have access to another user's server now. Keep those that an interrupted run recorded."""
    known = state.setdefault("visitors", [])
    known += [each for each in held["visitors"] if each["allowed"] and _key(each) not in map(_key, known)]


def disconnect(live: LiveHub, hub: dict[str, Any], state: dict[str, Any], held: dict[str, Any]) -> list[str]:
    """Disconnect the recorded visitors whose access has ended, and return them, as parts of a sentence.

    state: `hub` is the hub before the change. `revocation_since` is the time, in seconds since the epoch, since which servers have been
    started with that hub's `revocation_seconds`.
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
        live.restart(hub, proxy.find_unit(show(live.service), hub), shares_port=hub["shares_port"])
    except proxy.NoProxy as error:
        live.warn(
            f"Restart the hub's proxy or the servers of {_owners(outcasts)}. Users whose access has ended may "
            f"still be connected, because the hub failed to disconnect them: {error}."
        )
        return []
    live.wait(hub)
    return sorted(f"{each['user']} from the server of {each['owner']}" for each in outcasts)


def note_revocation(hub: dict[str, Any], state: dict[str, Any]) -> None:
    """Record in the state since when servers have been started with a shorter cache lifetime than the default."""
    if hub["revocation_seconds"] < DEFAULT_REVOCATION_SECONDS:
        state.setdefault("revocation_since", time.time())
    else:
        state.pop("revocation_since", None)


def _key(visitor: dict[str, Any]) -> tuple[str, str, str]:
    return visitor["user"], visitor["owner"], visitor["server"]


def _owners(visitors: list[dict[str, Any]]) -> str:
    return ", ".join(sorted({each["owner"] for each in visitors}))
