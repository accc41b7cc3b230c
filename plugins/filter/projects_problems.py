# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter projects_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: projects_problems
short_description: Tell what is wrong with the variables of role jupyterhub_projects, or with the host
version_added: 1.1.0
description:
  - Lists, each in one sentence with the way out, what stands in the way of projects.
positional: _input, host, found
options:
  _input:
    description: The role's variables by their names without the prefix.
    type: dict
    required: true
  host:
    description:
      - What M(collab.jupyterhub.hub_info) returned.
      - Without it, only the variables themselves are looked at.
    type: dict
  found:
    description: What M(collab.jupyterhub.project_info) returned.
    type: dict
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
problems: "{{ __jupyterhub_projects_settings | collab.jupyterhub.projects_problems }}"
"""

RETURN = r"""
_value:
  description: The problems; none where all is well.
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils import projects


def projects_problems(
    settings: dict[str, Any], host: dict[str, Any] | None = None, found: dict[str, Any] | None = None
) -> list[str]:
    if host is None or found is None:
        return projects.problems(settings)
    return projects.host_problems(settings, host, found)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"projects_problems": projects_problems}
