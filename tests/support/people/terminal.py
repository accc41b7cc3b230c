# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal in a server."""

import json
import time
from typing import TYPE_CHECKING, Self

from . import background
from .sockets import Closed, Line

if TYPE_CHECKING:
    from .server import Server

POLL = 0.05  # seconds


class Terminal:
    """An open terminal, in which users can do whatever the server's account can do."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._screen = ""
        self._line = Line(self._receive, lambda: None)

    @classmethod
    def open(cls, server: "Server", name: str) -> Self:
        """Open a terminal. Raise `Refused`."""
        terminal = cls(name)
        background.run(terminal._line.open(server.door(f"terminals/websocket/{name}")))
        server.person.hub.belongings.callback(terminal.close)
        return terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def type(self, command: str) -> None:
        """Type a line and press Enter."""
        background.call(self._line.send, json.dumps(["stdin", command + "\r"]))

    @property
    def screen(self) -> str:
        """All output so far, including control characters."""
        return self._screen

    def wait_for(self, words: str, timeout: float = 30) -> None:
        """Wait until `words` are on the screen. Raise TimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while words not in self.screen:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"after {timeout} s, the terminal does not show {words!r}. It shows {self.screen!r}"
                )
            time.sleep(POLL)

    @property
    def closed_by_server(self) -> Closed | None:
        """How the server closed the connection, or None if it did not."""
        return self._line.closed_by_server

    def close(self) -> None:
        """Close the window. The terminal itself continues to run."""
        background.run(self._line.close())

    def _receive(self, message: str | bytes) -> None:
        kind, *rest = json.loads(message)
        if kind == "stdout":
            self._screen += rest[0]
