# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin kubernetes_target."""

from __future__ import annotations

DOCUMENTATION = r"""
name: kubernetes_target
short_description: Describe a hub on Kubernetes as a host is described
version_added: 1.1.0
description:
  - Returns what M(collab.jupyterhub.hub_info) and M(collab.jupyterhub.project_info) would have found, so that the filters that compute the
    policy for a host compute it for Kubernetes.
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
target: "{{ __jupyterhub_rtc_kubernetes_settings | collab.jupyterhub.kubernetes_target }}"
"""

RETURN = r"""
_value:
  description: C(host) for M(collab.jupyterhub.hub_info), C(projects) for M(collab.jupyterhub.project_info).
  type: dict
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import kubernetes


def kubernetes_target(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what the modules would have found."""
    return {"host": kubernetes.host(settings), "projects": kubernetes.found()}


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"kubernetes_target": kubernetes_target}
