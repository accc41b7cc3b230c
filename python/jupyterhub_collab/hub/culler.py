# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out from a hub's configuration when its idle culler stops a server."""

from __future__ import annotations

import re
from typing import Any

from .roles import value_of

NAME = re.compile(r"idle[-_]cull|cull[-_]idle")  # the package jupyterhub-idle-culler, or the older script
DEFAULT_SECONDS = 600  # the culler's default timeout
TIMEOUT = re.compile(r"--(?:IdleCuller\.)?timeout[= ](\d+)")
FILE = re.compile(r"--(?:config|IdleCuller\.config_file)[= ]")


def culler_seconds(c: Any) -> int | None:
    """Return after how many seconds a culler that is a service of the hub stops an idle server; 0 without such a culler.

    None if that is unknown, because the culler reads its timeout from a file of its own.
    """
    for service in value_of(c.JupyterHub, "services", []):
        command = service.get("command") or []
        line = command if isinstance(command, str) else " ".join(map(str, command))
        if NAME.search(line):
            told = TIMEOUT.findall(line)
            return int(told[-1]) if told else None if FILE.search(line) else DEFAULT_SECONDS
    return 0
