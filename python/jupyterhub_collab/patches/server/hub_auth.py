# SPDX-License-Identifier: GPL-3.0-or-later
"""Change how a server asks the hub about its visitors."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.web import HTTPError

from ...names import ENFORCES_LEVELS, STREAM, VISITED
from ..releases import patches_hub

SECONDS = 20  # as JupyterHub 5 waits
_STREAM_OF = "collab_stream"  # the attribute of a `HubOAuth` that has the name of its server's stream


@patches_hub("jupyterhub.services.auth:HubOAuth._api_request(self, method, url)")
def name_server() -> None:
    """Make the server name itself (header VISITED) whenever it asks the hub about a visitor, and say that it enforces access levels.

    Guests who use a token of their own leave no other trace at the hub. The server also names the stream on which it hears of changes
    (`name_stream`).
    """
    from jupyterhub.services.auth import HubOAuth  # noqa: PLC0415  # a server without a hub may lack it

    theirs = HubOAuth._api_request

    async def _api_request(hub_auth: Any, method: str, url: str, **options: Any) -> Any:
        options["headers"] = {
            **options.get("headers", {}),
            VISITED: hub_auth.oauth_client_id,
            ENFORCES_LEVELS: "yes",
            STREAM: getattr(hub_auth, _STREAM_OF, ""),
        }
        return await theirs(hub_auth, method, url, **options)

    HubOAuth._api_request = _api_request


def name_stream(hub_auth: Any, stream: str) -> None:
    """Make `name_server` name this stream from now on."""
    setattr(hub_auth, _STREAM_OF, stream)


@patches_hub("jupyterhub.services.auth:HubAuth._api_request(self, method, url)")
def wait_no_longer() -> None:
    """Make a request to a hub that does not answer fail after SECONDS.

    JupyterHub 6 waits five minutes. Meanwhile, people would see nothing, and a server would learn nothing about its other visitors. Call this
    before `name_server`.
    """
    from jupyterhub.services.auth import HubAuth  # noqa: PLC0415  # a server without a hub may lack it

    theirs = HubAuth._api_request

    async def _api_request(hub_auth: Any, method: str, url: str, **options: Any) -> Any:
        try:
            async with asyncio.timeout(SECONDS):
                return await theirs(hub_auth, method, url, **options)
        except TimeoutError as error:
            raise HTTPError(500, f"The hub did not answer within {SECONDS} seconds") from error

    HubAuth._api_request = _api_request


@patches_hub("jupyterhub.services.auth:HubAuth.get_user(self, handler)")
def ask_once() -> None:
    """Make a request wait only once for the hub's answer.

    JupyterHub looks users up in a pool of one thread, and waits for it. If a form comes with a sign-in but without its session's `_xsrf`,
    the lookup starts another one in the same thread, and waits for itself: the server would never answer anyone again.
    """
    from jupyterhub.services.auth import HubAuth  # noqa: PLC0415  # a server without a hub may lack it

    theirs = HubAuth.get_user

    def get_user(hub_auth: Any, handler: Any, *, sync: bool = True) -> Any:
        if sync and hasattr(handler, "_cached_hub_user"):  # None until the hub has answered
            return handler._cached_hub_user
        return theirs(hub_auth, handler, sync=sync)

    HubAuth.get_user = get_user
