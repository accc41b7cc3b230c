# SPDX-License-Identifier: GPL-3.0-or-later
"""Open the database of a live hub from another process.

Processes pass the database's URL on over standard input, because it may contain a password, and everyone on the host can read the
arguments of a process.
"""

from __future__ import annotations

import json
import os
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import Session


def describe(url: str, options: dict[str, Any]) -> dict[str, Any]:
    """Describe a database as data for JSON: `c.JupyterHub.db_url`, and the options of `db_kwargs` that JSON can represent.

    Other options, such as a class of connection pools, tune a hub, and are not needed to reach its database. The path of an SQLite file
    becomes absolute, because the configuration may have changed the working directory.
    """
    return {
        "url": _absolute(url),
        "options": {name: value for name, value in options.items() if _is_plain(value)},
    }


def session(described: str, *, read_only: bool = False) -> Session:
    """Return a session of the database that a line of JSON describes (see `describe`)."""
    database = json.loads(described)
    url = make_url(database["url"])
    return Session(create_engine(_read_only(url) if read_only else url, **database["options"]))


def is_in_memory(described: str) -> bool:
    """Return whether the database is in the memory of the hub's process, where no other process can read it."""
    url = make_url(json.loads(described)["url"])
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def _absolute(url: str) -> str:
    told = make_url(url)
    path = told.database or ""
    if told.get_backend_name() != "sqlite" or path in ("", ":memory:") or path.startswith("file:"):
        return url
    return told.set(database=os.path.abspath(path)).render_as_string(hide_password=False)


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def _read_only(url: URL) -> URL:
    """Return the URL that opens an SQLite file read-only. Other URLs stay as they are."""
    if url.get_backend_name() != "sqlite":
        return url
    path = f"file:{os.path.abspath(str(url.database))}"
    return url.set(database=path).update_query_dict({"mode": "ro", "uri": "true"})
