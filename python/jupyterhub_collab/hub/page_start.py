# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the hub start although the sharing page does not.

JupyterHub ends when a service that it manages has not answered within 10 s (JupyterHub 5) or 30 s (6). People can do without the page
for a while, but not without the hub: a busy machine needs longer, and another program may have taken the page's port.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from jupyterhub.app import JupyterHub

from ..names import SERVICE


def start_without_page() -> None:
    """Have the hub of this process go on when the page has not started. It starts the page's process again whenever that has ended."""
    if not hasattr(JupyterHub.start_service, "without_page"):
        JupyterHub.start_service = _goes_on(JupyterHub.start_service)


def _goes_on(start_service: Any) -> Any:
    @wraps(start_service)
    async def goes_on(self: JupyterHub, service_name: str, *args: Any, **options: Any) -> bool:
        started: bool = await start_service(self, service_name, *args, **options)
        if started or service_name != SERVICE:
            return started
        self.log.critical(
            "The hub starts without the sharing page, because the page's process has not answered. The lines above, or those that start with "
            "'sharing:', say why. The hub restarts that process whenever it ends"
        )
        return True

    goes_on.without_page = True  # type: ignore[attr-defined]
    return goes_on
