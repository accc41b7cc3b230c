# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one kernel per notebook, even if several pages ask for one at once.

A page that opens a notebook uses the kernel that the notebook already has. A page that stayed open while the server restarted does not
check: it starts a kernel under a random path, which it then changes to the notebook's path. Without this module, each window would have its
own kernel, without the variables that others define.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from jupyter_core.utils import ensure_async

from ..releases import patches_server


@patches_server(
    "jupyter_server.services.sessions.sessionmanager:SessionManager.start_kernel_for_session(self, session_id)",
    "jupyter_server.services.sessions.sessionmanager:SessionManager.update_session(self, session_id)",
    "jupyter_server.services.sessions.sessionmanager:SessionManager.list_sessions(self)",
)
def share_kernels(sessions: Any) -> None:
    """Make a session that moves to a notebook with a running session use that session's kernel. The server ends the kernel it came with.

    sessions: the server's `SessionManager`.
    """
    begin, update = sessions.start_kernel_for_session, sessions.update_session
    # Sessions for which a kernel was started. A kernel that a page has chosen among the running ones must not be ended.
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
    """Return the `kernel_id` of another session at `path`, to which a new session is about to move; empty if there is none."""
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
