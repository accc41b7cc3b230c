# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop a collaboration server within seconds, whatever asks it to stop, and save every document first."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable
from typing import Any

from jupyter_core.utils import ensure_async

from ..releases import patches_server

# Time limit for saving all documents, in seconds. Anything that is not saved stays in the history and is saved at the next start.
LAST_SAVE_SECONDS = 3
# How long the process may take to exit after its event loop has ended, in seconds, ...
EXIT_SECONDS = 1
# ... and in total, from the request to stop. JupyterHub's LocalProcessSpawner sends its next signal after 10 seconds. An unresponsive
# kernel takes jupyter_client up to 5 seconds, after documents have been saved.
STOP_SECONDS = 9
# How long terminals may take to end, in seconds. Each gets five signals, 0.1 seconds apart, the last of which is SIGKILL.
TERMINALS_SECONDS = 1
# How long to wait for a starting kernel, in seconds: jupyter_client cannot end it until it has started.
STARTING_SECONDS = 2


# The signals that stop a process, each with the handlers that we replace. A server started in the background of a script inherits
# SIG_IGN for SIGINT, so we replace that too. SIG_IGN for SIGHUP stays, because `nohup` sets it.
REPLACED = {
    signal.SIGINT: (signal.default_int_handler, signal.SIG_IGN),
    signal.SIGHUP: (signal.SIG_DFL,),
    signal.SIGTERM: (signal.SIG_DFL,),
}


@patches_server(
    "jupyter_server.serverapp:ServerApp._signal_stop(self, sig, frame)",
    "jupyter_server.serverapp:ServerApp.start_ioloop(self)",
    "jupyter_server.serverapp:ServerApp.cleanup_kernels(self)",
)
def stop_on_signals(app: Any) -> None:
    """Make SIGINT and SIGHUP stop a server as SIGTERM does, and make its process exit once the server has stopped.

    Jupyter Server handles SIGINT only on a terminal, where it asks for confirmation. Without a terminal, Python raises KeyboardInterrupt
    wherever it is, which ends the event loop at once: nothing is saved, and no extension is stopped. LocalProcessSpawner stops servers
    with SIGINT.
    """
    stop = app._signal_stop

    def stop_once(signal_: Any, frame: Any) -> None:
        if not getattr(app, "_stopping", False):
            start_no_kernel_again(app)
            stop(signal_, frame)

    app._signal_stop = stop_once
    end_kernels(app)
    start_ioloop = app.start_ioloop

    def run_and_exit() -> None:
        for each, replaced in REPLACED.items():  # Jupyter Server has installed its own handlers by now
            if signal.getsignal(each) in (*replaced, stop):
                signal.signal(each, stop_once)
        start_ioloop()
        _let_threads_end()
        exit_after(EXIT_SECONDS, app.log)

    app.start_ioloop = run_and_exit


def start_no_kernel_again(app: Any) -> None:
    """Disable automatic restarts of kernels. systemd signals kernels too, and jupyter_client would restart those that exit."""
    for kernel in _kernels_of(app):
        if hasattr(kernel, "stop_restarter"):
            kernel.stop_restarter()


def _kernels_of(app: Any) -> list[Any]:
    kernels = getattr(app, "kernel_manager", None)  # not set while the server is still starting
    return [kernels.get_kernel(each) for each in kernels.list_kernel_ids()] if kernels is not None else []


def end_kernels(app: Any) -> None:
    """Make a stopping server also end terminals and kernels that are still starting, and continue to stop if a kernel cannot be ended."""
    theirs = app.cleanup_kernels

    async def cleanup_kernels() -> None:
        start_no_kernel_again(app)
        await _end_terminals(app)
        deadline = time.monotonic() + STARTING_SECONDS
        while any(map(_is_starting, _kernels_of(app))) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        try:
            await theirs()
        except Exception as error:
            app.log.error("Some kernels did not shut down: %r", error, exc_info=error)
            for kernel in _kernels_of(app):
                with contextlib.suppress(Exception):
                    await ensure_async(kernel.shutdown_kernel(now=True))

    app.cleanup_kernels = cleanup_kernels


async def _end_terminals(app: Any) -> None:
    """End the terminals' shells, at first with SIGHUP. Jupyter Server means to, but leaves them to end after its process.

    In a container, systemd may then keep the server's unit loaded, and SystemdSpawner cannot start the server again.
    """
    terminals = app.web_app.settings.get("terminal_manager")
    if terminals is None:
        return
    try:
        await asyncio.wait_for(terminals.kill_all(), TERMINALS_SECONDS)
    except Exception as error:
        app.log.error("Some terminals did not end: %r", error, exc_info=error)


def _is_starting(kernel: Any) -> bool:
    ready = getattr(kernel, "ready", None)
    return ready is not None and not ready.done()


def exit_after(seconds: float, log: Any) -> None:
    """Exit the process after `seconds`, even if threads are still running."""

    def end() -> None:
        time.sleep(seconds)
        kept = [thread.name for thread in threading.enumerate() if not thread.daemon]
        with contextlib.suppress(Exception):
            log.warning(
                "The server has stopped; exiting with these threads still running: %s",
                kept,
            )
        os._exit(0)

    threading.Thread(target=end, name="exit", daemon=True).start()


async def save_all(documents: Iterable[Any]) -> None:
    """Save documents one last time. What people type from now on stays in their tabs, which send it when they reconnect."""
    documents = list(documents)
    for document in documents:
        document.on_message = _skip
    flushes = [asyncio.create_task(document.flush_changes()) for document in documents]
    if flushes:
        await asyncio.wait(flushes, timeout=LAST_SAVE_SECONDS)


def _skip(message: bytes) -> bool:
    return True


def _let_threads_end() -> None:
    """Make AnyIO's worker threads exit.

    Some tasks are still running when the event loop ends, such as those of jupyter-collaboration and the one that stops the server. Their
    worker threads would wait for work forever, and Python does not exit before its threads.
    """
    for thread in threading.enumerate():
        if type(thread).__module__ == "anyio._backends._asyncio":
            with contextlib.suppress(Exception):
                thread.stop()  # type: ignore[attr-defined]
