# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin projects_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: projects_problems
short_description: List the problems of the variables of role jupyterhub_projects
version_added: 1.1.0
description:
  - Checks the variables alone, not the host. Each problem names the variable and says how to fix it.
options:
  _input:
    description: The role's variables, by name without the prefix.
    type: dict
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
problems: "{{ __jupyterhub_projects_settings | collab.jupyterhub.projects_problems }}"
"""

RETURN = r"""
_value:
  description: The problems. Empty if there are none.
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"projects_problems": projects.problems}
