# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop a running hub without stopping users' servers.

A hub that receives a signal stops all servers first, unless `c.JupyterHub.cleanup_servers` is False. By default, it is
True. A shutdown request to the hub's API can ask the hub not to stop them.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from ..host.systemd_unit import Unit, show
from . import health
from .api import HubApi, NoAnswer
from .process import Hub, HubNotFound, hub_of, pid_of

SCOPE = "shutdown"
# A hub answers the shutdown request before it does anything else.
ANSWER_SECONDS = 10
ENDED_POLL_SECONDS = 0.02  # between looks whether systemd has noticed that the hub has exited


def shut_down(unit: Unit, api: HubApi, timeout: float, *, with_proxy: bool = False) -> None:
    """Ask the hub to shut down, and wait until it has exited.

    with_proxy: whether the hub stops its proxy. By default, the hub's configuration decides, because a hub can only connect again to
    a proxy that it would have left running itself. Raises NoAnswer if the hub refuses, or is still running after `timeout` seconds.
    """
    body = {"servers": False, "proxy": True} if with_proxy else {"servers": False}
    hub = _hub(unit)
    status, _answer = api.request("POST", "/shutdown", body, timeout=ANSWER_SECONDS)
    if status != 202:
        raise NoAnswer(f"its API at {api.url} answered {status} to the request for its shutdown")
    if not _has_ended(unit, hub, timeout):
        raise NoAnswer(f"it did not end within {timeout:g} s of the request")


def kill(unit: Unit, timeout: float) -> None:
    """Kill the hub that was running when `unit` was read. SIGKILL is the only signal on which it stops no servers.

    All state of a hub is in its database, from which the next hub continues, as after a crash.
    """
    hub = _hub(unit)
    with contextlib.suppress(ProcessLookupError):  # it has just exited
        os.kill(pid_of(unit), signal.SIGKILL)
    _has_ended(unit, hub, timeout)


def _has_ended(unit: Unit, hub: Hub | None, timeout: float) -> bool:
    """Wait until the hub that was running when `unit` was read has exited, and return whether it did within `timeout` seconds.

    By then, the unit has ended as well, or the script that it runs has started the hub again.
    """
    deadline = time.monotonic() + timeout
    with contextlib.ExitStack() as stack:
        process = None
        with contextlib.suppress(OSError):  # it has exited, or the kernel has no such files
            process = os.pidfd_open(hub.pid if hub else unit.main_pid)
            stack.callback(os.close, process)
        while (now := show(unit.name)).invocation == unit.invocation and not _is_next(hub, _hub(now)):
            if time.monotonic() > deadline:
                return False
            if process is None or select.select([process], [], [], health.POLL_SECONDS)[0]:
                time.sleep(ENDED_POLL_SECONDS)
    return True


def _is_next(hub: Hub | None, now: Hub | None) -> bool:
    """Return whether a hub was started after another one, with the same command."""
    return hub is not None and now is not None and hub.pid != now.pid and hub.command == now.command


def _hub(unit: Unit) -> Hub | None:
    with contextlib.suppress(HubNotFound):
        return hub_of(unit)
    return None
