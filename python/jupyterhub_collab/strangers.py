# SPDX-License-Identifier: GPL-3.0-or-later
"""Read large requests only of people who are known.

tornado reads a request's body into memory before its handler can refuse the request. Jupyter accepts 512 MB and JupyterHub 100 MB, so with a
few requests, anyone who reaches the process could fill its memory, and end it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from logging import getLogger
from typing import Any

from tornado.httputil import HTTPMessageDelegate

LOG = getLogger("tornado.application")
LARGEST_OF_STRANGERS = 100_000  # bytes


def limited(request: Any, handler: Any, is_known: Callable[[], Awaitable[bool]]) -> Any:
    """Return what takes a request in. If it may be large, find out first whether its sender is known, and else refuse its body."""
    return Limited(request, handler, is_known) if may_be_large(request.headers) else handler


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

    def __init__(self, request: Any, handler: Any, is_known: Callable[[], Awaitable[bool]]) -> None:
        self._request, self._handler, self._is_known = request, handler, is_known

    async def headers_received(self, start_line: Any, headers: Any) -> None:
        try:
            is_known = await self._is_known()
        except Exception as error:  # for example, the hub does not answer
            LOG.warning("Failed to find out who sends a large request: %r", error)
            is_known = False
        if not is_known:
            self._request.connection.set_max_body_size(LARGEST_OF_STRANGERS)
        if (told := self._handler.headers_received(start_line, headers)) is not None:
            await told

    def data_received(self, chunk: bytes) -> Any:
        return self._handler.data_received(chunk)

    def finish(self) -> None:
        self._handler.finish()

    def on_connection_close(self) -> None:
        self._handler.on_connection_close()
