# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter projects_workspaces."""

from __future__ import annotations

DOCUMENTATION = r"""
name: projects_workspaces
short_description: Tell which accounts and directories projects are to have on a host
version_added: 1.1.0
description:
  - Lists the projects that are to be there, as the modules M(collab.jupyterhub.project_info) and
    M(collab.jupyterhub.project_workspaces) take them.
positional: _input, host
options:
  _input:
    description: The variables of role jupyterhub_projects by their names without the prefix.
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
projects: "{{ __jupyterhub_projects_settings | collab.jupyterhub.projects_workspaces(__jupyterhub_rtc_host) }}"
"""

RETURN = r"""
_value:
  description: Of each project its C(name), its C(account) on the host, and the names of its C(shares).
  type: list
  elements: dict
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils import projects


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"projects_workspaces": projects.workspaces}
