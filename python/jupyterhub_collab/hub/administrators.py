# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell who may see and end everything that is shared on the hub."""

from __future__ import annotations

from jupyterhub import orm, scopes

# JupyterHub's role `admin` has all of these. With one of them for some users or servers only, nobody sees any others.
NEEDED = ("admin-ui", "read:users", "shares")


def is_administrator(user: orm.User) -> bool:
    """Return whether the current roles of a user give them these scopes for all users and servers."""
    held = scopes.parse_scopes(scopes.get_scopes_for(user))
    return all(held.get(scope) == scopes.Scope.ALL for scope in NEEDED)
