# SPDX-License-Identifier: GPL-3.0-or-later
"""Call functions while a hub starts. JupyterHub has no hook there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from jupyterhub.app import JupyterHub

from ..releases import patches_hub


@patches_hub("jupyterhub.app:JupyterHub.start(self)")
def before_start(call: Callable[[Any], None]) -> None:
    """Call a function with the hub when its database and its servers are loaded, and before it answers requests."""
    start = JupyterHub.start

    @wraps(start)
    async def call_and_start(hub: Any) -> None:
        call(hub)
        await start(hub)

    JupyterHub.start = call_and_start


@patches_hub("jupyterhub.app:JupyterHub.cleanup_oauth_clients(self)")
def before_cleanup(call: Callable[[Any], None]) -> None:
    """Call a function with the hub when it knows which servers are running, and before it deletes the OAuth clients of all others."""
    cleanup = JupyterHub.cleanup_oauth_clients

    @wraps(cleanup)
    def call_and_clean_up(hub: Any) -> None:
        call(hub)
        cleanup(hub)

    JupyterHub.cleanup_oauth_clients = call_and_clean_up
