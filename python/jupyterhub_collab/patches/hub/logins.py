# SPDX-License-Identifier: GPL-3.0-or-later
"""Treat hub users that nobody can log in as: refuse their logins, and expect nothing that only a login brings.

The authenticator has nothing to refresh for them. Many refuse a user without the state of a login, and the hub would then neither start the
account's server, nor accept its reports of activity. In the same way, `auth_state_hook` gets None for them, which a hook may not expect on a
hub where everyone logs in.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Any

from jupyterhub.handlers import BaseHandler
from jupyterhub.spawner import Spawner
from tornado.web import HTTPError

from ..releases import patches_hub

_reserved: set[str] = set()


@patches_hub(
    "jupyterhub.handlers:BaseHandler.set_hub_cookie(self, user)",
    "jupyterhub.handlers:BaseHandler.refresh_auth(self, user, force)",
    "jupyterhub.spawner:Spawner.run_auth_state_hook(self, auth_state)",
)
def reserve(accounts: Iterable[str]) -> None:
    """From now on, set no login cookie for these names, refresh nothing for them, and start their servers even if `auth_state_hook` fails."""
    _reserved.update(accounts)
    if not hasattr(BaseHandler.set_hub_cookie, "refuses"):
        BaseHandler.set_hub_cookie = _refusing(BaseHandler.set_hub_cookie)
    if not hasattr(BaseHandler.refresh_auth, "passes_over"):
        BaseHandler.refresh_auth = _passing_over(BaseHandler.refresh_auth)
    if not hasattr(Spawner.run_auth_state_hook, "goes_on"):
        Spawner.run_auth_state_hook = _going_on(Spawner.run_auth_state_hook)


def _refusing(set_hub_cookie: Any) -> Any:
    """Return a method that sets the hub's login cookie, or raises 403 for a reserved name."""

    @wraps(set_hub_cookie)
    def set_or_refuse(handler: Any, user: Any) -> None:
        if user.name in _reserved:
            raise HTTPError(403, f"Nobody can log in as {user.name}, because it is a shared account")
        set_hub_cookie(handler, user)

    set_or_refuse.refuses = True  # type: ignore[attr-defined]
    return set_or_refuse


def _passing_over(refresh_auth: Any) -> Any:
    """Return a method that refreshes what the authenticator knows about a user, except for reserved names."""

    @wraps(refresh_auth)
    async def refresh_or_pass(handler: Any, user: Any, force: bool = False) -> Any:
        return user if user.name in _reserved else await refresh_auth(handler, user, force)

    refresh_or_pass.passes_over = True  # type: ignore[attr-defined]
    return refresh_or_pass


def _going_on(run_auth_state_hook: Any) -> Any:
    """Return a method that runs the configured hook. If it fails for a reserved name, the server starts without what the hook adds."""

    @wraps(run_auth_state_hook)
    async def run_or_go_on(spawner: Any, auth_state: Any) -> None:
        try:
            await run_auth_state_hook(spawner, auth_state)
        except Exception as error:
            if spawner.user.name not in _reserved or auth_state is not None:
                raise
            spawner.log.warning(
                "%s starts without auth_state_hook, which failed: %r. A shared account never logs in, so its auth_state is None",
                spawner._log_name,
                error,
            )

    run_or_go_on.goes_on = True  # type: ignore[attr-defined]
    return run_or_go_on
