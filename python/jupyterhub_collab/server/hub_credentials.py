# SPDX-License-Identifier: GPL-3.0-or-later
"""What someone has shown at the door of this server, and what the hub says of it."""

from __future__ import annotations

import hmac
import sys
from dataclasses import dataclass, field
from typing import Any

from ..names import VISITED


@dataclass(frozen=True)
class Credentials:
    """A token of the hub, and the browser session that it is of, if of any: what `HubOAuth` knows a visitor by."""

    token: str = field(repr=False)
    session: str = field(repr=False)


def hub_auth_of(handler: Any) -> Any:
    """Return the `HubOAuth` that a server asks the hub with; None where it is no hub's."""
    provider = handler.settings.get("identity_provider")
    # The latter where the hub's server is a class of its own and no extension (JUPYTERHUB_SINGLEUSER_EXTENSION=0 and the like).
    return getattr(provider, "hub_auth", None) or handler.settings.get("hub_auth")


def model_of(handler: Any, user: Any) -> dict[str, Any]:
    """Return what the hub has said about a request's user, or nothing."""
    # JupyterHub's extension keeps it with the user, its older class with the request.
    return getattr(user, "hub_user", None) or getattr(handler, "_cached_hub_user", None) or {}


def name_server() -> None:
    """Have the server say which one it is, whenever it asks the hub who someone is: guests who come with a token of their own leave no
    other trace at the hub.
    """
    if not serves_hub():
        return
    from jupyterhub.services.auth import HubOAuth  # noqa: PLC0415  # a server that is of no hub may lack it

    theirs = HubOAuth._api_request

    async def _api_request(hub_auth: Any, method: str, url: str, **options: Any) -> Any:
        options["headers"] = {**options.get("headers", {}), VISITED: hub_auth.oauth_client_id}
        return await theirs(hub_auth, method, url, **options)

    HubOAuth._api_request = _api_request


def ask_once() -> None:
    """Have a request wait for the hub's answer once.

    JupyterHub asks who someone is from one thread and has another one wait. A form that comes with a sign-in and without the token of its
    browser's session (_xsrf) makes it ask again from there, which waits for itself: the server would answer nobody any more.
    """
    if not serves_hub():
        return
    from jupyterhub.services.auth import HubAuth  # noqa: PLC0415  # a server that is of no hub may lack it

    theirs = HubAuth.get_user

    def get_user(hub_auth: Any, handler: Any, *, sync: bool = True) -> Any:
        if sync and hasattr(handler, "_cached_hub_user"):  # nobody, as long as the hub has not answered
            return handler._cached_hub_user
        return theirs(hub_auth, handler, sync=sync)

    HubAuth.get_user = get_user


def serves_hub() -> bool:
    """Return whether this process is a server of a hub, rather than one that a user started in a terminal of a server."""
    return "jupyterhub.singleuser" in sys.modules


def credentials_of(hub_auth: Any, handler: Any) -> Credentials | None:
    """Return the token that a visitor uses: that of the address or a header if it is valid, or else that of the cookie."""
    token = hub_auth.get_token(handler, in_cookie=False)
    if not token or not getattr(handler, "_token_authenticated", False):
        token = hub_auth._get_token_cookie(handler)
    return Credentials(token, hub_auth.get_session_id(handler)) if token else None


def is_own_token(hub_auth: Any, handler: Any) -> bool:
    """Return whether a request comes with the token of this server itself."""
    shown = credentials_of(hub_auth, handler)
    return shown is None or hmac.compare_digest(shown.token.encode(), hub_auth.api_token.encode())


async def may_stay(hub_auth: Any, credentials: Credentials) -> bool:
    """Return whether the hub still admits a user. Ask it if its last answer is older than the server trusts.

    Raises an exception where the hub does not say.
    """
    model = await hub_auth.user_for_token(credentials.token, session_id=credentials.session, sync=False)
    return model is not None and bool(hub_auth.check_scopes(hub_auth.access_scopes, model))
