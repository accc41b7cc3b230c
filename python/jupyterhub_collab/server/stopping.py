# SPDX-License-Identifier: GPL-3.0-or-later
"""How a collaboration server stops: on any request to, with every document saved, and within seconds."""

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

# How long, in seconds, all documents together may take to be saved. What is not saved by then is in the history, and is saved at the
# next start.
LAST_SAVE_SECONDS = 3
# How long a process may still take after its event loop has ended, ...
EXIT_SECONDS = 1
# ... and from the request to stop in all: JupyterHub's LocalProcessSpawner sends its next signal after 10 seconds. Kernels that do not
# answer take jupyter_client up to 5, after documents were saved.
STOP_SECONDS = 9
# How long a kernel is waited for that is being started, since jupyter_client cannot end it before.
STARTING_SECONDS = 2


# What asks a process to end, and which handlers of that give way. A server that was started in the background of a script ignores SIGINT,
# which it has from there; what `nohup` is for stays.
REPLACED = {
    signal.SIGINT: (signal.default_int_handler, signal.SIG_IGN),
    signal.SIGHUP: (signal.SIG_DFL,),
    signal.SIGTERM: (signal.SIG_DFL,),
}


def stop_on_signals(app: Any) -> None:
    """Have a server stop by SIGINT and SIGHUP as it does by SIGTERM, and end once it has stopped.

    Jupyter Server handles SIGINT only on a terminal, where it asks. Without one Python raises KeyboardInterrupt wherever it is, which ends
    the event loop at once: nothing is saved, no extension is stopped. LocalProcessSpawner stops servers that way.
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
        for each, replaced in REPLACED.items():  # by now Jupyter Server has set what it handles
            if signal.getsignal(each) in (*replaced, stop):
                signal.signal(each, stop_once)
        start_ioloop()
        _let_threads_end()
        exit_after(EXIT_SECONDS, app.log)

    app.start_ioloop = run_and_exit


def start_no_kernel_again(app: Any) -> None:
    """Have kernels that end stay so. systemd sends its signal to them, too, and jupyter_client starts a kernel again that has ended."""
    for kernel in _kernels_of(app):
        if hasattr(kernel, "stop_restarter"):
            kernel.stop_restarter()


def _kernels_of(app: Any) -> list[Any]:
    kernels = getattr(app, "kernel_manager", None)  # which a server that begins does not have yet
    return [kernels.get_kernel(each) for each in kernels.list_kernel_ids()] if kernels is not None else []


def end_kernels(app: Any) -> None:
    """Have a server that stops end its kernels, also one that is being started, and go on stopping where that fails."""
    theirs = app.cleanup_kernels

    async def cleanup_kernels() -> None:
        start_no_kernel_again(app)
        deadline = time.monotonic() + STARTING_SECONDS
        while any(map(_is_starting, _kernels_of(app))) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        try:
            await theirs()
        except Exception as error:
            app.log.error("Not all kernels have ended as they should: %r", error, exc_info=error)
            for kernel in _kernels_of(app):
                with contextlib.suppress(Exception):
                    await ensure_async(kernel.shutdown_kernel(now=True))

    app.cleanup_kernels = cleanup_kernels


def _is_starting(kernel: Any) -> bool:
    ready = getattr(kernel, "ready", None)
    return ready is not None and not ready.done()


def exit_after(seconds: float, log: Any) -> None:
    """End the process after so many seconds, whatever still keeps it from ending."""

    def end() -> None:
        time.sleep(seconds)
        kept = [thread.name for thread in threading.enumerate() if not thread.daemon]
        with contextlib.suppress(Exception):
            log.warning(
                "The server has stopped, and its process exits although these threads are still running: %s",
                kept,
            )
        os._exit(0)

    threading.Thread(target=end, name="exit", daemon=True).start()


async def save_all(documents: Iterable[Any]) -> None:
    """Save documents for the last time. What people type from now on stays in their tabs, which send it when they are back."""
    documents = list(documents)
    for document in documents:
        document.on_message = _skip
    flushes = [asyncio.create_task(document.flush_changes()) for document in documents]
    if flushes:
        await asyncio.wait(flushes, timeout=LAST_SAVE_SECONDS)


def _skip(message: bytes) -> bool:
    return True


def _let_threads_end() -> None:
    """Tell threads of AnyIO that wait for work that there will be none.

    Some tasks are still running when the event loop ends, such as those of jupyter-collaboration and the one that stops the server. Their
    threads wait forever, and Python waits for the threads.
    """
    for thread in threading.enumerate():
        if type(thread).__module__ == "anyio._backends._asyncio":
            with contextlib.suppress(Exception):
                thread.stop()  # type: ignore[attr-defined]
