# SPDX-License-Identifier: GPL-3.0-or-later
"""Clean up when a server is deleted for good, with its user or as a named server. No hook runs then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from jupyterhub.user import User

from ..releases import patches_hub


@patches_hub("jupyterhub.user:User._delete_spawner(self, name_or_spawner)")
def after_deletion(clean_up: Callable[[Any], Awaitable[None]]) -> None:
    """Call `clean_up` with each spawner whose server the hub has deleted."""
    theirs = User._delete_spawner

    @wraps(theirs)
    async def delete_and_clean_up(user: Any, name_or_spawner: Any) -> None:
        await theirs(user, name_or_spawner)
        # Its methods need a spawner even if the server has never run since the hub was started.
        spawner = user.spawners[name_or_spawner] if isinstance(name_or_spawner, str) else name_or_spawner
        try:
            await clean_up(spawner)
        except Exception:
            user.log.exception("Failed to remove what the server %s had", spawner._log_name)

    User._delete_spawner = delete_and_clean_up
