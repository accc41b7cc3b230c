# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell which of the collection's modes a hub is in, from the scopes that its users hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from jupyterhub.scopes import scope_definitions

from ..names import ACCESS

# The access matrix's names for the hub, the shared server and another user's server.
HUB, SHARED, OTHERS = "hub", "shared", "alice"
OWN_SHARES = "shares!user"
# How much a scope at level view says about the mode, compared with other scopes, which also depend on other settings.
VIEWS_COUNT = 10


@dataclass(frozen=True)
class Mode:
    """A mode of the access matrix.

    everyone: the scopes of all users. views: those that open servers at level view only. cells: each with server, action, person and may.
    """

    name: str
    everyone: list[str]
    cells: list[dict[str, Any]]
    views: list[str] = field(default_factory=list)

    @property
    def is_for_all(self) -> bool:
        return ACCESS in (*self.everyone, *self.views)

    def may(self, place: str, who: str, action: str) -> bool:
        """Return whether a person can perform an action on a server."""
        wanted = (place, who, action)
        return any(
            cell["may"] for cell in self.cells if (cell["server"], cell["person"], cell["action"]) == wanted
        )

    def rights(self, own: list[str], user: str, accounts: list[str]) -> set[str]:
        """Return the scopes of a user in this mode, as the hub reports them.

        own: scopes that each user has on their own user. accounts: the shared accounts.
        """
        scopes = [f"{scope}!user={user}" for scope in own]
        return whole([*scopes, *_for(self.everyone, user, accounts)])

    def viewed(self, user: str, accounts: list[str]) -> set[str]:
        """Return the scopes of a user that open servers at level view only, as the hub reports them."""
        return set(_for(self.views, user, accounts))


def _for(everyone: list[str], user: str, accounts: list[str]) -> list[str]:
    """Return scopes of everyone as those of one user."""
    scopes = []
    for scope in everyone:
        if scope.endswith("!user"):
            scopes.append(f"{scope}={user}")
        elif f"={SHARED}/" in scope:
            scopes += [scope.replace(f"={SHARED}/", f"={account}/") for account in accounts]
        else:
            scopes.append(scope)
    return scopes


# Scope -> scopes that it includes, in this JupyterHub.
SUBSCOPES: dict[str, list[str]] = {
    name: definition.get("subscopes", []) for name, definition in scope_definitions.items()
}


def whole(scopes: Iterable[str], subscopes: dict[str, list[str]] = SUBSCOPES) -> set[str]:
    """Return scopes with all scopes that they include, as the hub reports them.

    A scope without a filter replaces the same scope with filters.
    """
    found: set[str] = set()
    left = list(scopes)
    while left:
        scope, bang, where = left.pop().partition("!")
        # A scope for one server does not include scopes that are about users.
        if not (where.startswith("server") and scope.startswith("read:user")):
            found.add(scope + bang + where)
        left += [part + bang + where for part in subscopes.get(scope, [])]
    return {scope for scope in found if scope.partition("!")[0] not in found or "!" not in scope}


def shared_accounts(scopes: list[str], people: Iterable[str]) -> list[str]:
    """Return the owners of servers that these scopes open, except `people`."""
    pattern = re.compile(rf"{ACCESS}!(?:user|server)=([^/]+)/?")
    found = {match[1] for scope in scopes if (match := pattern.fullmatch(scope))}
    return sorted(found - set(people))


def nearest(
    modes: list[Mode],
    own: list[str],
    user: str,
    held: set[str],
    accounts: list[str],
    viewed: Collection[str] = (),
) -> Mode:
    """Return the mode whose scopes differ least from those that the user holds. viewed: those that open servers at level view only."""

    def difference(mode: Mode) -> int:
        views = mode.viewed(user, accounts) ^ set(viewed)
        return len(mode.rights(own, user, accounts) ^ held) + VIEWS_COUNT * len(views)

    return min(modes, key=difference)
