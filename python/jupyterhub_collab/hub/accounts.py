# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared accounts: hub users that own a shared server, and that nobody can log in as."""

from __future__ import annotations

from typing import Any

from jupyterhub.utils import maybe_future

from ..patches.hub.known import keep_known
from ..patches.hub.logins import reserve
from .hooks import Hook, chain, sections_with
from .roles import add_members, given, value_of

ROLE = "collab-accounts"


def reserve_accounts(c: Any, accounts: list[str]) -> None:
    """Create hub users for these accounts, and refuse every login under their names.

    The `users` of a role create them without touching `allowed_users`: any entry there would open the hub to users whom another rule
    refuses. `blocked_users` cannot refuse the logins: since JupyterHub 5.2, it strips the account's roles and stops its server whenever the
    hub starts.
    """
    if not accounts:
        return
    add_members(c, ROLE, "Shared accounts. Nobody can log in to them", ["self"], accounts)
    refuse_logins(c, accounts)


def refuse_logins(c: Any, accounts: list[str]) -> None:
    """Refuse every login under the names of these hub users. Raises ValueError if the configuration prevents sharing them.

    Some authenticators bypass all hooks, for example if their own login page trusts a header of a web server in front, and what they know
    of users who log in is missing for these. See `patches.hub.logins`.
    """
    check(c, accounts)
    chain(c, "Authenticator", "post_auth_hook", lambda theirs: _refuse(frozenset(accounts), theirs))
    reserve(accounts)
    keep_known(accounts)


def check(c: Any, accounts: list[str]) -> None:
    """Raise ValueError if the configuration prevents sharing these accounts."""
    for section in sections_with(c, "blocked_users"):
        if blocked := sorted({*value_of(c[section], "blocked_users", set())} & {*accounts}):
            raise ValueError(_blocked(section, blocked))
    for section in sections_with(c, "manage_roles"):
        if given(c[section], "manage_roles"):
            raise ValueError(_managed(section))


def _blocked(where: str, names: list[str]) -> str:
    return (
        f"{where}.blocked_users names {', '.join(names)}, so the hub would stop their servers at each start. "
        "Remove them: nobody can log in as a shared account anyway"
    )


def _managed(where: str) -> str:
    return (
        f"{where}.manage_roles is on, so the hub ignores the members of roles in its configuration, "
        "which add the shared account. Turn it off"
    )


def check_authenticator(authenticator: Any, accounts: list[str]) -> None:
    """Raise ValueError if the authenticator prevents sharing these accounts by its own code, which the configuration does not show."""
    kind = type(authenticator).__name__
    if blocked := sorted({*authenticator.blocked_users} & {*accounts}):
        raise ValueError(_blocked(kind, blocked))
    if accounts and getattr(authenticator, "manage_roles", False):
        raise ValueError(_managed(kind))
    check_names(authenticator, accounts)


def check_names(authenticator: Any, accounts: list[str]) -> None:
    """Raise ValueError if the authenticator changes or rejects one of these names, because everyone's scopes contain them."""
    for name in accounts:
        known = authenticator.normalize_username(name)
        if known != name or not authenticator.validate_username(name):
            does = f"changes the name {name} to {known}" if known != name else f"rejects the name {name}"
            raise ValueError(
                f"the hub's authenticator {does} (see its username_map, username_pattern and normalize_username). "
                "Set jupyterhub_rtc_user to a name that it accepts unchanged"
            )


def _refuse(accounts: frozenset[str], theirs: Hook) -> Hook:
    """Return a `post_auth_hook` that runs the configured one, and then refuses a login whose resulting name is one of these."""

    async def post_auth_hook(authenticator: Any, handler: Any, auth_model: Any) -> Any:
        auth_model = await maybe_future(theirs(authenticator, handler, auth_model))
        if auth_model and authenticator.normalize_username(auth_model["name"]) in accounts:
            authenticator.log.warning("Login as %r refused: it is a shared account", auth_model["name"])
            return None
        return auth_model

    return post_auth_hook
