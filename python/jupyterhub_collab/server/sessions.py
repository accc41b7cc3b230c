# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tabs may come back after a restart of the server.

Takes the place of jupyter-collaboration's file of sessions, which knows ten of them and is not written in one go: a server that is
killed at the wrong moment forgets all, and asks everyone to open their documents anew.
"""

from __future__ import annotations

from typing import Any

from jupyter_server_ydoc.utils import SERVER_SESSION, YDOC_SERVER_VERSION

from .history import History


class Sessions:
    """The two functions of `jupyter_server_ydoc.utils` that its handlers call."""

    def __init__(self, past: History) -> None:
        self._past = past
        past.begin_session(SERVER_SESSION, YDOC_SERVER_VERSION)

    async def save(self, *_arguments: Any, **_options: Any) -> None:
        """Do nothing: the session was noted when it began."""

    def check(
        self, root_dir: str, client_session_id: str, current_version: str, *_arguments: Any, **_options: Any
    ) -> tuple[bool, str]:
        """Return whether a tab must not come back, and why. Whether it may come back to its document, the room says."""
        if client_session_id == SERVER_SESSION:
            return False, ""
        version = self._past.version_of(client_session_id)
        if version is None:
            return True, "unknown_session"
        # A document is what its history says: nothing makes it anew from its file that another release would make otherwise.
        differs = version.partition(".")[0] != current_version.partition(".")[0]
        return differs, "version_mismatch" if differs else ""
