# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints as JSON what a hub is told by its configuration, and what it holds in its database.

    python recorder.py CONFIGURATION DATABASE

Runs with the hub's interpreter.
"""

import inspect
import json
import sqlite3
import sys
from typing import Any

from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue, PyFileConfigLoader

# What these start from, as it does not matter whether they were assigned, or appended to.
DEFAULTS: dict[str, Any] = {
    "load_roles": [],
    "extra_user_scopes": set(),
    "services": [],
    "template_paths": [],
    "template_vars": {},
}
HELD = {
    "users": "SELECT name, admin FROM users",
    "groups": "SELECT g.name, u.name FROM groups g LEFT JOIN user_group_map m ON m.group_id = g.id LEFT JOIN users u ON u.id = m.user_id",
    "services": "SELECT name, admin, url FROM services",
    "roles": "SELECT name, description, scopes FROM roles",
    "users of roles": "SELECT r.name, u.name FROM roles r JOIN user_role_map m ON m.role_id = r.id JOIN users u ON u.id = m.user_id",
    "groups of roles": "SELECT r.name, g.name FROM roles r JOIN group_role_map m ON m.role_id = r.id JOIN groups g ON g.id = m.group_id",
    "services of roles": "SELECT r.name, s.name FROM roles r JOIN service_role_map m ON m.role_id = r.id JOIN services s ON s.id = m.service_id",
}


def describe(value: Any) -> Any:
    """Return a setting as JSON has it; what JSON has no form for bears the name of its type."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [describe(entry) for entry in value]
        case set() | frozenset():
            return {"a set": sorted(map(describe, value), key=repr)}
        case tuple():
            return {"a tuple": [describe(entry) for entry in value]}
        case LazyConfigValue():
            return {"a change": describe(value.to_dict())}
        case dict():
            return {str(name): describe(entry) for name, entry in sorted(value.items())}
        case _ if hasattr(value, "theirs"):  # ours, around a list of theirs
            return describe(value.theirs)
        case _ if callable(value):
            return {"code": names(value)}
    return {f"a {type(value).__qualname__}": repr(value)}


def names(code: Any) -> list[str]:
    """Return the qualified name of a function or class, then of the function that it wraps, and so on."""
    found = []
    while code is not None:
        found.append(f"{code.__module__}.{code.__qualname__}")
        code = getattr(code, "__wrapped__", None) if inspect.isroutine(code) else None
    return found


def settings(path: str) -> Any:
    """Load a configuration as the hub does: section, then setting, then value."""
    config = PyFileConfigLoader(path).load_config()
    for name, default in DEFAULTS.items():
        if isinstance(value := config.JupyterHub.get(name), LazyConfigValue):
            config.JupyterHub[name] = value.get_value(default)
    # A section that was only looked into is there as well, and empty.
    return describe(Config({name: section for name, section in config.items() if section}))


def held(database: sqlite3.Connection) -> dict[str, list[Any]]:
    """Read what a hub keeps: a list of rows by what they are about."""
    return {about: sorted(database.execute(query).fetchall(), key=repr) for about, query in HELD.items()}


if __name__ == "__main__":
    kept = sqlite3.connect(f"file:{sys.argv[2]}?mode=ro", uri=True)
    print(json.dumps({"settings": settings(sys.argv[1]), "held": held(kept)}))
