# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the variables for a hub on Kubernetes, and plan the files. Connects to no host, and changes nothing."""

from __future__ import annotations

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.action import plan as host_plan
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import kubernetes_plan, plan
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import kubernetes
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import Settings

DIRECTORY = "jupyterhub_kubernetes_directory"


class ActionModule(host_plan.ActionModule):
    """Reads the role's variables as action plugin plan does, and returns the files."""

    def _decide(self, wanted: Settings, task_vars: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        host_plan.refuse(plan.setting_problems(wanted))
        host_plan.refuse(kubernetes.problems(wanted.kubernetes, self._directories_of_others(task_vars)))
        return kubernetes_plan.plan(wanted)

    def _directories_of_others(self, task_vars: dict[str, Any]) -> list[str]:
        others = {*task_vars["ansible_play_hosts_all"]} - {task_vars["inventory_hostname"]}
        found = [task_vars["hostvars"][other].get(DIRECTORY) for other in others]
        return [str(self._plain(directory)) for directory in found if directory is not None]
