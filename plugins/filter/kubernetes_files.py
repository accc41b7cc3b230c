# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin kubernetes_files."""

from __future__ import annotations

DOCUMENTATION = r"""
name: kubernetes_files
short_description: Write the values file and the image recipes for Kubernetes
version_added: 1.1.0
description:
  - Returns the files as text, and writes none of them.
positional: _input, policy, fragments, lab
options:
  _input:
    description: The variables of playbook kubernetes and those of role jupyterhub_rtc that concern it, by name without the prefix.
    type: dict
    required: true
  policy:
    description: What P(collab.jupyterhub.rtc_policy#filter) returned.
    type: dict
    required: true
  fragments:
    description: The hub's configuration as a host gets it, as text by name. Empty texts are left out.
    type: dict
    required: true
  lab:
    description: Options of M(collab.jupyterhub.lab_settings), by the name of the files.
    type: dict
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
files: "{{ __jupyterhub_rtc_kubernetes_settings | collab.jupyterhub.kubernetes_files(policy, fragments, lab) }}"
"""

RETURN = r"""
_value:
  description:
    - C(files) contains the files in base64, by path. C(images) contains the names of the images of C(hub) and C(singleuser).
    - C(warnings) are for the administrator.
  type: dict
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.kubernetes_files import files
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import kubernetes


def kubernetes_files(
    settings: dict[str, Any], policy: dict[str, Any], fragments: dict[str, str], lab: dict[str, Any]
) -> dict[str, Any]:
    """Return the files, the names of the images, and warnings."""
    told = kubernetes.warnings(settings, str(policy["collaboration"]["email_domain"]))
    return {**files(settings, policy, fragments, lab), "warnings": told}


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"kubernetes_files": kubernetes_files}
