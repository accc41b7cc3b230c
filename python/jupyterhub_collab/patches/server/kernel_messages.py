# SPDX-License-Identifier: GPL-3.0-or-later
"""Hear what kernels output, and keep from the page that runs a cell what the server writes into the notebook itself.

Whatever the page's version, it gets everything else: replies, the kernel's state, questions for input, and messages of widgets. It shows the
output of its cell as all other pages do, from the shared notebook.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine, Iterator, MutableMapping
from typing import Any

import zmq
from jupyter_client.session import Session
from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.connection import base as _base
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.ioloop import PeriodicCallback

from ...server.cell_outputs import OUTPUTS
from ...server.running import DIED, STOPPED, Capture, KernelRuns, Request, has_cell
from ..releases import patches_server
from .websockets import judge_messages, while_open

base: Any = _base  # it has no types
# How long a page's messages wait until the server hears the kernel, in seconds. Afterwards, the page writes its output, as without the server.
PATIENCE = 5
# How long a request to run a cell waits until the cell has arrived, in seconds.
CELL_SECONDS = 0.5
# How often the server checks whether an execution will never end, in seconds.
CHECK_SECONDS = 60
# How often the kernel is asked for a sign of life until then, in seconds.
AGAIN_SECONDS = 0.2
# How many messages of a kernel can wait for the server, and how many of them are taken at once.
MOST_WAITING, AT_ONCE = 200_000, 100
# A notebook's path as some pages name it.
DRIVE = "RTC:"
# The kernel's other messages that tell how an execution goes.
OTHERS = ("status", "execute_input")
V1 = "v1.kernel.websocket.jupyter.org"


@patches_server(
    "jupyter_server.services.kernels.connection.channels:ZMQChannelsWebsocketConnection"
    ".handle_outgoing_message(self, stream, outgoing_msg)",
    "jupyter_server.services.kernels.websocket:KernelWebsocketHandler.on_message(self, ws_message)",
    "jupyter_server.services.kernels.kernelmanager:AsyncMappingKernelManager.restart_kernel(self, kernel_id)",
    "jupyter_server.services.kernels.kernelmanager:AsyncMappingKernelManager.shutdown_kernel(self, kernel_id)",
    "jupyter_server.services.sessions.sessionmanager:SessionManager.cursor",
)
def write_outputs(app: Any, rooms: MutableMapping[str, Any], identity: Any) -> KernelMessages:
    """Make the server write the output of cells that run in open notebooks.

    rooms: of jupyter-collaboration, by ID. identity: the server's `file_id_manager`.
    """
    messages = KernelMessages(app, rooms, identity)
    while_open(messages.follow)
    manager = app.kernel_manager
    restart, shut_down = manager.restart_kernel, manager.shutdown_kernel

    async def restart_kernel(kernel_id: str, *arguments: Any, **options: Any) -> Any:
        with messages.while_restarting(kernel_id):
            return await ensure_async(restart(kernel_id, *arguments, **options))

    async def shutdown_kernel(kernel_id: str, *arguments: Any, **options: Any) -> Any:
        messages.forget(kernel_id)
        return await ensure_async(shut_down(kernel_id, *arguments, **options))

    manager.restart_kernel = restart_kernel
    manager.shutdown_kernel = shutdown_kernel
    return messages


class KernelMessages:
    """What the server hears of all kernels to which pages are connected."""

    def __init__(self, app: Any, rooms: MutableMapping[str, Any], identity: Any) -> None:
        self._app, self._rooms, self._identity = app, rooms, identity
        self._kernels: dict[str, Kernel] = {}
        self._check = PeriodicCallback(self.check, 1000 * CHECK_SECONDS)
        self._check.start()

    @contextlib.contextmanager
    def follow(self, handler: Any) -> Iterator[None]:
        """Follow a websocket while it is open, if it leads to a kernel on this host."""
        connection = getattr(handler, "connection", None)
        if not isinstance(connection, ZMQChannelsWebsocketConnection):
            yield
            return
        kernel = self._kernel(connection.kernel_id)
        page = Page(handler, connection, kernel, self._rooms_of)
        kernel.pages.append(page)
        try:
            yield
        finally:
            kernel.pages.remove(page)

    def forget(self, kernel_id: str) -> None:
        """End all executions of a kernel that a user shuts down."""
        if kernel := self._kernels.pop(kernel_id, None):
            kernel.end()

    @contextlib.contextmanager
    def while_restarting(self, kernel_id: str) -> Iterator[None]:
        """End all executions of a kernel that a user restarts, and listen to it again afterwards."""
        kernel = self._kernels.get(kernel_id)
        if kernel is not None:
            kernel.end()
        yield
        if kernel is not None:
            kernel.listen()

    async def finish(self) -> None:
        """End all executions, because the server stops, and wait until that is written."""
        self._check.stop()
        for kernel in self._kernels.values():
            kernel.end(STOPPED)
        for kernel in self._kernels.values():
            await kernel.runs.finish()

    def check(self) -> None:
        """End executions of which nothing will be heard any more. They would keep their documents open for ever."""
        for kernel_id in [*self._kernels]:
            if kernel_id not in self._app.kernel_manager:
                self._kernels.pop(kernel_id).end()
            else:
                self._kernels[kernel_id].check()

    def _kernel(self, kernel_id: str) -> Kernel:
        if kernel_id not in self._kernels:
            self._kernels[kernel_id] = Kernel(self._app, kernel_id)
        kernel = self._kernels[kernel_id]
        kernel.listen()
        return kernel

    def _rooms_of(self, kernel_id: str) -> list[Any]:
        """Return the rooms of the open notebooks that run in a kernel.

        Other notebooks can have cells with the same IDs, because one is a copy of the other.
        """
        sessions = self._app.session_manager
        rows = sessions.cursor.execute(
            "SELECT path FROM session WHERE kernel_id = ?", (kernel_id,)
        ).fetchall()
        files = {self._identity.get_id(str(row["path"]).removeprefix(DRIVE)) for row in rows}
        rooms: list[Any] = [self._rooms.get(f"json:notebook:{file}") for file in files]
        return [room for room in rooms if getattr(room, "notebook", None) is not None and room.clients]


class Kernel:
    """One kernel: its executions, the pages that are connected to it, and the stream with its messages."""

    def __init__(self, app: Any, kernel_id: str) -> None:
        self._app, self.id = app, kernel_id
        self.pages: list[Page] = []
        self.runs = KernelRuns(self._is_here, app.log)
        self.is_heard = asyncio.Event()
        self._is_told = False  # whether Jupyter tells when the kernel has died
        self._stream: Any = None
        self._ports: list[int] = []
        self._session: Any = None
        self._was_idle = False
        self._asking: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Listen to the kernel, if the server does not do so yet."""
        manager = self._app.kernel_manager
        ports = [*manager.get_kernel(self.id).ports]
        if self._stream is not None and not self._stream.closed():
            if ports == self._ports:
                return
            self.end()  # it was started again elsewhere
        self._ports = ports
        if self.is_heard.is_set():  # otherwise, pages may be waiting for it
            self.is_heard = asyncio.Event()
        theirs = manager.get_kernel(self.id).session
        self._session = Session(config=theirs.config, key=theirs.key)
        self._stream = manager.connect_iopub(self.id)
        _queue_more(self._stream.socket)
        self._stream.on_recv(self._take_some)
        if not self._is_told:
            self._is_told = True
            manager.add_restart_callback(self.id, self._restarted)
            manager.add_restart_callback(self.id, self._died, "dead")
        self._asking = asyncio.create_task(self._ask())

    def end(self, why: str = "") -> None:
        """End all executions, and stop listening: the kernel ends."""
        self.runs.end_all(why)
        if self._asking is not None:
            self._asking.cancel()
        if self._stream is not None and not self._stream.closed():
            self._stream.on_recv(None)
            self._stream.close()
        self._stream, self.is_heard = None, asyncio.Event()

    def check(self) -> None:
        """End all executions if the kernel has had nothing to do for some time: a request got lost, or its end."""
        is_idle = getattr(self._app.kernel_manager.get_kernel(self.id), "execution_state", "busy") != "busy"
        if is_idle and self._was_idle:
            self.runs.end_all()
        self._was_idle = is_idle

    def _died(self) -> None:
        self.end(DIED)

    def _restarted(self) -> None:
        """The kernel has died, and Jupyter has started it again."""
        self.end(DIED)
        self.listen()

    def _is_here(self, session: str) -> bool:
        return any(page.session == session for page in self.pages)

    async def _ask(self) -> None:
        """Have the kernel say something, until the server has heard it."""
        channel = self._app.kernel_manager.connect_control(self.id)
        try:
            while not self.is_heard.is_set():
                self._session.send(channel, "kernel_info_request")
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            channel.close()

    def _take_some(self, parts: list[bytes]) -> None:
        """Take a message of the kernel, and some of those that have arrived after it."""
        self.is_heard.set()
        socket = self._stream.socket
        self._take(parts)
        with contextlib.suppress(zmq.Again):
            for _each in range(AT_ONCE):
                self._take(socket.recv_multipart(zmq.NOBLOCK))

    def _take(self, parts: list[bytes]) -> None:
        try:
            _identities, rest = self._session.feed_identities(parts)
            header, parent = self._session.unpack(rest[1]), self._session.unpack(rest[2])
            kind = header["msg_type"]
            if kind in OUTPUTS or kind in OTHERS or kind.startswith("comm_"):
                content = self._session.unpack(rest[4])
                self.runs.take(
                    kind, str(header.get("date", "")), parent.get("msg_id", ""), content, len(rest[4])
                )
        except Exception as error:
            self._app.log.warning("A message of kernel %s cannot be read: %r", self.id, error)


