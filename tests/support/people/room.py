# SPDX-License-Identifier: GPL-3.0-or-later
"""One person's live copy of a shared document: the asyncio core of `Document`.

It implements the protocol of jupyter-collaboration's frontend: y-sync, awareness, and the save message. Use everything
here on a single event loop, and so in one thread. A benchmark with many people creates one `Room` per person on its own
loop::

    room = Room(server.seat("notes.txt"))
    await room.join()
    room.insert(0, "hello")
    await room.wait_until(lambda room: "world" in room.text)
    await room.leave()
"""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from jupyter_ydoc import YNotebook, YUnicode
from pycrdt import (
    Awareness,
    Decoder,
    Doc,
    Encoder,
    Subscription,
    Text,
    TransactionEvent,
    YMessageType,
    YSyncMessageType,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
    read_message,
)

from . import kernel
from .errors import Failed
from .sockets import Closed, Door, Line

PATIENCE = 30  # seconds for anything, because the machine may be busy
END_OF_TEXT = {"type": None, "tname": "source", "item": None, "assoc": 0}  # pycrdt panics if asked for it
RAW = 2  # jupyter-collaboration's own message type, in addition to sync and awareness


@dataclass(frozen=True)
class Seat:
    """What is needed to join a document: its path and type, the websocket of its room, and the user."""

    path: str
    is_notebook: bool
    door: Door
    user: dict[str, Any]


class Presence(NamedTuple):
    """A person who has the document open, as others see them.

    `cursor` is the position of their cursor as a Yjs relative position, which moves with the text, or None.
    """

    username: str
    name: str
    colour: str
    cursor: dict[str, Any] | None


