# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the hub's version, how it starts servers, which servers run, and which users and groups it knows.

    python -c SOURCE QUESTION

The hub's own interpreter runs this. QUESTION is a JSON object with `path` (the configuration file), `arguments` (of the hub's command)
and `people` (whether to include the names of users and groups). The answer is JSON. This needs only packages that every hub has, reads
the configuration with `traitlets`, and starts nothing.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import copy
import datetime
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import os
import re
import shlex
import sys
import types
from pathlib import Path
from typing import Any

DATABASE, SQLITE = "jupyterhub.sqlite", "sqlite:///"  # the hub's default, and how URLs of such files begin
# What spawner settings are if the configuration only adds to them.
DEFAULTS: dict[str, Any] = {
    "cmd": ["jupyterhub-singleuser"],
    "environment": {},
    "extra_paths": [],
    "profiles": [],
}
OURS = "jupyterhub_collab"  # the package that the fragments import


def version(name: str) -> str:
    try:
        return importlib.metadata.version(name) or ""  # None if its installation was interrupted
    except importlib.metadata.PackageNotFoundError:
        return ""


def pass_over_ours() -> None:
    """Replace our package with one that does nothing.

    Our fragments change nothing that is reported here, but would load all of the hub's code.
    """

    class Nothing(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return lambda *arguments, **options: None

    class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        """Finds every module of the package, because releases of this collection differ in which ones their fragments import."""

        def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
            is_ours = fullname.partition(".")[0] == OURS
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True) if is_ours else None

        def create_module(self, spec: Any) -> types.ModuleType:
            return Nothing(spec.name)

        def exec_module(self, module: types.ModuleType) -> None:
            """Do nothing."""

    sys.meta_path.insert(0, Finder())


def lend_the_hubs() -> None:
    """Let `import jupyterhub` suffice for its modules, because the hub has imported them before it loads its configuration.

    They are imported when the configuration uses them, because all of them take a second.
    """

    def module(name: str) -> Any:
        try:
            return importlib.import_module(f"jupyterhub.{name}")
        except ModuleNotFoundError as error:
            raise AttributeError(f"module 'jupyterhub' has no attribute '{name}'") from error

    with contextlib.suppress(ImportError):
        importlib.import_module("jupyterhub").__getattr__ = module  # type: ignore[method-assign]


def load(path: str, arguments: list[str]) -> Any:
    """Return the configuration of a hub: from a Python file, then a JSON file of the same name, then the arguments of its command."""
    # Imported here, so that an interpreter without traitlets is reported like a configuration that fails to load.
    from traitlets.config.loader import (  # noqa: PLC0415
        Config,
        ConfigFileNotFound,
        JSONFileConfigLoader,
        PyFileConfigLoader,
    )

    config = Config()
    base, _extension = os.path.splitext(os.path.abspath(path))
    for loader in (PyFileConfigLoader(base + ".py"), JSONFileConfigLoader(base + ".json")):
        with contextlib.suppress(ConfigFileNotFound):
            config.merge(loader.load_config())
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        # The value follows an equals sign, or is the next word.
        if found := re.fullmatch(r"--(?:db|([A-Z]\w*)\.(\w+))(?:=(.*))?", argument, re.S):
            section, name, text = found.groups()
            config[section or "JupyterHub"][name or "db_url"] = value_of(
                "".join(rest[:1]) if text is None else text
            )
    return config


