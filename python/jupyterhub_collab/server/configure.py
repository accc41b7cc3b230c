# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a collaboration server, as far as configuration goes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from .settings import Settings

LAB_EXTENSIONS = Path(__file__).parent / "labextensions"


def configure(c: Any) -> None:
    """Turn on collaboration in a server with the configuration `c`; what an administrator has set stays."""
    settings = Settings.from_environment()
    c.ServerApp.jpserver_extensions.update(
        {"jupyter_server_ydoc": True, "jupyterhub_collab.server.extension": True}
    )
    # Which file a document belongs to is decided there and nowhere else.
    c.FileIdExtension.file_id_manager_class = "jupyterhub_collab.server.file_identity.FileIdentity"
    with contextlib.suppress(OSError):  # which the server tells when it begins its history
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Beside the history, which knows documents by these ids. In a home it may be on a disk that SQLite cannot be trusted on.
        for manager in ("ArbitraryFileIdManager", "LocalFileIdManager"):
            c[manager].setdefault("db_path", str(settings.state / "file_ids.db"))
    c.LabServerApp.extra_labextensions_path.append(str(LAB_EXTENSIONS))
    # Images and scripts drop what the hub adds to a command. It is the base class, so that what others say of `HubOAuth` counts.
    c.HubAuth.cache_max_age = settings.revocation_seconds
