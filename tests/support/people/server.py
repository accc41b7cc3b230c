# SPDX-License-Identifier: GPL-3.0-or-later
"""A single-user server that a person has opened."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import httpx

from . import background
from .document import Document
from .page import Page
from .room import Seat
from .sockets import Door, Line
from .terminal import Terminal

if TYPE_CHECKING:
    from .person import Person


def notebook(*sources: str) -> dict[str, Any]:
    """Return a notebook with a code cell for each of `sources`, in nbformat's form."""
    empty: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**empty, "id": uuid4().hex[:8], "source": source} for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}


class Server:
    """`owner`'s server as `person` uses it, with the person's cookies.

    Methods return the JSON of Jupyter's REST API. They raise `Refused`, or `NotRunning` if the server has stopped, except for
    `api`, which returns any response. `page` is JupyterLab's page.
    """

    def __init__(self, person: "Person", owner: str, name: str, url: str, page: Page) -> None:
        self.person = person
        self.owner = owner
        self.name = name
        self.url = url
        self.page = page
        self.contents = Contents(self)

    def __repr__(self) -> str:
        return f"<{self.person} in the server {self.owner}/{self.name}>"

    def api(self, method: str, path: str, json: Any = None, **query: str) -> httpx.Response:
        """Send a request to `api/...` or another path of the server, and return any response, also an error."""
        return self.person.fetch(method, self._address(path, query), json)

    def ask(self, method: str, path: str, json: Any = None, **query: str) -> Any:
        """Call `api`, and return the JSON of the answer. Raise `Refused`, `NotRunning` or `Failed` for errors."""
        return self.person.ask(method, self._address(path, query), json)

    def door(self, path: str, **query: str) -> Door:
        """Return what is needed to open a websocket of the server as this person."""
        return self.person.door(self._address(path, query))

    def me(self) -> dict[str, Any]:
        """Return the server's view of the person: `{"identity": {"username": ..., ...}, "permissions": ...}`."""
        return dict(self.ask("GET", "api/me"))

    # Files

    def create_notebook(self, path: str, *sources: str) -> None:
        """Write a notebook with a code cell for each of `sources`."""
        self.contents.put(path, {"type": "notebook", "format": "json", "content": notebook(*sources)})

    def write_file(self, path: str, text: str = "") -> None:
        """Write a text file through the contents API, not through open documents."""
        self.contents.put(path, {"type": "file", "format": "text", "content": text})

    def read_file(self, path: str) -> str:
        """Return the text of a file on disk; for a notebook, its JSON."""
        return str(self.contents.get(path, type="file", format="text")["content"])

    def document(self, path: str, colour: str | None = None) -> Document:
        """Open an existing file for collaborative editing. `colour` is the CSS color of the person's cursor."""
        return Document.open(self, path, colour)

    def seat(self, path: str, colour: str | None = None) -> Seat:
        """Return what is needed to join a document, for `Document`, or for `Room` in benchmarks."""
        is_notebook = path.endswith(".ipynb")
        form = {"format": "json", "type": "notebook"} if is_notebook else {"format": "text", "type": "file"}
        session = self.ask("PUT", "api/collaboration/session/" + quote(path, safe=""), form)
        user = self.me()["identity"]
        user["color"] = colour or user.get("color") or "var(--jp-collaborator-color1)"
        room = "api/collaboration/room/" + quote("{format}:{type}:{fileId}".format(**session), safe=":")
        return Seat(path, is_notebook, self.door(room, sessionId=session["sessionId"]), user)

    # Kernels

    def kernels(self) -> list[dict[str, Any]]:
        return list(self.ask("GET", "api/kernels"))

    def start_kernel(self, name: str | None = None) -> dict[str, Any]:
        """Start a kernel without a document, and return its model, which has its `id`."""
        return dict(self.ask("POST", "api/kernels", {"name": name}))

    def session(self, path: str, kernel: str | None = None) -> dict[str, Any]:
        """Return the session of a notebook, with its `kernel`. The first call for a notebook starts it."""
        name = PurePosixPath(path).name
        wish = {"path": path, "name": name, "type": "notebook", "kernel": {"name": kernel}}
        return dict(self.ask("POST", "api/sessions", wish))

    def session_of_open_page(self, path: str, kernel: dict[str, str] | None = None) -> dict[str, Any]:
        """Start a session as an open page does whose notebook has lost its kernel: first under a random path, then renamed.

        `kernel` has the `name` of a kernel to start, or the `id` of a running one.
        """
        wish = {
            "path": str(uuid4()),
            "name": PurePosixPath(path).name,
            "type": "notebook",
            "kernel": kernel or {},
        }
        begun = self.ask("POST", "api/sessions", wish)
        return dict(self.ask("PATCH", f"api/sessions/{begun['id']}", {"path": path}))

    # Terminals

    def terminals(self) -> list[dict[str, Any]]:
        return list(self.ask("GET", "api/terminals"))

    def open_terminal(self, name: str | None = None) -> Terminal:
        """Open a new terminal, or join the one with this name."""
        return Terminal.open(self, name or str(self.ask("POST", "api/terminals")["name"]))

    @contextmanager
    def events(self) -> Iterator[list[dict[str, Any]]]:
        """Subscribe to the server's events, and yield the list of events so far, such as `{"schema_id": ..., "message": ...}`."""
        told: list[dict[str, Any]] = []
        line = Line(lambda message: told.append(json.loads(message)), lambda: None)
        background.run(line.open(self.door("api/events/subscribe")))
        try:
            yield told
        finally:
            background.run(line.close())

    def _address(self, path: str, query: dict[str, str]) -> str:
        return self.url + path + (f"?{urlencode(query)}" if query else "")


class Contents:
    """The contents API of a server, with Jupyter's models and paths relative to the server's root directory."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def get(self, path: str = "", **query: str) -> dict[str, Any]:
        return dict(self._server.ask("GET", self._path(path), None, **query))

    def put(self, path: str, model: dict[str, Any]) -> dict[str, Any]:
        return dict(self._server.ask("PUT", self._path(path), model))

    def rename(self, path: str, new_path: str) -> dict[str, Any]:
        return dict(self._server.ask("PATCH", self._path(path), {"path": new_path}))

    def delete(self, path: str) -> None:
        self._server.ask("DELETE", self._path(path))

    def names(self, path: str = "") -> list[str]:
        """Return the names in a directory, sorted."""
        return sorted(entry["name"] for entry in self.get(path)["content"])

    @staticmethod
    def _path(path: str) -> str:
        return "api/contents/" + quote(path)
