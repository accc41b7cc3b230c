# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete what a server's identity provider says about people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..releases import patches_server


@patches_server("jupyter_server.auth.identity:IdentityProvider.get_user(self, handler)")
def complete_users(provider: Any, complete: Callable[[Any], None]) -> None:
    """Call `complete` with each `jupyter_server.auth.User` that an identity provider returns."""
    get_user = provider.get_user

    async def complete_user(handler: Any) -> Any:
        user = get_user(handler)
        user = await user if hasattr(user, "__await__") else user
        if user is not None:
            complete(user)
        return user

    provider.get_user = complete_user
