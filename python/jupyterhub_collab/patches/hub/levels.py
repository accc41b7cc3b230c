# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell servers the access levels of their visitors, and admit viewers only to servers that enforce levels.

A server asks the hub about each visitor with the visitor's token. One without our guard, or with an older one, would let a viewer do
everything. So to requests that do not say that their server enforces levels, the hub hides that its viewers may open a server.
"""

from __future__ import annotations

import json
from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.users import SelfAPIHandler
from jupyterhub.user import User

from ...hub.access_levels import level_on, manages, without_viewing
from ...hub.push import watched
from ...names import (
    EDIT,
    ENFORCES_LEVELS,
    LEVEL,
    MANAGES,
    NO_LEVEL,
    SERVER_CLIENTS,
    VIEW_SCOPES,
    VISITED,
    WATCH,
)
from ..releases import patches_hub


@patches_hub("jupyterhub.apihandlers.users:SelfAPIHandler.get(self)")
def tell_levels() -> None:
    """From now on, tell them in this process."""
    theirs = SelfAPIHandler.get
    if getattr(theirs, "tells_levels", False):
        return

    @wraps(theirs)
    async def answer(handler: Any) -> None:
        write = handler.write

        def write_with_level(chunk: Any) -> None:
            write(json.dumps(_with_level(handler, json.loads(chunk))))

        handler.write = write_with_level
        try:
            await theirs(handler)
        finally:
            handler.write = write

    answer.tells_levels = True  # type: ignore[attr-defined]
    SelfAPIHandler.get = answer


def _with_level(handler: Any, model: dict[str, Any]) -> dict[str, Any]:
    token = handler.get_token()
    visitor = (token.user or token.service) if token else _logged_in(handler)
    client = handler.request.headers.get(VISITED, "")
    if visitor is None:
        return model
    if token and ENFORCES_LEVELS in handler.request.headers and client.startswith(SERVER_CLIENTS):
        spawner = handler.db.query(orm.Spawner).filter_by(oauth_client_id=client).first()
        level = level_on(spawner, visitor) if spawner is not None else NO_LEVEL
        # Any client can send these headers. So the answer is the same whether a server does not exist or is not open to its user.
        may_stop = spawner is not None and level == EDIT and manages(spawner, visitor)
        model = {**model, LEVEL: level, MANAGES: may_stop, WATCH: watched(handler, token, client)}
        if level:
            return model
    held = list(model.get("scopes", []))
    kept = without_viewing(held, visitor)
    return {**model, "scopes": kept, VIEW_SCOPES: [scope for scope in held if scope not in kept]}


def _logged_in(handler: Any) -> orm.User | None:
    """Return the user whose browser asks, without a token. Servers always ask with one."""
    user = handler.current_user
    return user.orm_user if isinstance(user, User) else None
