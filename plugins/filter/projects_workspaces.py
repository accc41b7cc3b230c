# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin projects_workspaces."""

from __future__ import annotations

DOCUMENTATION = r"""
name: projects_workspaces
short_description: List the accounts and workspaces of projects on a host
version_added: 1.1.0
description:
  - Lists the projects in the format that M(collab.jupyterhub.project_info) and M(collab.jupyterhub.project_workspaces) expect.
positional: _input, host
options:
  _input:
    description: The variables for projects, by name without the prefix.
    type: dict
    required: true
  host:
    description: What M(collab.jupyterhub.hub_info) returned.
    type: dict
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
projects: "{{ __jupyterhub_rtc_projects_settings | collab.jupyterhub.projects_workspaces(__jupyterhub_rtc_host) }}"
"""

RETURN = r"""
_value:
  description: The C(name) of each project, its C(account) on the host, and the names of its workspaces in C(workspaces).
  type: list
  elements: dict
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"projects_workspaces": projects.workspaces}
