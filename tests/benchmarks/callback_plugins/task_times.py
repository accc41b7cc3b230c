# SPDX-License-Identifier: GPL-3.0-or-later
"""Record when each task of a play starts, in the file that the environment variable COLLAB_TASK_TIMES names."""

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: When each task begins
description: Writes names and moments of the tasks to a file, as JSON.
"""


class CallbackModule(CallbackBase):
    """Write a list of [name, seconds since the epoch]. The last entry, with an empty name, is the end of the play."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._begins: list[tuple[str, float]] = []

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._begins.append((task.name or task.action, time.time()))

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self.v2_playbook_on_task_start(task, False)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._begins.append(("", time.time()))
        Path(os.environ["COLLAB_TASK_TIMES"]).write_text(json.dumps(self._begins))
