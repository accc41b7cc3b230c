# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore a shared account as soon as it is deleted from the hub.

Idle cullers with `--cull-users` delete every user without a running server, and the hub itself creates the account only when it starts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from functools import wraps
from typing import Any

from jupyterhub import orm, roles
from jupyterhub.app import JupyterHub
from jupyterhub.metrics import TOTAL_USERS
from jupyterhub.user import UserDict

from ..releases import patches_hub

kept: set[str] = set()


@patches_hub(
    "jupyterhub.user:UserDict.delete(self, key)",
    "jupyterhub.roles:assign_default_roles(db, entity)",
    "jupyterhub.roles:grant_role",
)
def keep_known(accounts: Iterable[str]) -> None:
    """Create these hub users again whenever they are deleted, with the roles that the configuration gives them."""
    kept.update(accounts)
    if not getattr(UserDict.delete, "makes_again", False):
        UserDict.delete = _and_make_again(UserDict.delete)
        UserDict.delete.makes_again = True


def _and_make_again(delete: Any) -> Any:
    @wraps(delete)
    def delete_and_make_again(users: Any, key: Any) -> None:
        name = users[key].name
        delete(users, key)
        if name in kept:
            # Let the request that deleted the user finish first.
            with contextlib.suppress(RuntimeError):  # without a running loop, this is not a running hub
                asyncio.get_running_loop().call_soon(make_again, JupyterHub.instance(), name)

    return delete_and_make_again


def make_again(hub: Any, name: str) -> None:
    """Create a hub user with the default role and the configured roles that name the user."""
    if name not in kept or orm.User.find(hub.db, name):
        return
    user = orm.User(name=name)
    hub.db.add(user)
    hub.db.commit()
    TOTAL_USERS.inc()
    roles.assign_default_roles(hub.db, entity=user)
    for role in hub.load_roles:
        if name in map(hub.authenticator.normalize_username, role.get("users", [])):
            roles.grant_role(hub.db, entity=user, rolename=role["name"])
    hub.log.info("Recreated shared account %s after it was deleted", name)
