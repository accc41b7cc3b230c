# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a running hub and leaves the servers that people work on.

A hub that gets a signal stops everybody's server first, unless `c.JupyterHub.cleanup_servers` is False, which it is
not by default. One that is asked for its shutdown through its API can be told not to.
"""

from __future__ import annotations

import time

from . import hub_health
from .hub_api import HubApi, NoAnswer
from .systemd_unit import Unit, show

SCOPE = "shutdown"


def shut_down(unit: Unit, api: HubApi, timeout: float, *, with_proxy: bool = False) -> None:
    """Return when the hub that this unit was seen to run has ended by itself.

    Without `with_proxy` the proxy goes or stays as the hub's configuration says: a hub finds again only what it would
    have left itself. Raises NoAnswer where the hub refuses, or has not ended after `timeout` seconds.
    """
    status, _answer = api.request(
        "POST", "/shutdown", {"servers": False} | ({"proxy": True} if with_proxy else {})
    )
    if status != 202:
        raise NoAnswer(f"its API at {api.url} answered {status} to the request for its shutdown")
    deadline = time.monotonic() + timeout
    while show(unit.name).invocation == unit.invocation:
        if time.monotonic() > deadline:
            raise NoAnswer(f"it did not end within {timeout:g} s of the request")
        time.sleep(hub_health.POLL_SECONDS)
