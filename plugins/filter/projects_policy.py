# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin projects_policy."""

from __future__ import annotations

DOCUMENTATION = r"""
name: projects_policy
short_description: Decide who has access to projects and to other users' servers
version_added: 1.1.0
description:
  - Computes the policy for projects that role jupyterhub_rtc applies, from the role's variables and the state of a host.
positional: _input, host, found
options:
  _input:
    description: The role's variables, by name without the prefix.
    type: dict
    required: true
  host:
    description: What M(collab.jupyterhub.hub_info) returned, without problems.
    type: dict
    required: true
  found:
    description: What M(collab.jupyterhub.project_info) returned, or the result of the skipped task if there are no projects.
    type: dict
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
policy: "{{ __jupyterhub_rtc_projects_settings | collab.jupyterhub.projects_policy(__jupyterhub_rtc_host, __jupyterhub_rtc_projects_found) }}"
"""

RETURN = r"""
_value:
  description:
    - C(problems) lists the problems of the host. C(levels) contains the scopes of each access level.
    - C(projects) and C(workspaces) describe the projects. C(absent) lists what to delete.
    - C(access) lists who can open other users' servers. C(owners) lists the users whose servers others can open. C(retired) lists the
      hub users to remove.
    - C(table) and C(warnings) are for the administrator.
  type: dict
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"projects_policy": projects.policy}
