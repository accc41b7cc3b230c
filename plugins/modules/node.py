#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare a node, on which a hub's servers run as jobs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node
short_description: Apply a plan to a node, on which a hub's servers run as jobs
version_added: 1.1.0
description:
  - Installs what servers need on the node, or removes it, as M(collab.jupyterhub.node_plan) has planned. The task must be delegated to the
    node.
options:
  nodes:
    description: The results of M(collab.jupyterhub.node_plan) for all nodes. The action plugin picks the one of this node, and gives the module
      the other options instead.
    type: list
    elements: dict
    default: []
  applied:
    description: What M(collab.jupyterhub.apply) returned, once the hub has changed.
    type: dict
    default: {}
  steps:
    description: The steps, in order.
    type: list
    elements: dict
    default: []
  package:
    description: The files of the Python package that servers import.
    type: dict
    default: {}
  environment:
    description: Environment variables for the tools that install packages. They may contain passwords.
    type: dict
    default: {}
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
- name: Prepare the nodes
  collab.jupyterhub.node:
    nodes: "{{ nodes.results }}"
  loop: "{{ plan.nodes.hosts }}"
  delegate_to: "{{ item }}"
"""

RETURN = r"""
steps:
  description: The results of the steps, by name.
  type: dict
  returned: success
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply import steps
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply.kinds import KINDS
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import step


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "list", "elements": "dict", "default": []},
            "applied": {"type": "dict", "default": {}},
            "steps": {"type": "list", "elements": "dict", "default": []},
            "package": {"type": "dict", "default": {}},
            "environment": {"type": "dict", "default": {}, "no_log": True},
        },
        supports_check_mode=True,
    )
    # As in module `apply`: the result must contain neither the options nor what looks like a password.
    given, module.params = module.params, {}
    module.no_log_values.clear()
    step.run(module, lambda _step: apply(module, given))


def apply(module: AnsibleModule, given: dict[str, Any]) -> dict[str, Any]:
    """Apply all steps. Raises StepFailed."""
    environment = {name: str(value) for name, value in given["environment"].items()}

    def start(params: dict[str, Any]) -> step.Step:
        return step.Step(module, params | ({"package": given["package"]} if "package" in params else {}))

    return steps.apply_all(KINDS, given["steps"], start, environment)


if __name__ == "__main__":
    main()
