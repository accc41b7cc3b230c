# SPDX-License-Identifier: GPL-3.0-or-later
"""Touch the directories of workspaces, each workspace's in a thread of its own.

A network file system may not answer, and a thread that waits for it can wait forever. Then neither the hub nor other workspaces wait for it,
and however often the hub tries again, it is one thread.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import Any

SILENT = "it does not answer"


class Unanswered(Exception):
    """The file system of a workspace has not answered in time. It may still do what it was asked to do."""

    def __init__(self) -> None:
        super().__init__(SILENT)


class WorkspaceThreads:
    """The threads of all workspaces. A thread ends when it has made all calls for its workspace, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = {}
        self._since: dict[str, float] = {}  # when the call began that a thread is making

    def outcomes(self, calls: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Any]:
        """Call a function for each workspace, and return what it returned or raised, or Unanswered after some seconds.

        A workspace that has been silent for this long already is not asked again.
        """
        futures = self._begin(calls, seconds)
        wait(futures.values(), seconds)
        return _outcomes(calls, futures)

    async def answers(self, calls: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Any]:
        """Do the same as `outcomes`, while the event loop goes on."""
        if futures := self._begin(calls, seconds):
            await asyncio.wait([asyncio.wrap_future(future) for future in futures.values()], timeout=seconds)
        return _outcomes(calls, futures)

    def _begin(self, calls: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Future[Any]]:
        silent_since = time.monotonic() - seconds
        futures: dict[str, Future[Any]] = {}
        with self._lock:
            for workspace, call in calls.items():
                if self._since.get(workspace, silent_since) >= silent_since:
                    futures[workspace] = Future()
                    self._add(workspace, futures[workspace], call)
        return futures

    def _add(self, workspace: str, future: Future[Any], call: Callable[[], Any]) -> None:
        if workspace in self._calls:
            self._calls[workspace].append((future, call))
        else:
            self._calls[workspace] = deque([(future, call)])
            # The process may end while it waits.
            threading.Thread(
                target=self._work, args=(workspace,), name=f"workspace {workspace}", daemon=True
            ).start()

    def _work(self, workspace: str) -> None:
        while True:
            with self._lock:
                self._since.pop(workspace, None)
                if not self._calls[workspace]:
                    del self._calls[workspace]
                    return
                future, call = self._calls[workspace].popleft()
                self._since[workspace] = time.monotonic()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except Exception as error:  # a result like others, which nobody may be waiting for any more
                result = error
            future.set_result(result)


def _outcomes(calls: Mapping[str, Callable[[], Any]], futures: Mapping[str, Future[Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for workspace in calls:
        future = futures.get(workspace)
        if future and future.done():
            found[workspace] = future.result()
        else:
            found[workspace] = Unanswered()
            if future:
                future.cancel()  # unless the thread is at it
    return found
