# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell which of the collection's modes a hub is in, from the scopes that its users hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jupyterhub.scopes import scope_definitions

# The access matrix's names for the hub, the shared server and another user's server.
HUB, SHARED, OTHERS = "hub", "shared", "alice"
ACCESS = "access:servers"
OWN_SHARES = "shares!user"


@dataclass(frozen=True)
class Mode:
    """A mode of the access matrix: the scopes of all users, and its cells (server, action, person, may)."""

    name: str
    everyone: list[str]
    cells: list[dict[str, Any]]

    @property
    def is_for_all(self) -> bool:
        return ACCESS in self.everyone

    def rights(self, own: list[str], user: str, accounts: list[str]) -> set[str]:
        """Return the scopes of a user in this mode, as the hub reports them.

        own: scopes that each user has on their own user. accounts: the shared accounts.
        """
        scopes = [f"{scope}!user={user}" for scope in own]
        for scope in self.everyone:
            if scope.endswith("!user"):
                scopes.append(f"{scope}={user}")
            elif f"={SHARED}/" in scope:
                scopes += [scope.replace(f"={SHARED}/", f"={account}/") for account in accounts]
            else:
                scopes.append(scope)
        return whole(scopes)


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


def nearest(modes: list[Mode], own: list[str], user: str, held: set[str], accounts: list[str]) -> Mode:
    """Return the mode whose scopes differ least from those that the user holds."""
    return min(modes, key=lambda mode: len(mode.rights(own, user, accounts) ^ held))
