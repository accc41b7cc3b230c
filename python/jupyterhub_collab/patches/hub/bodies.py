# SPDX-License-Identifier: GPL-3.0-or-later
"""Read large requests to the hub only of its users and services."""

from __future__ import annotations

import functools
from typing import Any

from jupyterhub.handlers.base import BaseHandler

from ...strangers import limited
from ..releases import patches_hub


@patches_hub(
    "jupyterhub.handlers.base:BaseHandler.get_current_user_token(self)",
    "jupyterhub.handlers.base:BaseHandler.get_current_user_cookie(self)",
)
def limit_bodies(hub: Any) -> None:
    """From now on, refuse larger requests of others to this hub, which is about to answer requests. Again, this does nothing."""
    application = hub.tornado_application
    find_handler = application.find_handler
    if hasattr(find_handler, "limits_bodies"):
        return

    @functools.wraps(find_handler)
    def found(request: Any, **options: Any) -> Any:
        async def is_known() -> bool:
            handler = BaseHandler(application, request)
            return bool(handler.get_current_user_token() or handler.get_current_user_cookie())

        return limited(request, find_handler(request, **options), is_known)

    found.limits_bodies = True  # type: ignore[attr-defined]
    application.find_handler = found
