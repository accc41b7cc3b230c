# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pass the access matrix and the collection's Python package, which contains the checks, to the module. Write the report on the
controller.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import access

KEPT = ("host", "hub", "rows", "seconds")


def keep(path: Path, result: dict[str, Any]) -> None:
    """Write the report to a file on the controller, as JSON. Raises AnsibleActionFail if this fails."""
    try:
        path.write_text(json.dumps({name: result[name] for name in KEPT}, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise AnsibleActionFail(f"Failed to write the report to {path}: {error.strerror}.") from error


class ActionModule(ActionBase):
    """Runs the module of the same name with the package's files and the access matrix."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = {**self._task.args, "access": access.for_verify(), "package": package_files()}
        report = arguments.pop("report", None)
        result |= self._execute_module(
            "collab.jupyterhub.hub_verify", module_args=arguments, task_vars=task_vars
        )
        if report and "rows" in result:
            keep(Path(report), {"host": (task_vars or {}).get("inventory_hostname"), **result})
        return result
