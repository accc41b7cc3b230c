#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a node, on which a hub's servers run as jobs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_plan
short_description: Validate a node, on which a hub's servers run as jobs, and plan what to do there
version_added: 1.1.0
description:
  - Looks at the JupyterLab and the accounts of a host of O(plan). The task must be delegated to the node.
  - Decides on the controller, as M(collab.jupyterhub.plan) does for the hub's host. Fails if the node has problems, and says how to fix each one.
options:
  plan:
    description: What M(collab.jupyterhub.plan) returned for the hub. The action plugin reads it, and gives the module the other options.
    type: dict
    default: {}
  environment:
    description: The environment that runs JupyterLab on the node.
    type: str
    default: ""
  lab_settings:
    description: Names of files by which the collection configures JupyterLab, and whose settings to report.
    type: list
    elements: str
    default: []
  accounts:
    description: Names of accounts to look up.
    type: list
    elements: str
    default: []
  comments:
    description: Comments of accounts to look up.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - collab.jupyterhub.internal
  - collab.jupyterhub.read_only
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Validate the nodes
  collab.jupyterhub.node_plan:
    plan: "{{ plan }}"
  loop: "{{ plan.nodes.hosts }}"
  delegate_to: "{{ item }}"
  register: nodes
"""

RETURN = r"""
before:
  description: The steps before the hub changes, as JSON.
  type: str
  returned: success
after:
  description: The steps after the hub has changed, as JSON.
  type: str
  returned: success
lab:
  description: The environment that runs JupyterLab, as in M(collab.jupyterhub.hub_info). The action plugin does not return it.
  type: dict
  returned: success
accounts:
  description: The accounts that exist, with their numbers and home directories. The action plugin does not return them.
  type: list
  elements: dict
  returned: success
environments:
  description: The environments that can be restored. The action plugin does not return them.
  type: list
  elements: str
  returned: success
others:
  description: Other hubs that the node was prepared for. The action plugin does not return them.
  type: list
  elements: str
  returned: success
numbers:
  description: All UIDs and GIDs that accounts and groups of the node have.
  type: list
  elements: int
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.nodes import accounts, served
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import record
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.lab import describe_lab


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "dict", "default": {}},
            "environment": {"type": "str", "default": ""},
            "lab_settings": {"type": "list", "elements": "str", "default": []},
            "accounts": {"type": "list", "elements": "str", "default": []},
            "comments": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    module.exit_json(
        changed=False,
        lab=describe_lab(module.params["environment"], module.params["lab_settings"]),
        accounts=accounts.describe(module.params["accounts"], module.params["comments"]),
        environments=record.environments(),
        others=sorted(served.all_served()),
        numbers=accounts.numbers(),
    )


if __name__ == "__main__":
    main()
