# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate a node, on which a hub's servers run as jobs, and plan what to do there. Changes nothing."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.action import plan as host_plan
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import node_steps
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.plan import LAB_SETTINGS
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import nodes, rtc
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import Settings


class ActionModule(host_plan.ActionModule):
    """Reads the role's variables as action plugin plan does, asks the node to which the task is delegated, and returns its steps."""

    _VALID_ARGS = frozenset({"plan"})

    def _decide(self, wanted: Settings, task_vars: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        plan, node = self._plain(self._task.args["plan"]), str(self._task.delegate_to)
        host = json.loads(plan["nodes"]["facts"])
        account = host["account"].get("name")
        question = {
            "environment": nodes.environment(wanted.rtc, host),
            "lab_settings": [*LAB_SETTINGS],
            "accounts": [account] if account else [],
        }
        found = self._ask("node_plan", question, task_vars, result)
        if not rtc.is_removal(wanted.rtc):
            host_plan.refuse(nodes.node_problems(node, wanted.rtc, host, found))
        return {
            "before": json.dumps(node_steps.before(wanted.rtc, host, found)),
            "after": json.dumps(node_steps.after(wanted.rtc, host, found)),
            "numbers": found["numbers"],
        }
