# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide which tabs can resume after a restart of the server.

Replaces jupyter-collaboration's session file, which holds ten sessions and is not written atomically: a server that is killed at the wrong
moment forgets all sessions, and asks everyone to reload their documents.
"""

from __future__ import annotations

from typing import Any

from jupyter_server_ydoc.utils import SERVER_SESSION, YDOC_SERVER_VERSION

from .history import History


class Sessions:
    """Replaces the two functions of `jupyter_server_ydoc.utils` that its handlers call."""

    def __init__(self, past: History) -> None:
        self._past = past
        past.begin_session(SERVER_SESSION, YDOC_SERVER_VERSION)

    async def save(self, *_arguments: Any, **_options: Any) -> None:
        """Do nothing: the history recorded the session when it began."""

    def check(
        self, root_dir: str, client_session_id: str, current_version: str, *_arguments: Any, **_options: Any
    ) -> tuple[bool, str]:
        """Return whether a tab must not resume, and why. The room decides whether the tab can resume its document."""
        if client_session_id == SERVER_SESSION:
            return False, ""
        version = self._past.version_of(client_session_id)
        if version is None:
            return True, "unknown_session"
        # Only the major version counts. A document that a tab resumes comes from the history, never from its file, which another release
        # might load differently.
        differs = version.partition(".")[0] != current_version.partition(".")[0]
        return differs, "version_mismatch" if differs else ""
