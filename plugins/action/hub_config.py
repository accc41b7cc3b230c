# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pass the collection's Python package to the module, so that one task installs the complete change."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files


class ActionModule(ActionBase):
    """Runs the module of the same name with the package's files."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = {**self._task.args, "package": package_files()}
        result |= self._execute_module(
            "collab.jupyterhub.hub_config", module_args=arguments, task_vars=task_vars
        )
        return result
