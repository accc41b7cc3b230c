# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns on live collaboration in a server that has this directory in its JUPYTER_CONFIG_PATH, and in no other."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
from jupyterhub_collab.server.configure import configure

configure(c)  # type: ignore[name-defined]  # noqa: F821  # pylint: disable=undefined-variable
