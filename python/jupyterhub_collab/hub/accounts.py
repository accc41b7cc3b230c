# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that own a server together: known to the hub, and nobody logs in under their names."""

from __future__ import annotations

from functools import wraps
from typing import Any

from jupyterhub.handlers import BaseHandler
from jupyterhub.utils import maybe_future
from tornado.web import HTTPError

from .hooks import Hook, chain, sections_with
from .known import keep_known
from .roles import add_members, value_of

ROLE = "collab-accounts"
# The hub users whom nobody may become by any door of the hub.
_reserved: set[str] = set()


def reserve_accounts(c: Any, accounts: list[str]) -> None:
    """Make the accounts hub users and refuse every login under their names.

    A role's `users` makes them known without touching `allowed_users`, any entry of which would open the hub to
    people whom another rule had refused. `blocked_users` is no way to refuse the login: since JupyterHub 5.2 it
    strips the account's roles and stops its server whenever the hub starts.
    """
    if not accounts:
        return
    add_members(c, ROLE, "Shared accounts. Nobody can log in to them", ["self"], accounts)
    refuse_logins(c, accounts)


def refuse_logins(c: Any, accounts: list[str]) -> None:
    """Refuse every login under the names of these hub users. Raises ValueError where the configuration forbids to share them.

    Some authenticators have pages of their own that log people in past all hooks, on the word of a web server in front, say. So no
    browser gets a sign-in under such a name either.
    """
    check(c, accounts)
    chain(c, "Authenticator", "post_auth_hook", lambda theirs: _refuse(frozenset(accounts), theirs))
    _reserved.update(accounts)
    if not hasattr(BaseHandler.set_hub_cookie, "refuses"):
        BaseHandler.set_hub_cookie = _refusing(BaseHandler.set_hub_cookie)
    keep_known(accounts)


def check(c: Any, accounts: list[str]) -> None:
    """Raise ValueError where the configuration leaves no way to share these accounts."""
    for section in sections_with(c, "blocked_users"):
        if blocked := sorted({*value_of(c[section], "blocked_users", set())} & {*accounts}):
            raise ValueError(
                f"{section}.blocked_users names {', '.join(blocked)}, so the hub would stop their servers at each start. "
                "Remove them: nobody can log in as a shared account anyway"
            )
    for section in sections_with(c, "manage_roles"):
        if c[section].manage_roles:
            raise ValueError(
                f"{section}.manage_roles is on, so the hub ignores the members of roles in its configuration, "
                "which add the shared account. Turn it off"
            )


def check_names(authenticator: Any, accounts: list[str]) -> None:
    """Raise ValueError where the hub would not know these accounts by their names, which everyone's scopes bear."""
    for name in accounts:
        known = authenticator.normalize_username(name)
        if known != name or not authenticator.validate_username(name):
            does = f"changes the name {name} to {known}" if known != name else f"rejects the name {name}"
            raise ValueError(
                f"the hub's authenticator {does} (see its username_map, username_pattern and normalize_username). "
                "Set jupyterhub_rtc_user to a name that it accepts unchanged"
            )


def _refuse(accounts: frozenset[str], theirs: Hook) -> Hook:
    """Return a `post_auth_hook` that runs theirs and then refuses a login that ended up under one of the names."""

    async def post_auth_hook(authenticator: Any, handler: Any, auth_model: Any) -> Any:
        auth_model = await maybe_future(theirs(authenticator, handler, auth_model))
        if auth_model and authenticator.normalize_username(auth_model["name"]) in accounts:
            authenticator.log.warning("Login as %r refused: it is a shared account", auth_model["name"])
            return None
        return auth_model

    return post_auth_hook


def _refusing(set_hub_cookie: Any) -> Any:
    """Return a method that gives a browser the hub's sign-in of a user, or refuses it with 403."""

    @wraps(set_hub_cookie)
    def set_or_refuse(handler: Any, user: Any) -> None:
        if user.name in _reserved:
            raise HTTPError(403, f"Nobody can log in as {user.name}, because it is a shared account")
        set_hub_cookie(handler, user)

    set_or_refuse.refuses = True  # type: ignore[attr-defined]
    return set_or_refuse
