# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply the plan of a node: with `applied` the steps after the hub has changed, without it those before."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.action import plan as host_plan
from ansible_collections.collab.jupyterhub.plugins.action.apply import ENVIRONMENT
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply.data import with_base_url
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import node_steps
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files


class ActionModule(host_plan.ActionModule):
    """Runs the module of the same name on the node to which the task is delegated."""

    _VALID_ARGS = frozenset({"nodes", "applied"})

    def _plan(self, task_vars: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        node = str(self._task.delegate_to)
        planned = next(each for each in self._plain(self._task.args["nodes"]) if each["item"] == node)
        applied = self._plain(self._task.args.get("applied") or {})
        steps = json.loads(planned["after" if applied else "before"])
        for step in steps:
            step["options"] = with_base_url(step["options"], applied.get("base_url", "/"))
            if step["name"] == node_steps.ACCOUNTS:
                step["options"]["accounts"] = applied["accounts"]
        if not steps:
            return {"changed": False, "steps": {}}
        options = {
            "steps": steps,
            "package": package_files(),
            "environment": self._plain(task_vars.get(ENVIRONMENT) or {}),
        }
        done = self._ask("node", options, task_vars, result)
        return {name: done[name] for name in ("changed", "diff", "steps") if name in done}
