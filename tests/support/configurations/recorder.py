# SPDX-License-Identifier: GPL-3.0-or-later
"""Print a hub's configuration and the content of its database as JSON.

    python recorder.py CONFIGURATION DATABASE

Runs with the hub's interpreter.
"""

import inspect
import json
import re
import sqlite3
import sys
from typing import Any

from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue, PyFileConfigLoader

# Defaults of these settings, so that it makes no difference whether a configuration assigns or appends to them.
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
    """Convert a setting to JSON types. Values of other types are tagged with the name of their type."""
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
        case _ if hasattr(value, "theirs"):  # our wrapper around the administrator's list
            return describe(value.theirs)
        case _ if callable(value):
            return {"code": names(value)}
    # An object is elsewhere in memory each time.
    return {f"a {type(value).__qualname__}": re.sub(" at 0x[0-9a-f]+", "", repr(value))}


def names(code: Any) -> list[str]:
    """Return the qualified names of a function or class and of the functions that it wraps, outermost first."""
    found = []
    while code is not None:
        # A partial function or an object has no name, but its class has.
        found.append(f"{code.__module__}.{getattr(code, '__qualname__', type(code).__qualname__)}")
        code = getattr(code, "__wrapped__", None) if inspect.isroutine(code) else None
    return found


def settings(path: str) -> Any:
    """Load a configuration as the hub does, and return values by section and setting."""
    config = PyFileConfigLoader(path).load_config()
    for name, default in DEFAULTS.items():
        if isinstance(value := config.JupyterHub.get(name), LazyConfigValue):
            config.JupyterHub[name] = value.get_value(default)
        elif isinstance(value, tuple):  # the hub makes a list of it
            config.JupyterHub[name] = list(value)
    # Sections that were only read exist, too, but are empty.
    return describe(Config({name: section for name, section in config.items() if section}))


def held(database: sqlite3.Connection) -> dict[str, list[Any]]:
    """Read a hub's database: lists of rows by subject."""
    return {about: sorted(database.execute(query).fetchall(), key=repr) for about, query in HELD.items()}


if __name__ == "__main__":
    kept = sqlite3.connect(f"file:{sys.argv[2]}?mode=ro", uri=True)
    print(json.dumps({"settings": settings(sys.argv[1]), "held": held(kept)}))
