# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what running cells output into their shared notebooks, even if nobody has them open.

In jupyter-collaboration, the page that runs a cell writes its output, so the output ends when that page closes. Here, the server writes it, and
only the server: `patches.server.kernel_messages` brings the kernel's messages, and keeps those that the server writes from the page.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from jupyter_ydoc import YNotebook
from pycrdt import Array, Map

from .cell_outputs import OUTPUTS, CellOutputs, Displays, Output, is_valid

# The server writes at most this often, in seconds, ...
SECONDS_BETWEEN = 0.05
LONGEST_BETWEEN = 5
# ... and more rarely if writing would take more than this share of a processor's time. Long texts take longer.
SHARE_OF_WRITING = 0.2
# The most output of one execution that is kept, in bytes. Otherwise, an endless loop would fill the server's memory.
MOST_BYTES = 50_000_000
# Executions that have ended and may still have output, for example from a thread.
MOST_ENDED = 200
TOO_LONG = f"The output of this cell is longer than {MOST_BYTES // 1_000_000} MB. The rest was left out.\n"
DIED = "The kernel died while this cell was running.\n"
STOPPED = "The server stopped while this cell was running.\n"
KILLED = "The server was stopped while this cell was running. The end of its output may be missing.\n"
# Where a notebook says which of its cells the server runs. It is not part of the file.
RUNNING = "collab_running"
# The metadata of a cell with the times of its execution, for JupyterLab's setting `recordTiming`.
TIMING = "execution"


@dataclass(frozen=True)
class Request:
    """What a page asks a kernel to run.

    message: the request's ID. session: of the page's connection to the kernel. records: whether the page wants the times of the execution.
    """

    message: str
    session: str
    cell: str
    records: bool = False


@dataclass(eq=False)
class Run:
    """One execution of a cell. bytes: how much output it had since it was last cleared.

    count: the number that the kernel has given it. times: as in nbformat's `metadata.execution`.
    """

    request: Request
    room: Any
    outputs: CellOutputs
    bytes: int = 0
    count: int | None = None
    times: dict[str, str] = field(default_factory=dict)
    begun: bool = False
    ended: bool = False


class Capture:
    """Knows which executions have their output taken by an Output widget: such a widget names, in its state, the request that it follows."""

    def __init__(self) -> None:
        self._by_comm: dict[str, str] = {}

    def look(self, kind: str, content: Mapping[str, Any]) -> None:
        """See a message about a widget."""
        comm, data = str(content.get("comm_id")), content.get("data")
        if kind == "comm_close":
            self._by_comm.pop(comm, None)
        elif isinstance(data, dict) and isinstance(state := data.get("state"), dict) and "msg_id" in state:
            if state["msg_id"]:
                self._by_comm[comm] = str(state["msg_id"])
            else:
                self._by_comm.pop(comm, None)

    def has(self, message: str) -> bool:
        return message in self._by_comm.values()


@dataclass(frozen=True)
class Event:
    """What happened to an execution. kind: `begin`, `say`, `end`, or the type of a message with output."""

    run: Run
    kind: str
    content: Any = None


