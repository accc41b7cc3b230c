# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the checks of the Python package (`jupyterhub_collab.proof`), and reads their output."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from typing import Any

SECONDS = 300  # a process that takes longer hangs


def run(
    command: list[str],
    surroundings: dict[str, Any],
    task: dict[str, Any],
    begun: Callable[[int], None],
    told: Callable[[dict[str, Any]], None],
) -> tuple[int, str]:
    """Run the checks of a task to their end, and return the exit code and the reason.

    begun: called with the number of the process. told: called with the rows, one each, and with what must be undone; the
    process waits until that was recorded.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, **surroundings) as process:
        if not (process.stdin and process.stdout and process.stderr):
            raise AssertionError("they are pipes")
        begun(process.pid)
        limit = threading.Timer(SECONDS, process.kill)
        limit.start()
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                said = json.loads(line)
                told(said)
                if "undo" in said:
                    process.stdin.write("\n")
                    process.stdin.flush()
            why = process.stderr.read()
        finally:
            limit.cancel()
            process.kill()
    return process.returncode, why
