# SPDX-License-Identifier: GPL-3.0-or-later
"""Check every request of a server before its handler sees it, whichever extension the handler belongs to.

Jupyter's authorizer is asked only by handlers that ask it, and by jupyter-collaboration's only after it has created a room.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.web import RequestHandler

from ..releases import patches_tornado


@patches_tornado(
    "tornado.web:RequestHandler._execute(self, transforms)", "tornado.web:RequestHandler.prepare(self)"
)
def before_requests(check: Callable[[Any], Awaitable[None]]) -> None:
    """From now on, await `check` with each handler of this process before anything else. If it raises HTTPError, the request is refused.

    It can also answer the request itself.
    """
    kind: Any = RequestHandler
    execute = kind._execute
    if hasattr(execute, "is_checked"):
        return

    @functools.wraps(execute)
    async def checked(handler: Any, *arguments: Any, **options: Any) -> None:
        prepare = handler.prepare

        async def check_and_prepare() -> None:
            await check(handler)
            if handler._finished:
                return
            if (told := prepare()) is not None:
                await told

        handler.prepare = check_and_prepare
        await execute(handler, *arguments, **options)

    checked.is_checked = True  # type: ignore[attr-defined]
    kind._execute = checked
