# SPDX-License-Identifier: GPL-3.0-or-later
"""Notice whether anyone is active on this server, and stop it if only forgotten tabs are left.

The hub cannot tell: each open tab sends a sign of life every 15 seconds. To the hub's proxy, which jupyterhub-idle-culler relies on, this
is traffic like any other.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from tornado.ioloop import PeriodicCallback


class Activity:
    """Records when someone was last active: typed, moved a cursor, ran something or used a terminal.

    idle_seconds: stop the server after this time without activity; 0 for never.
    """

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
        """Record activity. The server also reports it to the hub, whose proxy may not see it."""
        self._last = time.time()
        self._app.web_app.settings["last_activity_times"]["collaboration"] = datetime.now(UTC)

    def idle_for(self) -> float:
        """Return for how many seconds nobody has been active. Busy kernels, and activity of kernels and terminals, count."""
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
            self._app.log.info("Stopping the server after %d s without activity", idle)
            self._check.stop()
            self._app.stop()