def _queue_more(socket: Any) -> None:
    """Let messages of a kernel wait for the server. ZeroMQ drops all after the first thousand, unless this was set before it connected."""
    place = socket.getsockopt(zmq.LAST_ENDPOINT)
    socket.disconnect(place)
    socket.setsockopt(zmq.RCVHWM, MOST_WAITING)
    socket.connect(place)


class Page:
    """A page's websocket to a kernel."""

    def __init__(self, handler: Any, connection: Any, kernel: Kernel, rooms_of: Any) -> None:
        self._handler, self._connection, self._kernel, self._rooms_of = handler, connection, kernel, rooms_of
        self.session = str(connection.session.session)
        self._capture = Capture()
        self._theirs = connection.handle_outgoing_message
        connection.handle_outgoing_message = self._hand_on
        self._held: list[Any] | None = None  # what the page has sent, while it waits
        self._expects_cells = True
        self._deliver = judge_messages(handler, self._judge)
        # Set when the server hears the kernel. The page waits for each of these once.
        self._expects = self._kernel.is_heard
        self._waiting = self._hold(self._expects.wait(), PATIENCE)

    def _hold(self, until: Coroutine[Any, Any, Any], seconds: float) -> asyncio.Task[None]:
        """Hold back what the page sends until something has happened, or for some seconds. It arrives in order."""
        held = self._held = []

        async def wait() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await until
            self._held = None
            while held and self._handler.connection is not None:
                if self._look(message := held.pop(0)):
                    self._deliver(message)
                elif self._held is not None:  # it waits again, and so does the rest
                    self._held += held
                    return

        return asyncio.create_task(wait())

    def _judge(self, message: Any) -> bool:
        if self._held is None:
            return self._look(message)
        self._held.append(message)
        return False

    def _look(self, message: Any) -> bool:
        """Note if a message asks the kernel to run a cell whose output the server will write. Return whether the message can be delivered."""
        try:
            request = self._request(message)
        except Exception:
            return True  # Jupyter's handler says what is wrong with it
        heard = self._kernel.is_heard
        if request is None or (not heard.is_set() and heard is self._expects):
            return True
        if not heard.is_set():
            # The kernel is being restarted. Without the server, this page would write the output.
            self._expects = heard
            self._wait_with(message, heard.wait(), PATIENCE)
            return False
        rooms = self._rooms_of(self._kernel.id)
        room = next((room for room in rooms if has_cell(room.notebook, request.cell)), None)
        if room is not None:
            self._kernel.runs.add(request, room)
            self._expects_cells = True
        elif rooms and self._expects_cells:
            # A new cell arrives on another websocket, and may come later than this message.
            self._expects_cells = False
            self._wait_with(message, self._until_there(rooms, request.cell), CELL_SECONDS)
            return False
        return True

    def _wait_with(self, message: Any, until: Coroutine[Any, Any, Any], seconds: float) -> None:
        """Hold back a message, and what the page sends after it."""
        self._waiting = self._hold(until, seconds)
        assert self._held is not None
        self._held.append(message)

    async def _until_there(self, rooms: list[Any], cell: str) -> None:
        while not any(room.notebook is not None and has_cell(room.notebook, cell) for room in rooms):
            await asyncio.sleep(0.02)

    def _request(self, message: Any) -> Request | None:
        if self._connection.subprotocol == V1:
            _channel, parts = base.deserialize_msg_from_ws_v1(message)
            if b"execute_request" not in bytes(parts[0]):
                return None
            header, metadata, content = (json.loads(bytes(parts[each])) for each in (0, 2, 3))
        else:
            if isinstance(message, str) and "execute_request" not in message:
                return None
            told = (
                base.deserialize_binary_message(message)
                if isinstance(message, bytes)
                else json.loads(message)
            )
            header, metadata, content = told["header"], told["metadata"], told["content"]
        cell = metadata.get("cellId")
        if header["msg_type"] != "execute_request" or not isinstance(cell, str) or content.get("silent"):
            return None
        return Request(str(header["msg_id"]), self.session, cell, bool(metadata.get("recordTiming")))

    def _hand_on(self, stream: Any, parts: list[Any]) -> None:
        """Hand a message of the kernel on to the page, unless the server writes it into the notebook."""
        if getattr(stream, "channel", stream) != "iopub" or not self._is_written(parts):
            self._theirs(stream, parts)

    def _is_written(self, parts: list[Any]) -> bool:
        session = self._connection.session
        try:
            _identities, rest = session.feed_identities(parts)
            kind = session.unpack(rest[1])["msg_type"]
            if kind.startswith("comm_"):
                self._capture.look(kind, session.unpack(rest[4]))
                return False
            if kind not in OUTPUTS:
                return False
            parent = session.unpack(rest[2])
        except Exception:
            return False
        message = parent.get("msg_id", "")
        return self._kernel.runs.writes(message, self.session) and not self._capture.has(message)
