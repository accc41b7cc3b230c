# SPDX-License-Identifier: GPL-3.0-or-later
"""Set everything about a collaboration server that Jupyter's configuration can set."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir

from .settings import Settings

COOKIE_SECRET = "jupyter_cookie_secret"
LAB_EXTENSIONS = Path(__file__).parent / "labextensions"


def configure(c: Any) -> None:
    """Turn on collaboration in a server with the configuration `c`. What an administrator has set stays."""
    settings = Settings.from_environment()
    for name in settings.own_variables:
        os.environ.pop(name, None)
    c.ServerApp.jpserver_extensions.update(
        {"jupyter_server_ydoc": True, "jupyterhub_collab.server.extension": True}
    )
    if settings.chat:
        c.ServerApp.jpserver_extensions.update({"jupyterlab_chat": True})
    # The only place that decides which file a document belongs to.
    c.FileIdExtension.file_id_manager_class = "jupyterhub_collab.server.file_identity.FileIdentity"
    with contextlib.suppress(OSError):  # the history reports the error when it opens there
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Next to the history, which knows documents by these IDs. A home directory may be on a disk where SQLite is unsafe.
        for manager in ("ArbitraryFileIdManager", "LocalFileIdManager"):
            c[manager].setdefault("db_path", str(settings.state / "file_ids.db"))
        keep_cookies(c, settings.state)
    c.LabServerApp.extra_labextensions_path.append(str(LAB_EXTENSIONS))
    # Set here and not on the command line, because images and scripts drop options that the hub adds. Set on the base class, so that any
    # other setting of `HubOAuth` takes precedence.
    c.HubAuth.cache_max_age = settings.revocation_seconds


def keep_cookies(c: Any, state: Path) -> None:
    """Keep the secret of this server's cookies next to the history, so that open pages are known after a restart.

    Jupyter keeps it in the home directory, which a container may lose when it stops. A secret that is there stays in use.
    """
    ours, usual = state / COOKIE_SECRET, Path(jupyter_runtime_dir()) / COOKIE_SECRET
    if ours.exists() or not usual.exists():
        c.ServerApp.setdefault("cookie_secret_file", str(ours))
