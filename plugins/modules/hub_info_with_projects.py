#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Discover the hub and the projects of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_info_with_projects
short_description: Discover the JupyterHub and the projects on a host
version_added: 1.1.0
description:
  - Returns what M(collab.jupyterhub.hub_info) returns. Also compares projects with what M(collab.jupyterhub.apply) has applied last.
  - Ansible sends a host the code that a module imports. Hubs without projects do not need that of this module.
options:
  hub:
    description: The options of M(collab.jupyterhub.hub_info).
    type: dict
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
  - collab.jupyterhub.read_only
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Discover the hub and its projects
  collab.jupyterhub.hub_info_with_projects:
    hub:
      service: jupyterhub
  register: hub
"""

RETURN = r"""
applied:
  description: As M(collab.jupyterhub.hub_info) returns it, as everything else.
  type: dict
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply import record
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import info
from ansible_collections.collab.jupyterhub.plugins.module_utils.projects import discovery, workspaces

KINDS = {**record.KINDS, "project_workspaces": (workspaces.ARGUMENTS, workspaces.apply)}


def look(module: AnsibleModule, service: str) -> dict[str, Any]:
    return record.look(module, service, KINDS, discovery.answer)


def main() -> None:
    module = AnsibleModule(
        argument_spec={"hub": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    given = ArgumentSpecValidator(info.ARGUMENTS).validate(module.params["hub"])
    if given.error_messages:
        module.fail_json(msg=". ".join(given.error_messages))
    info.answer(module, dict(given.validated_parameters), look)


if __name__ == "__main__":
    main()