class Room:
    """A document that is kept in sync with everyone who joined it. `changes` counts edits, cursor moves and disconnections."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.changes = 0
        self._doc: Doc[Any] = Doc()
        self._awareness = Awareness(self._doc)
        self._notebook = YNotebook(self._doc) if seat.is_notebook else None
        self._file = None if seat.is_notebook else YUnicode(self._doc)
        self._line = Line(self._receive, self._ended)
        self._receiving = False
        self._changed = asyncio.Event()
        self._synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._saves: dict[int, asyncio.Future[str]] = {}
        self._save_ids = itertools.count()
        self._renewal: asyncio.Task[None] | None = None
        self._subscriptions: tuple[Subscription, str] = (
            self._doc.observe(self._on_edit),
            self._awareness.observe(self._on_awareness),
        )
        self._awareness.set_local_state({"user": seat.user, "autosave": True})
        self._lags = False

    # Coming and going

    async def join(self) -> None:
        """Connect or reconnect, and wait until the server has sent its state of the document.

        Edits made while disconnected are merged, as JupyterLab does. Raise `Refused`, or TimeoutError after `PATIENCE`
        seconds.
        """
        await self.drop()
        self._lags = False
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._awareness.start())
        self._synced = asyncio.get_running_loop().create_future()
        await self._line.open(self.seat.door)
        self._line.send(create_sync_message(self._doc))
        self._line.send(self._awareness_message([self._awareness.client_id]))
        await asyncio.wait_for(self._synced, PATIENCE)

    def save_by_hand_only(self, by_hand: bool = True) -> None:
        """Turn off saving in the background, as in JupyterLab's settings, or turn it on again."""
        self._awareness.set_local_state_field("autosave", not by_hand)

    def lag(self) -> None:
        """Ignore incoming messages until `join`, as over a slow connection. Edits are still sent."""
        self._lags = True

    async def drop(self) -> None:
        """Disconnect without announcing it. Edits stay here until `join` merges them."""
        await self._line.close()

    async def vanish(self) -> None:
        """Disappear at once, as the tab of a killed browser does. What was not sent is lost."""
        await self._line.abort()
        await self._free()

    async def leave(self) -> None:
        """Announce the departure, disconnect, and free the document. The room cannot be used afterwards."""
        self._awareness.set_local_state(None)
        try:
            await self._line.close()
        finally:
            await self._free()

    async def _free(self) -> None:
        self._shared.unobserve()
        subscription, observer = self._subscriptions
        self._doc.unobserve(subscription)
        self._awareness.unobserve(observer)
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        del self._notebook, self._file, self._awareness, self._doc, self._subscriptions, subscription

    @property
    def closed_by_server(self) -> Closed | None:
        """How the server closed the connection, or None if it did not."""
        return self._line.closed_by_server

    @property
    def is_joined(self) -> bool:
        """Whether there is a connection and the server has sent its state of the document over it."""
        synced = self._synced
        return self._line.is_open and synced.done() and not synced.cancelled() and not synced.exception()

    # Waiting

    async def changed_since(self, seen: int, timeout: float) -> None:
        """Wait until `changes` is greater than `seen`: an edit, a cursor move, or the end of the connection.

        Raise TimeoutError after `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            while self.changes == seen:
                await self._changed.wait()

    async def wait_until(self, condition: Callable[[Self], bool], timeout: float = PATIENCE) -> None:
        """Wait until the condition is true. Raise TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while not condition(self):
                await self.changed_since(self.changes, timeout)

    def watch(self, shown: Callable[[str], None]) -> None:
        """Call `shown` with every piece of text that others insert into the document, once and as soon as it arrives."""

        def on_change(_what: str, events: Any) -> None:
            if self._receiving:
                for event in events if isinstance(events, list) else [events]:
                    for text in _inserted(event):
                        shown(text)

        self._shared.observe(on_change)

    # A text

    @property
    def text(self) -> str:
        return self.read()

    def read(self, cell: int | None = None) -> str:
        """Return the text of the file, or of one cell of a notebook."""
        return str(self._source(cell))

    def insert(self, position: int, text: str, cell: int | None = None) -> None:
        """Insert text at a position in characters, in the file or in one cell of a notebook."""
        source = self._source(cell)
        source.insert(_bytes(source, position), text)

    def delete(self, position: int, length: int, cell: int | None = None) -> None:
        """Delete `length` characters from the file or from one cell of a notebook."""
        source = self._source(cell)
        del source[_bytes(source, position) : _bytes(source, position + length)]

    # A notebook

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The cells in nbformat's form."""
        notebook = self._require_notebook()
        return [notebook.get_cell(index) for index in range(notebook.cell_number)]

    @property
    def cell_count(self) -> int:
        return int(self._require_notebook().cell_number)

    def append_cell(self, source: str, kind: str = "code") -> int:
        """Add a cell at the end and return its index."""
        cell: dict[str, Any] = {"cell_type": kind, "source": source, "metadata": {"trusted": True}}
        if kind == "code":
            cell |= {"outputs": [], "execution_count": None}
        notebook = self._require_notebook()
        notebook.append_cell(cell)
        return notebook.cell_number - 1

    def delete_cell(self, index: int) -> None:
        del self._require_notebook().ycells[index]

    def move_cell(self, index: int, place: int) -> None:
        """Move a cell as JupyterLab does: remove it, and create it again elsewhere."""
        self._make_anew(index, place, {})

    def change_cell(self, index: int, kind: str) -> None:
        """Change the type of a cell as JupyterLab does: remove it, and create it again."""
        self._make_anew(index, index, {"cell_type": kind})

    def _make_anew(self, index: int, place: int, more: dict[str, Any]) -> None:
        notebook = self._require_notebook()
        cell = {**notebook.get_cell(index), **more}
        with self._doc.transaction():
            del notebook.ycells[index]
            notebook.ycells.insert(place, notebook.create_ycell(cell))

    def clear_outputs(self, index: int) -> None:
        """Clear the outputs of a cell."""
        self._require_notebook().ycells[index]["outputs"].clear()

    def begin_run(self, index: int) -> None:
        """Change what JupyterLab's page changes in a cell when it runs it."""
        cell = self._require_notebook().ycells[index]
        with self._doc.transaction():
            cell["outputs"].clear()
            cell["execution_count"] = None
            cell["execution_state"] = "running"

    async def run_cell(self, index: int, door: Door) -> list[dict[str, Any]]:
        """Run a cell through the kernel channels at `door`, write the outputs into the document, and return them.

        Outputs are in nbformat's form; an error in the code is an output, too.
        """
        notebook = self._require_notebook()
        ycell = notebook.ycells[index]
        await kernel.run_cell(self._doc, ycell, door)
        ids = [each["id"] for each in notebook.ycells]  # the cell may have moved
        return list(notebook.get_cell(ids.index(ycell["id"]))["outputs"])

    # Awareness

    @property
    def presences(self) -> list[Presence]:
        """Everyone who has the document open, this person included, sorted by username.

        People who joined earlier appear when they move their cursor, or after at most 15 s: the server does not send
        existing presences to newcomers.
        """
        states = [state for state in self._awareness.states.values() if "user" in state]
        return sorted((_presence(state) for state in states), key=lambda presence: presence.username)

    def point_at(self, position: int) -> None:
        """Move this person's cursor to a position in a text file, in characters. ASCII text only."""
        source = self._source()
        if not str(source).isascii():
            raise ValueError("pycrdt 0.14 misplaces cursors in texts that are not ASCII")
        place = source.sticky_index(position).to_json() if position < len(source) else END_OF_TEXT
        cursor = {"anchor": place, "head": place, "primary": True, "empty": True}
        self._awareness.set_local_state_field("cursors", [cursor])

    # Saving

    async def save(self, timeout: float = PATIENCE) -> str:
        """Have the server save the file now. Return 'success', 'skipped' (it was already saving) or 'failed'."""
        number = next(self._save_ids)
        answer = self._saves[number] = asyncio.get_running_loop().create_future()
        message = Encoder()
        message.write_var_uint(RAW)
        message.write_var_string("save")
        message.write_var_uint(number)
        self._line.send(message.to_bytes())
        return await asyncio.wait_for(answer, timeout)

    # What arrives

    def _receive(self, message: str | bytes) -> None:
        assert isinstance(message, bytes)
        if self._lags:
            return
        kind, body = message[0], message[1:]
        if kind == YMessageType.SYNC:
            self._receive_sync(body)
        elif kind == YMessageType.AWARENESS:
            self._awareness.apply_awareness_update(read_message(body), "others")
        elif kind == RAW:
            self._receive_raw(json.loads(Decoder(body).read_var_string()))

    def _receive_sync(self, body: bytes) -> None:
        self._receiving = True
        try:
            reply = handle_sync_message(body, self._doc)
        finally:
            self._receiving = False
        if reply is not None:
            self._line.send(reply)
        if body[0] == YSyncMessageType.SYNC_STEP2 and not self._synced.done():
            self._synced.set_result(None)

    def _receive_raw(self, message: dict[str, Any]) -> None:
        answer = self._saves.pop(message.get("responseTo", -1), None)
        if answer is not None and not answer.done():
            answer.set_result(message["status"])

    def _ended(self) -> None:
        """Handle the end of the connection: remove the others' presences, and fail what waits for answers."""
        others = [client for client in self._awareness.states if client != self._awareness.client_id]
        self._awareness.remove_awareness_states(others, "connection lost")
        code, reason = self.closed_by_server or Closed(1000, "")
        awaited: list[asyncio.Future[Any]] = [self._synced, *self._saves.values()]
        for answer in awaited:
            if not answer.done():
                answer.set_exception(
                    Failed.or_refused(code, self.seat.door.url, reason or "the connection was closed")
                )
        self._wake()

    # What happens here

    def _on_edit(self, event: TransactionEvent) -> None:
        if not self._receiving:
            self._line.send(create_update_message(event.update))
        self._wake()

    def _on_awareness(self, topic: str, event: tuple[dict[str, list[int]], Any]) -> None:
        clients, origin = event
        if topic == "update" and origin == "local":
            self._line.send(self._awareness_message(list(itertools.chain(*clients.values()))))
        if topic == "change":
            self._wake()

    def _wake(self) -> None:
        self.changes += 1
        self._changed.set()
        self._changed = asyncio.Event()

    # Helpers

    def _awareness_message(self, clients: list[int]) -> bytes:
        return create_awareness_message(self._awareness.encode_awareness_update(clients))

    def _source(self, cell: int | None = None) -> Text:
        if cell is not None:
            source = self._require_notebook().ycells[cell]["source"]
        elif self._file is not None:
            source = self._doc.get("source", type=Text)
        else:
            raise TypeError(f"{self.seat.path} is a notebook: specify a cell")
        assert isinstance(source, Text)
        return source

    @property
    def _shared(self) -> YNotebook | YUnicode:
        shared = self._notebook or self._file
        assert shared is not None
        return shared

    def _require_notebook(self) -> YNotebook:
        if self._notebook is None:
            raise TypeError(f"{self.seat.path} is not a notebook: it has no cells")
        return self._notebook


def _inserted(event: Any) -> Iterator[str]:
    """Yield the text that a change has inserted into a shared text or a list of cells. Outputs of cells are not text."""
    for part in getattr(event, "delta", []):
        new = part.get("insert", [])
        yield from (
            [new] if isinstance(new, str) else (str(cell["source"]) for cell in new if "source" in cell)
        )


def _presence(state: dict[str, Any]) -> Presence:
    user = state["user"]
    cursors = state.get("cursors")
    return Presence(
        username=user.get("username", ""),
        name=user.get("display_name") or user.get("name", ""),
        colour=user.get("color") or "",
        cursor=cursors[0]["head"] if cursors else None,
    )


def _bytes(source: Text, position: int) -> int:
    """Convert a position in characters to pycrdt's position in UTF-8 bytes."""
    return len(str(source)[:position].encode())
