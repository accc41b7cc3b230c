# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anyone is at work on this server, or there are only tabs that someone has forgotten to close.

The hub cannot tell: each open tab sends a sign of life every 15 seconds, and to the hub's proxy, from which
jupyterhub-idle-culler has its knowledge, that is traffic like any other.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from tornado.ioloop import PeriodicCallback


class Activity:
    """Notes when someone was last at work: typed, moved a cursor, ran something, used a terminal."""

    def __init__(self, serverapp: Any, idle_seconds: int) -> None:
        self._app = serverapp
        self._idle_seconds = idle_seconds
        self._last = time.time()
        self._check = PeriodicCallback(self._end_if_idle, 1000 * min(60, max(1, idle_seconds / 10)))

    def start(self) -> None:
        if self._idle_seconds > 0:
            self._check.start()

    def stop(self) -> None:
        self._check.stop()

    def note(self) -> None:
        """Note that someone is at work. The server tells the hub, which need not see it at its proxy."""
        self._last = time.time()
        self._app.web_app.settings["last_activity_times"]["collaboration"] = datetime.now(UTC)

    def idle_for(self) -> float:
        """Return for how many seconds nobody has been at work, kernels that calculate and terminals included."""
        kernels = self._app.kernel_manager
        running = [kernels.get_kernel(kernel) for kernel in kernels.list_kernel_ids()]
        if any(getattr(kernel, "execution_state", "") == "busy" for kernel in running):
            return 0
        terminals = getattr(self._app.web_app.settings.get("terminal_manager"), "terminals", {})
        moments = [getattr(each, "last_activity", None) for each in (*running, *terminals.values())]
        return float(time.time() - max([self._last, *(moment.timestamp() for moment in moments if moment)]))

    def _end_if_idle(self) -> None:
        idle = self.idle_for()
        if idle >= self._idle_seconds:
            self._app.log.info("Idle for %d s: the server stops", idle)
            self._check.stop()
            self._app.stop()
