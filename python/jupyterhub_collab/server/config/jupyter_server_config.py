# SPDX-License-Identifier: GPL-3.0-or-later
"""Guards a server that has this directory in its JUPYTER_CONFIG_PATH, and turns on live collaboration there, and in no other."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the environment is not ours to choose
    sys.exit(
        f"This server does not start: its collaboration needs Python 3.11 or newer, and the environment {sys.prefix} has"
        f" {sys.version_info[0]}.{sys.version_info[1]}. Make JupyterLab's environment anew with a newer Python."
    )
sys.path.append(str(Path(__file__).parents[3]))
try:
    from jupyterhub_collab.server.guard import put_in_force

    put_in_force()
except Exception as error:
    # Jupyter would log it, and have the server run without what this file says.
    sys.exit(
        f"This server cannot be guarded against its visitors, and so does not start ({error!r}): run the playbook jupyter_rtc again, or"
        " update its collection."
    )

from jupyterhub_collab.server.configure import configure

configure(c)  # type: ignore[name-defined]  # noqa: F821  # pylint: disable=undefined-variable
