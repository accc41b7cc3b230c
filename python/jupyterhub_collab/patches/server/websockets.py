# SPDX-License-Identifier: GPL-3.0-or-later
"""Notice every websocket while it is open, those of other extensions included."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tornado.websocket import WebSocketHandler

from .releases import patches_tornado


@patches_tornado("tornado.websocket:WebSocketHandler.get(self)")
def while_open(begin: Callable[[Any], Callable[[], None] | None]) -> None:
    """From now on, call a function with each websocket of this process that opens, and what it returns when the websocket has closed."""
    websocket: Any = WebSocketHandler
    get = websocket.get

    @functools.wraps(get)
    async def noticed(handler: Any, *arguments: Any, **options: Any) -> None:
        end = begin(handler)
        try:
            await get(handler, *arguments, **options)  # returns when the connection has ended
        finally:
            if end is not None:
                end()

    websocket.get = noticed
