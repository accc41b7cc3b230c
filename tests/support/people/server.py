# SPDX-License-Identifier: GPL-3.0-or-later
"""A single-user server that someone has come into."""

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
    """A notebook that has a code cell for each of `sources`, as nbformat has it."""
    empty: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**empty, "id": uuid4().hex[:8], "source": source} for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}


class Server:
    """`owner`'s server, seen by `person`: everything goes through the person's own cookies.

    Methods return the JSON of Jupyter's REST API and raise `Refused`, or `NotRunning` if the server has gone;
    `api` alone judges nothing. `page` is JupyterLab's page as it was answered.
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
        """A request to `api/...` or any other path of the server, whatever the answer is."""
        return self.person.fetch(method, self._address(path, query), json)

    def ask(self, method: str, path: str, json: Any = None, **query: str) -> Any:
        """`api`, judged: returns the JSON of the answer or raises `Refused`."""
        return self.person.ask(method, self._address(path, query), json)

    def door(self, path: str, **query: str) -> Door:
        """What it takes to open a websocket of the server as this person."""
        return self.person.door(self._address(path, query))

    def me(self) -> dict[str, Any]:
        """Who the server thinks the person is: `{"identity": {"username": ..., ...}, "permissions": ...}`."""
        return dict(self.ask("GET", "api/me"))

    # Files

    def create_notebook(self, path: str, *sources: str) -> None:
        """Write a notebook that has a code cell for each of `sources`."""
        self.contents.put(path, {"type": "notebook", "format": "json", "content": notebook(*sources)})

    def write_file(self, path: str, text: str = "") -> None:
        """Write a text file, past anyone who has it open."""
        self.contents.put(path, {"type": "file", "format": "text", "content": text})

    def read_file(self, path: str) -> str:
        """The text of a file on disk; for a notebook, its JSON."""
        return str(self.contents.get(path, type="file", format="text")["content"])

    def document(self, path: str, colour: str | None = None) -> Document:
        """Open a file for editing together. It must exist. `colour` (CSS) is that of the person's cursor."""
        return Document.open(self, path, colour)

    def seat(self, path: str, colour: str | None = None) -> Seat:
        """What it takes to join a document: `Document` does it, and benchmarks do it with `Room`."""
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
        """Start a kernel that belongs to no document. Returns its model, with its `id`."""
        return dict(self.ask("POST", "api/kernels", {"name": name}))

    def session(self, path: str, kernel: str | None = None) -> dict[str, Any]:
        """The session of a notebook, with its `kernel`. The first to open the notebook starts it."""
        name = PurePosixPath(path).name
        wish = {"path": path, "name": name, "type": "notebook", "kernel": {"name": kernel}}
        return dict(self.ask("POST", "api/sessions", wish))

    def session_of_open_page(self, path: str, kernel: dict[str, str] | None = None) -> dict[str, Any]:
        """The session that a page begins whose notebook has lost its kernel: under a random path first.

        kernel: of this `name`, or the one that runs and has this `id`.
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
        """What the server tells everyone who is in it, such as `{"schema_id": ..., "message": ...}`, as long as this lasts."""
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
    """The contents API of a server: models as Jupyter defines them, paths relative to its root directory."""

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
        """The names in a directory, sorted."""
        return sorted(entry["name"] for entry in self.get(path)["content"])

    @staticmethod
    def _path(path: str) -> str:
        return "api/contents/" + quote(path)