class KernelRuns:
    """The executions of one kernel.

    is_here: tells whether a page is connected to the kernel, by its session.
    """

    def __init__(self, is_here: Callable[[str], bool], log: Any) -> None:
        self._is_here, self._log = is_here, log
        self._all: OrderedDict[str, Run] = OrderedDict()
        self._displays = Displays()
        self._capture = Capture()
        self._waiting: list[Event] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, request: Request, room: Any) -> None:
        """From now on, write the output of an execution. Its document stays open until it has ended."""
        outputs = CellOutputs(request.cell, self._displays)
        self._all[request.message] = Run(request, room, outputs)
        room.hold(request.message)
        ended = [message for message, run in self._all.items() if run.ended]
        for message in ended[:-MOST_ENDED]:
            del self._all[message]

    def writes(self, message: str, session: str) -> bool:
        """Return whether the server writes the output that the page with this session asked for with this request."""
        run = self._all.get(message)
        return run is not None and run.request.session == session

    def take(self, kind: str, date: str, parent: str, content: Any, size: int) -> None:
        """Take a message of the kernel.

        date: when it was sent. parent: the request that it belongs to. size: in bytes.
        """
        if not isinstance(content, dict):
            return
        if kind.startswith("comm_"):
            self._capture.look(kind, content)
        elif kind == "update_display_data" and is_valid(kind, content):
            # The request may be another one than that of the output, even one that the server does not write.
            if any_run := self._all.get(parent) or next(reversed(self._all.values()), None):
                self._happened(Event(any_run, kind, content))
        elif run := self._all.get(parent):
            self._take(run, kind, date, content, size)

    def end_all(self, why: str = "") -> None:
        """End all executions, because the kernel has ended. why: what to say in the cell that was running."""
        for run in [run for run in self._all.values() if not run.ended]:
            if why and run.begun:
                self._happened(Event(run, "say", why))
            self._end(run)

    async def finish(self) -> None:
        """Wait until everything that was taken so far is written."""
        writing = self._writing
        if writing is not None:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        await self._write_waiting()

    def _take(self, run: Run, kind: str, date: str, content: dict[str, Any], size: int) -> None:
        if kind == "status":
            state = content.get("execution_state")
            run.times[f"iopub.status.{state}"] = date
            if state == "busy" and not run.begun:
                run.begun, run.ended = True, False  # it may have been given up too early
                run.room.hold(run.request.message)
                self._happened(Event(run, "begin"))
            elif state == "idle" and not run.ended:
                self._end(run, run.count)
        elif kind == "execute_input":
            run.times["iopub.execute_input"] = date
            run.count = content.get("execution_count")
        elif kind in OUTPUTS and is_valid(kind, content):
            if self._capture.has(run.request.message) and self._is_here(run.request.session):
                return
            if kind == "clear_output":
                run.bytes = 0
            elif run.bytes <= MOST_BYTES < run.bytes + size:
                self._happened(Event(run, "say", TOO_LONG))
            run.bytes += size
            if run.bytes <= MOST_BYTES:
                self._happened(Event(run, kind, content))

    def _end(self, run: Run, count: int | None = None) -> None:
        run.ended = True
        self._happened(Event(run, "end", count))

    def _happened(self, event: Event) -> None:
        """Write this soon, together with what happens in the meantime."""
        self._waiting.append(event)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._waiting:
            began = time.thread_time()
            await self._write_waiting()
            took = time.thread_time() - began
            pause = max(SECONDS_BETWEEN, took / SHARE_OF_WRITING - took)
            await asyncio.sleep(min(LONGEST_BETWEEN, pause))

    async def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for room, events in groupby(waiting, lambda event: event.run.room):
            try:
                await room.change(partial(self._write_into, events=list(events)))
            except Exception as error:
                self._log.error("Output of a cell could not be written: %r", error, exc_info=error)
        for event in waiting:
            if event.kind == "end":
                event.run.room.release(event.run.request.message)

    def _write_into(self, notebook: YNotebook, events: list[Event]) -> None:
        """Write what happened into a notebook, within a transaction."""
        for run, some in groupby(events, lambda event: event.run):
            outputs: list[Output] = []
            for event in some:
                if event.kind in OUTPUTS and event.kind != "update_display_data":
                    outputs.append((event.kind, event.content))
                    continue
                self._put(notebook, run, outputs)
                outputs = []
                if event.kind == "update_display_data":
                    self._displays.update(partial(_outputs_of, notebook), event.content)
                elif (cell := _cell(notebook, run.request.cell)) is not None:
                    self._change(notebook, cell, event)
            self._put(notebook, run, outputs)

    def _put(self, notebook: YNotebook, run: Run, outputs: list[Output]) -> None:
        # A cell may be run again while a thread of an earlier execution still prints. That output would be taken for the new one's.
        if (
            outputs
            and self._is_latest(run)
            and (there := _outputs_of(notebook, run.request.cell)) is not None
        ):
            run.outputs.write(there, outputs)

    def _is_latest(self, run: Run) -> bool:
        alike = (
            each
            for each in reversed(self._all.values())
            if each.begun and (each.room, each.request.cell) == (run.room, run.request.cell)
        )
        return next(alike, run) is run

    def _change(self, notebook: YNotebook, cell: Map[Any], event: Event) -> None:
        run = event.run
        match event.kind:
            case "begin":
                run.outputs.clear(cell["outputs"])
                cell["execution_count"] = None
                cell["execution_state"] = "running"
                _note(notebook, run.request.cell, True)
            case "say":
                run.outputs.write(cell["outputs"], [("stream", {"name": "stderr", "text": event.content})])
            case "end":
                cell["execution_state"] = "idle"
                if isinstance(event.content, int):
                    # Not earlier: JupyterLab takes a cell that has a number for one that has ended.
                    cell["execution_count"] = float(event.content)
                _note(notebook, run.request.cell, False)
                if run.request.records and run.begun and not self._is_here(run.request.session):
                    metadata = cell["metadata"]
                    metadata[TIMING] = {**(metadata.get(TIMING) or {}), **run.times}


def say_what_was_killed(notebook: YNotebook) -> None:
    """Say in the cells that a killed server was running that their output may not be complete."""
    for each in _running(notebook):
        if (cell := _cell(notebook, each)) is not None:
            CellOutputs(each, Displays()).write(
                cell["outputs"], [("stream", {"name": "stderr", "text": KILLED})]
            )
            cell["execution_state"] = "idle"
        _note(notebook, each, False)


def has_cell(notebook: YNotebook, cell: str) -> bool:
    """Return whether a notebook has a code cell with this ID, and only one."""
    return len([*_cells(notebook, cell)]) == 1


def _cell(notebook: YNotebook, cell: str) -> Map[Any] | None:
    return next(_cells(notebook, cell), None)


def _cells(notebook: YNotebook, cell: str) -> Iterator[Map[Any]]:
    return (each for each in notebook.ycells if each.get("id") == cell and "outputs" in each)


def _outputs_of(notebook: YNotebook, cell: str) -> Array[Any] | None:
    found = _cell(notebook, cell)
    return None if found is None else found["outputs"]


def _running(notebook: YNotebook) -> list[str]:
    return list(notebook.ystate.get(RUNNING) or [])


def _note(notebook: YNotebook, cell: str, runs: bool) -> None:
    """Note in a notebook whether the server runs a cell."""
    others = [each for each in _running(notebook) if each != cell]
    notebook.ystate[RUNNING] = [*others, cell] if runs else others
