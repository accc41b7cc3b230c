# SPDX-License-Identifier: GPL-3.0-or-later
"""Read large requests only of visitors whom the hub admits.

tornado reads a request's body into memory before its handler can refuse the request. Jupyter accepts 512 MB, so with a few requests,
anyone who reaches the server could fill its memory, and end it.
"""

from __future__ import annotations

import functools
from logging import getLogger
from typing import Any

from jupyter_server.serverapp import ServerWebApplication
from tornado.httputil import HTTPMessageDelegate
from tornado.web import RequestHandler

from ...server.hub_credentials import admits
from ..releases import patches_server

LOG = getLogger("tornado.application")
LARGEST_OF_STRANGERS = 100_000  # bytes


@patches_server("jupyter_server.serverapp:ServerWebApplication.find_handler(self, request)")
def limit_bodies() -> None:
    """From now on, refuse larger requests of others in this process."""
    application: Any = ServerWebApplication
    find_handler = application.find_handler

    @functools.wraps(find_handler)
    def found(app: Any, request: Any, **options: Any) -> Any:
        handler = find_handler(app, request, **options)
        return Limited(app, request, handler) if may_be_large(request.headers) else handler

    application.find_handler = found


def may_be_large(headers: Any) -> bool:
    """Return whether a request may have a large body. The size of one that is sent in chunks is unknown."""
    if "Transfer-Encoding" in headers:
        return True
    try:
        return int(headers.get("Content-Length", "0")) > LARGEST_OF_STRANGERS
    except ValueError:  # no number, or one of thousands of digits
        return True


class Limited(HTTPMessageDelegate):
    """Finds out who sends a request, before its body is read."""

    def __init__(self, app: Any, request: Any, handler: Any) -> None:
        self._app, self._request, self._handler = app, request, handler

    async def headers_received(self, start_line: Any, headers: Any) -> None:
        if not await self._is_admitted():
            self._request.connection.set_max_body_size(LARGEST_OF_STRANGERS)
        if (told := self._handler.headers_received(start_line, headers)) is not None:
            await told

    async def _is_admitted(self) -> bool:
        try:
            return await admits(RequestHandler(self._app, self._request))
        except Exception as error:  # the hub does not answer
            LOG.warning("Failed to find out who sends a large request: %r", error)
            return False

    def data_received(self, chunk: bytes) -> Any:
        return self._handler.data_received(chunk)

    def finish(self) -> None:
        self._handler.finish()

    def on_connection_close(self) -> None:
        self._handler.on_connection_close()
