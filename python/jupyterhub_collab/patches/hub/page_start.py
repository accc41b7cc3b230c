# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the hub start even if the sharing page does not.

JupyterHub exits if a managed service does not answer within 10 s (JupyterHub 5) or 30 s (JupyterHub 6). A busy host may need longer, and
another program may have taken the page's port. Users can do without the page for a while, but not without the hub.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from jupyterhub.app import JupyterHub

from ...names import SERVICE
from ..releases import patches_hub


@patches_hub("jupyterhub.app:JupyterHub.start_service(self, service_name)")
def start_without_page() -> None:
    """Let the hub of this process continue if the page has not started. The hub restarts the page's process whenever it ends."""
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
