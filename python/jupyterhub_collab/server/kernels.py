# SPDX-License-Identifier: GPL-3.0-or-later
"""One kernel for a notebook, also where several pages look for one at once.

A page that has opened a notebook looks whether it has a kernel already, and takes that one. A page that has stayed open while the
server ended does not look again: it starts a kernel under a random path, which it then changes into the notebook's. So each window
would have a kernel of its own, and what one person defines, the others would lack.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from jupyter_core.utils import ensure_async


def share_kernels(sessions: Any) -> None:
    """Have a session that finds another one at its notebook take that one's kernel; the server ends the one that it came with.

    sessions: the server's `SessionManager`.
    """
    begin, update = sessions.start_kernel_for_session, sessions.update_session
    # Those for which a kernel was started. What a page has chosen among those that run is nobody's to end.
    started: set[str] = set()
    one_at_a_time = asyncio.Lock()

    async def start_kernel_for_session(session_id: str, *arguments: Any, **options: Any) -> Any:
        started.add(session_id)
        return await begin(session_id, *arguments, **options)

    async def update_session(session_id: str, **changes: Any) -> None:
        async with one_at_a_time:
            if session_id in started and "path" in changes and "kernel_id" not in changes:
                started.discard(session_id)
                changes |= await _kernel_at(sessions, session_id, changes["path"])
            await update(session_id, **changes)

    sessions.start_kernel_for_session = start_kernel_for_session
    sessions.update_session = update_session


async def _kernel_at(sessions: Any, session_id: str, path: str) -> dict[str, str]:
    """Return the kernel of another session at the path that a session which has just begun goes to; nothing where there is none."""
    every = {each["id"]: each for each in await ensure_async(sessions.list_sessions())}
    own = every.get(session_id)
    if own is None or not _is_random(own["path"]):
        return {}
    for each in every.values():
        alike = (each["type"], each["kernel"]["name"]) == (own["type"], own["kernel"]["name"])
        if each is not own and each["path"] == path and alike:
            return {"kernel_id": str(each["kernel"]["id"])}
    return {}


def _is_random(path: str) -> bool:
    try:
        uuid.UUID(path)
    except ValueError:
        return False
    return True
