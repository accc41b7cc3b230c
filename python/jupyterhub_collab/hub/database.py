# SPDX-License-Identifier: GPL-3.0-or-later
"""The database of a live hub, as another process beside the hub opens it.

Where it is goes from process to process over standard input, since everyone on the host sees the arguments of a
process and the URL may hold a password.
"""

from __future__ import annotations

import json
import os
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import Session


def describe(url: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return where a database is, as JSON can carry it: `c.JupyterHub.db_url`, and of `db_kwargs` what is plain data.

    What is not (a class of connection pools, say) tunes a hub and is not needed to reach its database.
    """
    return {"url": url, "options": {name: value for name, value in options.items() if _is_plain(value)}}


def session(described: str, *, read_only: bool = False) -> Session:
    """Return a session with the database that a line of JSON describes."""
    database = json.loads(described)
    url = make_url(database["url"])
    return Session(create_engine(_read_only(url) if read_only else url, **database["options"]))


def is_in_memory(described: str) -> bool:
    """Return whether the database is inside the hub's own process, where no other reaches it."""
    url = make_url(json.loads(described)["url"])
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def _read_only(url: URL) -> URL:
    """Return the URL under which an SQLite file is opened for reading only; other URLs as they are."""
    if url.get_backend_name() != "sqlite":
        return url
    path = f"file:{os.path.abspath(str(url.database))}"
    return url.set(database=path).update_query_dict({"mode": "ro", "uri": "true"})
