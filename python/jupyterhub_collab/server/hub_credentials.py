# SPDX-License-Identifier: GPL-3.0-or-later
"""The credentials that visitors present to this server, and what the hub says about them."""

from __future__ import annotations

import hmac
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Credentials:
    """What `HubOAuth` identifies a visitor by: a token of the hub, and the browser session that it belongs to, if any."""

    token: str = field(repr=False)
    session: str = field(repr=False)


def hub_auth_of(handler: Any) -> Any:
    """Return the `HubOAuth` with which a server asks the hub; None if the server has no hub."""
    return hub_auth_in(handler.settings)


def hub_auth_in(settings: Mapping[str, Any]) -> Any:
    """Return the same, from the settings of a server's application."""
    provider = settings.get("identity_provider")
    # JupyterHub's extension sets the former, its older single-user class the latter (as with JUPYTERHUB_SINGLEUSER_EXTENSION=0).
    return getattr(provider, "hub_auth", None) or settings.get("hub_auth")


def model_of(handler: Any, user: Any) -> dict[str, Any]:
    """Return the hub's model of a request's user; empty if there is none."""
    # JupyterHub's extension keeps it with the user, its older single-user class with the request.
    return getattr(user, "hub_user", None) or getattr(handler, "_cached_hub_user", None) or {}


def serves_hub() -> bool:
    """Return whether this process is a hub's single-user server, not a server that a user started in a terminal of one."""
    return "jupyterhub.singleuser" in sys.modules


def credentials_of(hub_auth: Any, handler: Any) -> Credentials | None:
    """Return a visitor's credentials; None if there is no token.

    The token comes from the address or a header if it is valid there, or else from the cookie.
    """
    token = hub_auth.get_token(handler, in_cookie=False)
    if not token or not getattr(handler, "_token_authenticated", False):
        token = hub_auth._get_token_cookie(handler)
    return Credentials(token, hub_auth.get_session_id(handler)) if token else None


def is_own_token(hub_auth: Any, handler: Any) -> bool:
    """Return whether a request uses this server's own token, or none at all."""
    shown = credentials_of(hub_auth, handler)
    return shown is None or hmac.compare_digest(shown.token.encode(), hub_auth.api_token.encode())


async def model_for(hub_auth: Any, credentials: Credentials) -> dict[str, Any] | None:
    """Return the hub's model of a visitor; None if the hub no longer admits the visitor. Ask the hub if its cached answer has expired.

    Raises an exception if the hub does not say.
    """
    model = await hub_auth.user_for_token(credentials.token, session_id=credentials.session, sync=False)
    is_admitted = model is not None and bool(hub_auth.check_scopes(hub_auth.access_scopes, model))
    return model if is_admitted else None


async def admits(handler: Any) -> bool:
    """Return whether the hub admits the sender of a request, of which only the headers are known.

    Raises an exception if the hub does not say.
    """
    hub_auth = hub_auth_of(handler)
    if hub_auth is None:
        return True
    shown = hub_auth.get_token(handler, in_cookie=False), hub_auth._get_token_cookie(handler)
    session = hub_auth.get_session_id(handler)
    for token in filter(None, shown):
        if await model_for(hub_auth, Credentials(token, session)) is not None:
            return True
    return False