def value_of(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def assigned(value: Any, default: Any = None) -> Any:
    """Return a setting's value, or `default` with the changes that the configuration makes to it (`.append`, `.update`).

    A configuration that only reads an unset setting changes nothing.
    """
    return copy.deepcopy(value).get_value(default) if hasattr(value, "get_value") else value


def spawner_classes(config: Any) -> list[str]:
    """Return the names of the hub's spawner class and its base classes, base classes first.

    A class that is only named is not imported, so of its base classes only `Spawner` is known.
    """
    chosen = assigned(config.JupyterHub.get("spawner_class")) or "LocalProcessSpawner"
    if isinstance(chosen, type):
        return [each.__name__ for each in reversed(chosen.__mro__)]
    points = importlib.metadata.entry_points()
    group = "jupyterhub.spawners"
    # Before Python 3.10, they are a dictionary.
    named = points.select(group=group) if hasattr(points, "select") else points.get(group, ())
    classes = {point.name: point.value for point in named}
    return ["Spawner", re.split("[.:]", classes.get(str(chosen).lower(), str(chosen)))[-1]]


def of_spawners(config: Any, name: str) -> list[Any]:
    """Return the values of a spawner setting, from the sections of all spawner classes in the configuration.

    If the hub's own spawner class, or a known base class of it, sets a value, the last one is the value that the hub uses.
    """
    classes = spawner_classes(config)
    titles = [title for title in config if title.endswith("Spawner") or title in classes]
    titles.sort(key=lambda title: classes.index(title) if title in classes else -1)
    sections = [config[title] for title in titles]
    found = [
        assigned(section.get(name), DEFAULTS.get(name)) for section in sections if hasattr(section, "get")
    ]
    return [value for value in found if value]


def words(command: Any) -> list[str]:
    """Return the words of a command, or none if it is not a command.

    It may be a string, because some spawners pass a line to a shell.
    """
    if isinstance(command, str):
        with contextlib.suppress(ValueError):  # unbalanced quotation marks
            return shlex.split(command)
    return [str(word) for word in command] if isinstance(command, (list, tuple)) else []


def commands(config: Any) -> list[list[str]]:
    """Return the commands that start servers. The hub's own is the last, if its spawner class or a known base class sets one."""
    return [found for command in of_spawners(config, "cmd") if (found := words(command))]


def profiles(config: Any) -> list[list[str]]:
    """Return the commands of the profiles that users can choose (`wrapspawner`)."""
    kinds = (list, tuple)
    found = [
        entry for value in of_spawners(config, "profiles") if isinstance(value, kinds) for entry in value
    ]
    settings = [
        part for entry in found if isinstance(entry, kinds) for part in entry if isinstance(part, dict)
    ]
    return [command for each in settings if (command := words(each.get("cmd")))]


def paths(config: Any) -> list[str]:
    """Return the directories that SystemdSpawner puts first in the search path for programs."""
    found = of_spawners(config, "extra_paths")
    return [str(path) for value in found if isinstance(value, list) for path in value]


def search_path(config: Any) -> str:
    """Return the PATH that the configuration gives to servers, in which their command is looked up; empty if it leaves them the hub's."""
    classes = spawner_classes(config)
    found = ""
    for title in sorted({*classes} & {*config}, key=classes.index):
        value = config[title].get("environment")
        if isinstance(value, dict):
            found = ""  # it replaces that of a base class, and does not add to it
        told = assigned(value, {})
        path = told.get("PATH") if isinstance(told, dict) else None
        found = path if isinstance(path, str) else found
    return found


def account_names(config: Any) -> str:
    """Return SystemdSpawner's template for the names of users' accounts, in which `{USERNAME}` stands for the name of the user."""
    found = [value for value in of_spawners(config, "username_template") if isinstance(value, str)]
    return found[-1] if found else ""


def connect(config: Any) -> Any:
    """Return a connection to the hub's database.

    If there is none, or only the hub's process can read it, any exception of sqlite3, sqlalchemy or its driver is raised.
    """
    told = assigned(config.JupyterHub.get("db_url")) or DATABASE
    # JupyterHub also takes the path of a file. Importing sqlalchemy takes longer than all the rest, and most hubs use SQLite.
    if "://" not in told or (told.startswith(SQLITE) and "?" not in told):
        import sqlite3  # noqa: PLC0415 - an interpreter may have been built without it

        return sqlite3.connect(
            f"{Path(os.path.abspath(told.removeprefix(SQLITE))).as_uri()}?mode=ro", uri=True
        )
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.engine import make_url  # noqa: PLC0415

    url = make_url(told)
    options = {}
    if url.get_backend_name() == "sqlite":
        path = f"file:{os.path.abspath(url.database or '')}"
        url = url.set(database=path).update_query_dict({"mode": "ro", "uri": "true"})
    elif isinstance(config.JupyterHub.get("db_kwargs"), dict):
        options = config.JupyterHub["db_kwargs"]
    return create_engine(url, **options).connect()


def isolation(connection: Any) -> str:
    """Return the isolation level of the hub's transactions, or an empty string if each query sees what others have committed before it.

    The hub leaves a transaction open until it writes something, which may take minutes. By default, MySQL shows it an old state until then.
    """
    dialect = getattr(connection, "dialect", None)  # sqlite3 has none
    level = str(connection.get_isolation_level()) if dialect and dialect.name != "sqlite" else ""
    return "" if level.upper() in ("READ COMMITTED", "READ UNCOMMITTED", "AUTOCOMMIT") else level


def rows(connection: Any, query: str, *tables: str) -> Any:
    """Return the rows of a query, in which each `{}` stands for a table. The names of some tables are words of some databases."""
    dialect = getattr(connection, "dialect", None)
    if dialect is None:
        return connection.execute(query.format(*tables))
    return connection.exec_driver_sql(query.format(*map(dialect.identifier_preparer.quote, tables)))


def running(connection: Any) -> list[dict[str, Any]]:
    """Return the running servers in the hub's database, each with its owner, name, and start time in seconds since the epoch."""
    query = (
        "SELECT u.name, s.name, s.started FROM {} s JOIN {} u ON s.user_id = u.id "
        "WHERE s.server_id IS NOT NULL AND s.started IS NOT NULL"
    )
    return [
        {
            "owner": user,
            "name": f"{user}/{name}" if name else user,
            # This also runs with interpreters that are too old for us, which have no datetime.UTC.
            "started": moment(started).replace(tzinfo=datetime.timezone.utc).timestamp(),  # noqa: UP017
        }
        for user, name, started in rows(connection, query, "spawners", "users")
    ]


def moment(value: Any) -> datetime.datetime:
    """Return a moment in a database. SQLite has texts."""
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value


def people(connection: Any) -> dict[str, list[str]]:
    """Return the names of the hub's users and groups."""
    return {
        kind: sorted(name for (name,) in rows(connection, "SELECT name FROM {}", kind))
        for kind in ("users", "groups")
    }


def main(path: str, arguments: list[str], people_too: bool) -> dict[str, Any]:
    result: dict[str, Any] = {
        "version": version("jupyterhub"),
        "python_version": ".".join(map(str, sys.version_info[:3])),
        "prefix": sys.prefix,
        "error": "",
        "commands": [],
        "profiles": [],
        "paths": [],
        "search_path": "",
        "spawners": [],
        "account_names": "",
        "running": None,
        "isolation": "",
        "people": None,
    }
    pass_over_ours()
    lend_the_hubs()
    try:
        config = load(path, arguments)
        result["commands"] = commands(config)
        result["profiles"] = profiles(config)
        result["paths"] = paths(config)
        result["search_path"] = search_path(config)
        result["spawners"] = spawner_classes(config)
        result["account_names"] = account_names(config)
        with contextlib.suppress(Exception), contextlib.closing(connect(config)) as connection:
            result["isolation"] = isolation(connection)
            result["running"] = running(connection)
            result["people"] = people(connection) if people_too else None
    # The configuration is the administrator's code, and can raise anything, or end the process. Report it.
    except (Exception, SystemExit) as error:
        result["error"] = f"{type(error).__name__}: {error}".removesuffix(": ")
    return result


async def as_the_hub(question: dict[str, Any]) -> dict[str, Any]:
    """Load the configuration inside a running event loop, because the hub does, and code in it may create tasks.

    It also finds the hub's arguments in `sys.argv`.
    """
    program = os.path.join(os.path.dirname(sys.executable), "jupyterhub")
    sys.argv[:] = [program, *question["arguments"], f"--config={question['path']}"]
    return main(question["path"], question["arguments"], question["people"])


if __name__ == "__main__":
    # A look writes nothing, not even the bytecode of modules next to the configuration.
    sys.dont_write_bytecode = True
    # Redirect what the configuration prints, itself or through other programs, to stderr. Only the answer goes to stdout.
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        told = asyncio.new_event_loop().run_until_complete(as_the_hub(json.loads(sys.argv[1])))
        answer.write(json.dumps(told) + "\n")
    os._exit(0)  # code in the configuration may have started threads and tasks
