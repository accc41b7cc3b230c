# SPDX-License-Identifier: GPL-3.0-or-later
"""Protect a server that has this directory in its JUPYTER_CONFIG_PATH, and turn on live collaboration only there."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the environment is not ours to choose
    sys.exit(
        f"This server does not start, because live collaboration needs Python 3.11 or newer, but the environment {sys.prefix} has"
        f" {sys.version_info[0]}.{sys.version_info[1]}. Recreate JupyterLab's environment with a newer Python."
    )
sys.path.append(str(Path(__file__).parents[3]))
try:
    from jupyterhub_collab.server.garbage import look_rarely

    look_rarely()
    from jupyterhub_collab.server.configure import configure
    from jupyterhub_collab.server.guard import put_in_force

    put_in_force()
    configure(c)  # type: ignore[name-defined]  # noqa: F821  # pylint: disable=undefined-variable
except Exception as error:
    # Jupyter would log the error and run the server without this file's settings.
    sys.exit(
        f"This server does not start, because it cannot be protected from its visitors ({error!r}). Run the playbook jupyter_rtc again, or"
        " update its collection."
    )
