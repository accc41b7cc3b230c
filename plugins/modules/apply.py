#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a plan to a host in one process."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apply
short_description: Apply a plan of role jupyterhub_rtc to a host
version_added: 1.1.0
description:
  - Does what M(collab.jupyterhub.python_packages), M(collab.jupyterhub.shared_accounts), M(collab.jupyterhub.project_workspaces) and
    M(collab.jupyterhub.hub_config) do, and writes JupyterLab's default settings, one after the other, while no other run is active. Stops at
    the first failure.
  - Records what it has applied. If M(collab.jupyterhub.plan) finds that the same plan would change nothing, this task does nothing on the
    host.
  - Also writes the snippet for images and start scripts and the recipe of images on the machine that runs the playbook, and the report.
options:
  plan:
    description: What M(collab.jupyterhub.plan) returned. The action plugin reads it, and gives the module the other options instead.
    type: dict
    default: {}
  nodes:
    description: The results of M(collab.jupyterhub.node_plan) for all nodes. The action plugin reads them.
    type: list
    elements: dict
    default: []
  steps:
    description: The steps, in order. Each has the options of one of these modules, or of a step that has no module.
    type: list
    elements: dict
    default: []
  package:
    description: The files of the Python package that fragments import.
    type: dict
    default: {}
  question:
    description: What M(collab.jupyterhub.project_info) was asked.
    type: dict
    default: {}
  environment:
    description: Environment variables for the tools that install packages. They may contain passwords.
    type: dict
    default: {}
  service:
    description: The systemd unit that runs the hub.
    type: str
    default: jupyterhub
attributes:
  check_mode:
    support: full
    description: Reports what would change.
  diff_mode:
    support: full
    description: Shows what each step shows.
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Apply the plan
  collab.jupyterhub.apply:
    plan: "{{ plan }}"
"""

RETURN = r"""
report:
  description: What changed, who has access now, and the address for users.
  type: list
  elements: str
  returned: success
base_url:
  description: The hub's prefix.
  type: str
  returned: success
accounts:
  description: The accounts that nodes must have, too, with their numbers.
  type: list
  elements: dict
  returned: success
steps:
  description: The results of the steps, by name. The action plugin does not return them.
  type: dict
  returned: success
"""

import contextlib
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply import record, steps
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply.kinds import KINDS
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import step
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import NoSystemd, show
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import loaded


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "dict", "default": {}},
            "nodes": {"type": "list", "elements": "dict", "default": []},
            "steps": {"type": "list", "elements": "dict", "default": []},
            "package": {"type": "dict", "default": {}},
            "question": {"type": "dict", "default": {}},
            "environment": {"type": "dict", "default": {}, "no_log": True},
            "service": {"type": "str", "default": "jupyterhub"},
        },
        supports_check_mode=True,
    )
    # A module returns its options, however it ends. These contain passwords and the package.
    given, module.params = module.params, {}
    # The passwords were not logged. They are not looked for in the result, where a value such as `1` would be found everywhere.
    module.no_log_values.clear()
    step.run(module, lambda _step: apply(module, given))


def apply(module: AnsibleModule, given: dict[str, Any]) -> dict[str, Any]:
    """Apply all steps, and record them. Raises StepFailed."""
    environment = {name: str(value) for name, value in given["environment"].items()}

    def start(params: dict[str, Any]) -> step.Step:
        return step.Step(module, params | ({"package": given["package"]} if "package" in params else {}))

    if not module.check_mode:
        with contextlib.suppress(NoSystemd):
            loaded.begin_to_load(show(given["service"]))
    result = steps.apply_all(KINDS, given["steps"], start, environment)
    if not module.check_mode:
        try:
            record.keep(host_state.name_of(given["service"]), given["steps"], given["question"])
        except OSError as error:
            module.warn(
                f"Failed to record in {host_state.STATE_DIRECTORY} what was applied ({error.strerror or error}), so the next run looks at everything again."
            )
    return result


if __name__ == "__main__":
    main()
