# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin rtc_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rtc_problems
short_description: List the problems that prevent role jupyterhub_rtc from running
version_added: 1.0.0
description:
  - Checks the role's variables or, if O(host) is given, the host.
  - Each problem names the variable and says how to fix it.
positional: _input, host, projects
options:
  _input:
    description: The role's variables, by name without the prefix.
    type: dict
    required: true
  host:
    description: What M(collab.jupyterhub.hub_info) returned.
    type: dict
  projects:
    description: The variables for projects, by name without the prefix. Also checks these, if O(host) is not given.
    type: dict
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
problems: "{{ __jupyterhub_rtc_settings | collab.jupyterhub.rtc_problems(projects=__jupyterhub_rtc_projects_settings) }}"
"""

RETURN = r"""
_value:
  description: The problems. Empty if there are none.
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects as projects_policy
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import rtc


def rtc_problems(
    settings: dict[str, Any], host: dict[str, Any] | None = None, projects: dict[str, Any] | None = None
) -> list[str]:
    """Return the problems of the host if it is given, or else those of the variables."""
    if host is not None:
        return rtc.host_problems(settings, host)
    found = rtc.settings_problems(settings)
    if projects is not None and not rtc.is_removal(settings):
        found += projects_policy.problems(projects)
    return found


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"rtc_problems": rtc_problems}
