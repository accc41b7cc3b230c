# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the checks of the Python package (`jupyterhub_collab.verify`), and read their output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

from ..hub.process import at_most

SECONDS = 300  # a process that takes longer is considered hung


def run(
    command: list[str],
    surroundings: dict[str, Any],
    task: dict[str, Any],
    begun: Callable[[int], None],
    told: Callable[[dict[str, Any]], None],
) -> tuple[int, str]:
    """Run the checks of a task, and return the exit code and the error output.

    surroundings: arguments of `subprocess.Popen`. begun: called with the PID of the process. told: called with each message, which
    contains a row of the report or what must be undone. The process waits until the latter is recorded.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, **surroundings) as process:
        if not (process.stdin and process.stdout and process.stderr):
            raise AssertionError("they are pipes")
        begun(process.pid)
        try:
            with at_most(SECONDS, process):
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
            process.kill()
    return process.returncode, why
