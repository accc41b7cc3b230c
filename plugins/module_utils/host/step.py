# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a step of a change to a host: as a module of its own, or together with others in module `apply`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from . import state as host_state

Result = dict[str, Any]


class StepFailed(Exception):
    """A step failed. result: what its module returns besides the message."""

    def __init__(self, message: str, **result: Any) -> None:
        super().__init__(message)
        self.result = result


class Step:
    """The options of a step, and the module that runs it."""

    def __init__(self, module: AnsibleModule, params: dict[str, Any]) -> None:
        self.module = module
        self.params = params
        self.check_mode: bool = module.check_mode
        # What a run would repair without reporting a change. Only set in check mode.
        self.repairs: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Return what else a module offers, such as `run_command` and `warn`."""
        return getattr(self.module, name)


def run(module: AnsibleModule, apply: Callable[[Step], Result], *, locks: bool = True) -> None:
    """Run a step while no other run is active on the host, and end the module with its result.

    locks: whether to wait for other runs. In check mode, nothing waits.
    """
    os.umask(0o022)  # new files get their intended mode, even with a strict umask
    with contextlib.ExitStack() as stack:
        try:
            if locks and not module.check_mode:
                stack.enter_context(host_state.lock())
        except host_state.Unusable as error:
            module.fail_json(msg=f"{error}. Nothing was changed.")
        except OSError as error:
            place = error.filename or host_state.STATE_DIRECTORY
            module.fail_json(
                msg=f"{place}: {error.strerror or error}. Fix it, then rerun. Nothing was changed."
            )
        try:
            result = apply(Step(module, module.params))
        except StepFailed as error:
            module.fail_json(msg=str(error), **error.result)
    module.exit_json(**result)
