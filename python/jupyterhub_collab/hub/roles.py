# SPDX-License-Identifier: GPL-3.0-or-later
"""Merge roles into `JupyterHub.load_roles`, in whichever form the administrator wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from jupyterhub import version_info
from traitlets.config.loader import LazyConfigValue


def value_of(section: Any, name: str, default: Any) -> Any:
    """Return the value of the container trait `name` of a config section, and leave the section unchanged.

    A container in a configuration is unset, assigned, or a `LazyConfigValue` (after `.append` or `.update`). `default` is the hub's own
    initial value, which has the trait's type.
    """
    value = section.get(name, default)
    # Copy it, because a LazyConfigValue keeps the first value that it computes.
    return deepcopy(value).get_value(default) if isinstance(value, LazyConfigValue) else value


def is_given(section: Any, name: str) -> bool:
    """Return whether a config section sets a trait that is no container.

    Code that only reads an unset trait, as `if c.JupyterHub.hub_connect_url` does, leaves a `LazyConfigValue` there, which is never false.
    """
    return name in section and not isinstance(section[name], LazyConfigValue)


def given(section: Any, name: str) -> Any:
    """Return the value that a config section sets for a trait that is no container; None if it sets none."""
    return section[name] if is_given(section, name) else None


def reify(section: Any, name: str, default: Any) -> Any:
    """Replace the container trait `name` of a config section with a plain value that can be changed in place, and return it.

    It has the type of `default`, because the hub also accepts a tuple where it wants a list.
    """
    # Copy it, because the administrator's code may use the same object for other traits.
    section[name] = value = type(default)(value_of(section, name, default))
    return value


def load_roles(c: Any) -> list[dict[str, Any]]:
    """Return `c.JupyterHub.load_roles` as a list that can be extended in place."""
    roles = c.JupyterHub.load_roles = [dict(role) for role in reify(c.JupyterHub, "load_roles", [])]
    return roles


def role_entry(c: Any, name: str) -> dict[str, Any] | None:
    """Return the entry of `load_roles` with this name. The hub allows at most one."""
    return next((role for role in load_roles(c) if role.get("name") == name), None)


def missing(scopes: Sequence[str], present: Any) -> list[str]:
    """Return the scopes that are not in `present`, in order and without duplicates."""
    return [scope for scope in dict.fromkeys(scopes) if scope not in present]


def grant_everyone(c: Any, scopes: list[str]) -> None:
    """Add these scopes to the hub's default role `user`, which every user holds.

    Two entries with the same name stop the hub, so an entry that states scopes is extended. Otherwise, JupyterHub 6 has
    `extra_user_scopes`, which it ignores next to an entry with scopes. JupyterHub 5 gets an entry that keeps the default, `self`.
    """
    if not scopes:
        return
    entry = role_entry(c, "user")
    if entry is not None and "scopes" in entry:
        entry["scopes"] = [*entry["scopes"], *missing(scopes, entry["scopes"])]
    elif version_info >= (6, 0):
        extra = reify(c.JupyterHub, "extra_user_scopes", set())
        c.JupyterHub.extra_user_scopes = {*extra, *scopes}
    elif entry is not None:
        entry["scopes"] = ["self", *missing(scopes, ["self"])]
    else:
        load_roles(c).append({"name": "user", "scopes": ["self", *missing(scopes, ["self"])]})


def add_members(c: Any, name: str, description: str, scopes: list[str], users: list[str]) -> None:
    """Ensure that a role of ours exists with these scopes, and that these users are members.

    Raises ValueError if a different role has this name, because the members would get its scopes.
    """
    _add(c, {"name": name, "description": description, "scopes": scopes}, "users", users)


def add_groups(c: Any, name: str, description: str, scopes: list[str], groups: Sequence[str]) -> None:
    """Ensure the same as `add_members`, with hub groups as members."""
    _add(c, {"name": name, "description": description, "scopes": scopes}, "groups", groups)


def _add(c: Any, ours: dict[str, Any], kind: str, names: Sequence[str]) -> None:
    name = ours["name"]
    entry = role_entry(c, name)
    if entry is None:
        load_roles(c).append({**ours, kind: [*names]})
    elif entry == {**ours, kind: entry.get(kind)}:
        entry[kind] = [*entry[kind], *missing(names, entry[kind])]
    else:
        raise ValueError(f"load_roles already has a role {name}, a name that this collection uses. Rename it")
