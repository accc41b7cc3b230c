# SPDX-License-Identifier: GPL-3.0-or-later
"""Read large requests only of visitors whom the hub admits."""

from __future__ import annotations

import functools
from typing import Any

from jupyter_server.serverapp import ServerWebApplication
from tornado.web import RequestHandler

from ...server.hub_credentials import admits
from ...strangers import limited
from ..releases import patches_server


@patches_server("jupyter_server.serverapp:ServerWebApplication.find_handler(self, request)")
def limit_bodies() -> None:
    """From now on, refuse larger requests of others in this process."""
    application: Any = ServerWebApplication
    find_handler = application.find_handler

    @functools.wraps(find_handler)
    def found(app: Any, request: Any, **options: Any) -> Any:
        handler = find_handler(app, request, **options)
        return limited(request, handler, lambda: admits(RequestHandler(app, request)))

    application.find_handler = found
