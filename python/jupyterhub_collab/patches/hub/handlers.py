# SPDX-License-Identifier: GPL-3.0-or-later
"""Add pages and endpoints to a hub.

`JupyterHub.extra_handlers` is deprecated, so the hub would warn at each start, and a later file may replace it. The hub builds its routes
from the lists of its own handlers.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import apihandlers, handlers

from ..releases import patches_hub


@patches_hub("jupyterhub.handlers:default_handlers")
def add_page(address: str, handler: type[Any]) -> None:
    """Add a page, unless the hub of this process has it."""
    if (address, handler) not in handlers.default_handlers:
        handlers.default_handlers.append((address, handler))


@patches_hub("jupyterhub.apihandlers:default_handlers")
def add_endpoint(address: str, handler: type[Any]) -> None:
    """Add an endpoint of the API, unless the hub of this process has it."""
    if (address, handler) not in apihandlers.default_handlers:
        apihandlers.default_handlers.append((address, handler))
