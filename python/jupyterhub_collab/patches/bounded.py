# SPDX-License-Identifier: GPL-3.0-or-later
"""Limit what unauthenticated requests can make a process keep in memory.

JupyterHub's `HubOAuth` remembers the address of each request that it sends to the hub for a sign-in, and the hub's answer about each token,
valid or not. It forgets them after minutes, and until then keeps any number of any length.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from .releases import patches_hub

MOST = 10_000  # entries of each kind; the oldest ones are dropped
LONGEST_ADDRESS = 2_000  # characters
LONGEST_SESSION = 100  # characters; JupyterHub's session IDs have 32


@patches_hub(
    "jupyterhub.services.auth:_ExpiringDict.__setitem__(self, key, value)",
    "jupyterhub.services.auth:HubOAuth.generate_state(self, next_url)",
    "jupyterhub.services.auth:HubAuth.get_session_id(self, handler)",
)
def bound_memory() -> None:
    """From now on, keep no more than that in this process."""
    from jupyterhub.services.auth import HubAuth, HubOAuth, _ExpiringDict  # noqa: PLC0415  # a server without a hub may lack it

    store, generate_state, get_session_id = (
        _ExpiringDict.__setitem__,
        HubOAuth.generate_state,
        HubAuth.get_session_id,
    )
    if hasattr(store, "is_bounded"):
        return

    @wraps(store)
    def store_within_limits(entries: Any, key: str, value: Any) -> None:
        entries.pop(key, None)  # so that entries are in the order of their age
        store(entries, key, value)
        while len(entries) > MOST:
            entries.pop(next(iter(entries.timestamps)), None)

    @wraps(generate_state)
    def generate_short_state(hub_auth: Any, next_url: str | None = None, **more: Any) -> Any:
        # Without an address, a sign-in leads to the first page of the service or server.
        is_short = next_url is not None and len(next_url) <= LONGEST_ADDRESS
        return generate_state(hub_auth, next_url if is_short else None, **more)

    @wraps(get_session_id)
    def get_short_session_id(hub_auth: Any, handler: Any) -> str:
        session: str = get_session_id(hub_auth, handler)
        return session if len(session) <= LONGEST_SESSION else ""

    store_within_limits.is_bounded = True  # type: ignore[attr-defined]
    _ExpiringDict.__setitem__ = store_within_limits
    HubOAuth.generate_state = generate_short_state
    HubAuth.get_session_id = get_short_session_id
