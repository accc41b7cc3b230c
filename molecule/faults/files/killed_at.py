#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An interpreter for Ansible's modules that kills itself at one step of a module of this collection.

The name under which it is called is the step, FUNCTION.EVENT[.NUMBER]: the first or NUMBERth time that the event happens to the
function. Events are Python's own (`sys.setprofile`): call and return, and c_call and c_return for functions that are not written in
Python. The name of those follows that of their caller, as in swap-replace.c_return.
"""

import os
import signal
import sys
from types import FrameType
from typing import Any

OURS = "collab/jupyterhub/plugins"
function, event, *number = os.path.basename(sys.argv[0]).split(".")
left = int(number[0]) if number else 1


def watch(frame: FrameType, happened: str, what: Any) -> None:
    global left  # noqa: PLW0603
    if happened != event or OURS not in frame.f_code.co_filename:
        return
    name = frame.f_code.co_name
    if event.startswith("c_"):
        name += f"-{what.__name__}"
    if name == function:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)


program = sys.argv[1:2]
if program and not program[0].startswith("-"):
    with open(program[0]) as file:
        source = file.read()
else:
    source = sys.stdin.read()
sys.argv[:] = program or ["-"]
sys.setprofile(watch)
exec(compile(source, program[0] if program else "<stdin>", "exec"), {"__name__": "__main__"})
