# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a document open that nobody has open, while the server has something to do with it."""

from __future__ import annotations

import functools
from typing import Any

from ..releases import patches_collaboration


@patches_collaboration("jupyter_server_ydoc.handlers:YDocWebSocketHandler._clean_room(self)")
def keep_open_while_held(handlers: Any) -> None:
    """Make jupyter-collaboration close a document only when its room is quiet. handlers: the module of its handlers."""
    socket = handlers.YDocWebSocketHandler
    close = socket._clean_room

    @functools.wraps(close)
    async def close_when_quiet(handler: Any) -> None:
        # When someone opens the document meanwhile, this is canceled.
        await handler.room.until_quiet()
        await close(handler)

    socket._clean_room = close_when_quiet
