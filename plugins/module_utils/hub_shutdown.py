# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a running hub and leaves the servers that people work on.

A hub that gets a signal stops everyone's server first, unless `c.JupyterHub.cleanup_servers` is False, which it is
not by default. One that is asked for its shutdown through its API can be told not to.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from . import hub_health
from .hub_api import HubApi, NoAnswer
from .hub_process import pid_of
from .systemd_unit import Unit, show

SCOPE = "shutdown"
# A hub answers this request before it does anything.
ANSWER_SECONDS = 10


def shut_down(unit: Unit, api: HubApi, timeout: float, *, with_proxy: bool = False) -> None:
    """Return when the hub that this unit ran has exited.

    Without `with_proxy` the proxy goes or stays as the hub's configuration says: a hub finds again only what it would
    have left itself. Raises NoAnswer where the hub refuses, or has not ended after `timeout` seconds.
    """
    body = {"servers": False, "proxy": True} if with_proxy else {"servers": False}
    status, _answer = api.request("POST", "/shutdown", body, timeout=ANSWER_SECONDS)
    if status != 202:
        raise NoAnswer(f"its API at {api.url} answered {status} to the request for its shutdown")
    if not _has_ended(unit, timeout):
        raise NoAnswer(f"it did not end within {timeout:g} s of the request")


def kill(unit: Unit, timeout: float) -> None:
    """Kill the hub that this unit was seen to run: the one signal upon which it stops nobody's server.

    What a hub has to keep is in its database, and the next one goes on from there, as after a crash.
    """
    with contextlib.suppress(ProcessLookupError):  # it ended this instant
        os.kill(pid_of(unit), signal.SIGKILL)
    _has_ended(unit, timeout)


def _has_ended(unit: Unit, timeout: float) -> bool:
    """Wait for the end of the hub that this unit was seen to run, and return whether it came in time."""
    deadline = time.monotonic() + timeout
    while show(unit.name).invocation == unit.invocation:
        if time.monotonic() > deadline:
            return False
        time.sleep(hub_health.POLL_SECONDS)
    return True
