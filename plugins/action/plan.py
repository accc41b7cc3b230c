# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the variables of role jupyterhub_rtc and the host, and plan what to do there. Changes nothing."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import plan, unchanged
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import nodes, settings

NODES = "jupyterhub_rtc_nodes"


class Refused(Exception):
    """The role cannot run. Has the result of the task."""

    def __init__(self, *problems: str, result: dict[str, Any] | None = None) -> None:
        super().__init__(*problems)
        self.result = result or {"failed": True, "msg": f"{'. '.join(problems)}. Nothing was changed."}


class ActionModule(ActionBase):
    """Reads the role's variables, asks the host, and returns the plan."""

    TRANSFERS_FILES = False
    _VALID_ARGS: frozenset[str] = frozenset()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        # The plan holds every project. It has no place in the output of a run.
        result |= {"changed": False, "_ansible_verbose_override": True}
        try:
            return result | self._plan(task_vars or {}, result)
        except Refused as refused:
            return result | refused.result

    def _plan(self, task_vars: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        given = {name: self._plain(task_vars[name]) for name in settings.names() if name in task_vars}
        if given.get(NODES) is None:
            given[NODES] = self._plain((task_vars.get("groups") or {}).get(nodes.GROUP, []))
        try:
            wanted = settings.resolve(given, task_vars.get("inventory_hostname", ""))
        except settings.Mistakes as mistakes:
            raise Refused(str(mistakes)) from mistakes
        return self._decide(wanted, task_vars, result)

    def _decide(
        self, wanted: settings.Settings, task_vars: dict[str, Any], result: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the plan. Raises Refused."""
        refuse(plan.setting_problems(wanted))
        refuse(plan.node_problems(wanted, (task_vars.get("groups") or {}).get("all", [])))
        hub = plan.hub_question(wanted)
        if hub["people"]:
            host = self._ask("hub_info_with_projects", {"hub": hub}, task_vars, result)
        else:
            host = self._ask("hub_info", hub, task_vars, result)
        refuse(plan.host_problems(wanted, host))
        found: dict[str, Any] = {}
        if question := plan.project_question(wanted, host):
            found = unchanged.found(host, question) or self._ask("project_info", question, task_vars, result)
            refuse(plan.project_problems(wanted, host, found))
        made = plan.plan(wanted, host, found)
        texts = {"question": question or {}, "unchanged": unchanged.unchanged(made, host)}
        return made | {name: json.dumps(value) for name, value in texts.items()}

    def _plain(self, value: Any) -> Any:
        """Return a variable's value as plain data, because Ansible looks at every part of its own at each use."""
        return json.loads(json.dumps(self._templar.template(value), default=str))

    def _ask(
        self, module: str, arguments: dict[str, Any], task_vars: dict[str, Any], result: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the result of a module on the host. Adds to the task's result what is for Ansible."""
        found: dict[str, Any] = self._execute_module(
            f"collab.jupyterhub.{module}", module_args=arguments, task_vars=task_vars
        )
        if found.get("failed"):
            raise Refused(result=found)
        for name in ("warnings", "deprecations"):
            if name in found:
                result[name] = [*result.get(name, []), *found[name]]
        if "ansible_facts" in found:  # the interpreter that Ansible has found
            result["ansible_facts"] = found["ansible_facts"]
        return found


def refuse(problems: list[str]) -> None:
    """Raise Refused if there are problems."""
    if problems:
        raise Refused(*problems)
