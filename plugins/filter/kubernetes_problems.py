# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin kubernetes_problems."""

from __future__ import annotations

DOCUMENTATION = r"""
name: kubernetes_problems
short_description: List the problems that prevent playbook kubernetes from running
version_added: 1.1.0
description:
  - Checks the variables. Each problem names the variable and says how to fix it.
options:
  _input:
    description: The variables of playbook kubernetes and those of role jupyterhub_rtc that concern it, by name without the prefix.
    type: dict
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
problems: "{{ __jupyterhub_rtc_kubernetes_settings | collab.jupyterhub.kubernetes_problems }}"
"""

RETURN = r"""
_value:
  description: The problems. Empty if there are none.
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import kubernetes


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"kubernetes_problems": kubernetes.problems}
