# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that a user has open in the editor."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from . import background
from .room import Presence, Room
from .sockets import Closed

if TYPE_CHECKING:
    from .server import Server

T = TypeVar("T")


class Document:
    """A text file or notebook, open in one person's editor. `Server.document` opens one.

    What the person types appears here immediately, and in other people's documents a little later: use `wait_until` there.
    Positions are in characters, and cells are counted from 0.
    """

    def __init__(self, server: "Server", path: str, room: Room) -> None:
        self.server = server
        self.path = path
        self._room: Room | None = room

    @classmethod
    def open(cls, server: "Server", path: str, colour: str | None = None) -> Self:
        """Open a file. Raise `Refused` if the person has no permission, or if the server cannot open the file."""
        seat = server.seat(path, colour)

        async def sit_down() -> Room:
            room = Room(seat)
            try:
                await room.join()
            except BaseException:
                await room.leave()
                raise
            return room

        document = cls(server, path, background.run(sit_down()))
        server.person.hub.belongings.callback(document.close)
        return document

    def __repr__(self) -> str:
        return f"<{self.path}, opened by {self.server.person}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the tab, after sending what was typed. Closing it again has no effect."""
        room, self._room = self._room, None
        if room is not None:
            background.run(room.leave())

    def disconnect(self) -> None:
        """Lose the network connection. The person can continue to type; others see it after `reconnect`."""
        background.run(self._here.drop())

    def reconnect(self) -> None:
        """Reconnect as an open tab does, and merge what was typed in the meantime.

        The tab keeps its session. If the server does not know the session any more, it refuses or closes the connection,
        which raises `Refused`.
        """
        room = self._here
        url = re.sub("^ws", "http", room.seat.door.url)
        room.seat = replace(room.seat, door=self.server.person.door(url))
        background.run(room.join())

    @property
    def closed_by_server(self) -> Closed | None:
        """How the server closed the connection, or None if it did not."""
        return self._here.closed_by_server

    # Text

    @property
    def text(self) -> str:
        """The text of a text file."""
        return self._do(lambda room: room.text)

    def insert(self, position: int, text: str) -> None:
        """Type into a text file."""
        self._do(lambda room: room.insert(position, text))

    def append(self, text: str) -> None:
        """Type at the end of a text file."""
        self._do(lambda room: room.insert(len(room.text), text))

    def delete(self, position: int, length: int) -> None:
        """Delete from a text file."""
        self._do(lambda room: room.delete(position, length))

    # Cells

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The cells of a notebook, in nbformat's form."""
        return self._do(lambda room: room.cells)

    @property
    def sources(self) -> list[str]:
        """The sources of the cells of a notebook."""
        return [str(cell["source"]) for cell in self.cells]

    def append_cell(self, source: str, kind: str = "code") -> int:
        """Append a 'code', 'markdown' or 'raw' cell, and return its index."""
        return self._do(lambda room: room.append_cell(source, kind))

    def edit_cell(self, index: int, position: int, text: str) -> None:
        """Type into a cell."""
        self._do(lambda room: room.insert(position, text, cell=index))

    def delete_cell(self, index: int) -> None:
        self._do(lambda room: room.delete_cell(index))

    def run_cell(self, index: int, timeout: float = 60) -> list[dict[str, Any]]:
        """Run a cell in the notebook's kernel, which is started if necessary, and return its outputs.

        Outputs are in nbformat's form; an error in the code is an output, too. Raise `Refused`, TimeoutError after `timeout`
        seconds, ConnectionError if the kernel dies, or RuntimeError if it skips the cell because an earlier cell failed.
        """
        room, kernel = self._here, self.server.session(self.path)["kernel"]
        door = self.server.door(f"api/kernels/{kernel['id']}/channels")
        return background.run(asyncio.wait_for(room.run_cell(index, door), timeout))

    def printed(self, index: int) -> str:
        """Return a cell's output as text: what it printed, its result, its errors."""
        return "".join(_as_text(output) for output in self.cells[index].get("outputs", []))

    # The others

    @property
    def awareness(self) -> list[Presence]:
        """Everyone who has the document open, this person included: name, color and cursor.

        People who opened it earlier appear when they move their cursor, or after at most 15 s.
        """
        return self._do(lambda room: room.presences)

    def point_at(self, position: int) -> None:
        """Move this person's cursor in a text file, which others see. ASCII text only."""
        self._do(lambda room: room.point_at(position))

    # Waiting and saving

    def wait_until(self, condition: Callable[[Self], object], timeout: float = 30) -> Self:
        """Wait until `condition(document)` is true. Raise TimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self._here.changes
            if condition(self):
                return self
            try:
                background.run(self._here.changed_since(seen, deadline - time.monotonic()))
            except TimeoutError:
                shown = self.cells if self._here.seat.is_notebook else self.text
                ended = f" (closed by the server: {self.closed_by_server})" if self.closed_by_server else ""
                raise TimeoutError(
                    f"after {timeout} s, the text of {self} is still {shown!r}{ended}"
                ) from None

    def save(self) -> str:
        """Press Ctrl+S. Return 'success', 'skipped' (the server was already saving) or 'failed'."""
        return background.run(self._here.save())

    @property
    def _here(self) -> Room:
        if self._room is None:
            raise RuntimeError(f"{self.path} was closed")
        return self._room

    def _do(self, what: Callable[[Room], T]) -> T:
        return background.call(what, self._here)


def _as_text(output: dict[str, Any]) -> str:
    match output["output_type"]:
        case "stream":
            text = output["text"]
        case "error":
            text = f"{output['ename']}: {output['evalue']}\n"
        case _:
            text = output["data"].get("text/plain", "")
    return text if isinstance(text, str) else "".join(text)
