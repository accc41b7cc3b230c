# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the checks of the Python package (`jupyterhub_collab.verify`), and read their output."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import IO, Any

from ..hub import health
from ..hub.process import at_most

SECONDS = 300  # a process that takes longer is considered hung


def run(
    command: list[str],
    surroundings: dict[str, Any],
    task: dict[str, Any],
    begun: Callable[[int], None],
    told: Callable[[dict[str, Any]], None],
) -> tuple[str, str]:
    """Run the checks of a task, and return why they did not complete, as a sentence (empty if they did), and the error output.

    surroundings: arguments of `subprocess.Popen`. begun: called with the PID of the process. told: called with each message, which
    contains a row of the report or what must be undone. The process waits until the latter is recorded.
    """
    pipe = subprocess.PIPE
    # A file, because a pipe that nobody reads would stop a process that writes much.
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, **surroundings) as process,
    ):
        if not (process.stdin and process.stdout):
            raise AssertionError("they are pipes")
        begun(process.pid)
        started = time.monotonic()
        try:
            with at_most(SECONDS, process.kill):
                # If the process has ended, its output says why.
                with contextlib.suppress(BrokenPipeError):
                    _talk(process.stdin, process.stdout, task, told)
                code = process.wait()
        finally:
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        errors.seek(0)
        output = errors.read()
    return _why(code, time.monotonic() - started, output), output


def _talk(say: IO[str], hear: IO[str], task: dict[str, Any], told: Callable[[dict[str, Any]], None]) -> None:
    say.write(json.dumps(task) + "\n")
    say.flush()
    for line in hear:
        if not line.startswith("{"):
            continue  # the hub's environment may print something when Python starts
        told(said := json.loads(line))
        if "undo" in said:
            say.write("\n")
            say.flush()


def _why(code: int, seconds: float, output: str) -> str:
    if code == 0:
        return ""
    if code == -signal.SIGKILL and seconds >= SECONDS:
        return f"It was stopped after {SECONDS:g} s"
    if code < 0:
        return f"Its process was killed by {signal.Signals(-code).name}"
    return health.last_line(output) if output.strip() else f"Its process ended with status {code}"
