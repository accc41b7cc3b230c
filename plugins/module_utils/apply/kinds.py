# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All kinds of steps."""

from __future__ import annotations

import os
import shutil

from ..host import shared_accounts
from ..host.step import Result, Step, StepFailed
from ..hub import change
from ..nodes import accounts as node_accounts
from ..nodes import package as node_package
from ..packages import installation, lab_files
from ..projects import workspaces
from .record import HUB_ARGUMENTS
from .steps import Kinds


def remove(step: Step) -> Result:
    """Delete a file, or a directory with everything in it."""
    path: str = step.params["path"]
    is_there = os.path.lexists(path)
    if is_there and not step.check_mode:
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except OSError as error:
            raise StepFailed(
                f"Failed to delete {error.filename or path}: {error.strerror or error}. Fix it, then rerun."
            ) from error
    return {"changed": is_there, "diff": {"before": f"{path}\n", "after": ""}}


KINDS: Kinds = {
    "hub_config": (HUB_ARGUMENTS, change.apply),
    "lab_settings": (lab_files.ARGUMENTS, lab_files.apply),
    "node_accounts": (node_accounts.ARGUMENTS, node_accounts.apply),
    "node_package": (node_package.ARGUMENTS, node_package.apply),
    "numbers_of_nodes": (node_accounts.RESERVE_ARGUMENTS, node_accounts.reserve),
    "project_workspaces": (workspaces.ARGUMENTS, workspaces.apply),
    "python_packages": (installation.ARGUMENTS, installation.apply),
    "remove": ({"path": {"type": "path", "required": True}}, remove),
    "shared_accounts": (shared_accounts.ARGUMENTS, shared_accounts.apply),
}
