# SPDX-License-Identifier: GPL-3.0-or-later
"""An event loop in its own thread, so that synchronous tests can keep documents open.

Every pycrdt object is created, used and freed on this loop, because pycrdt objects must not change threads.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="people", daemon=True).start()
    return loop


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop and return its result. Do not call this on the loop itself."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


def call(function: Callable[..., T], *args: Any) -> T:
    """Call a function on the loop and return its result."""

    async def work() -> T:
        return function(*args)

    return run(work())
