# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin snippet_parts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: snippet_parts
short_description: Return the parts of the snippet for container images and start scripts
version_added: 1.1.0
description:
  - Returns the source of the program that prepares an environment, its settings as a Python literal, and the collection's Python package
    as a compressed tar archive in base64. Also returns the directory for versions of the package.
options:
  _input:
    description: The options of M(collab.jupyterhub.lab_settings), by name of the files.
    type: dict
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
snippet: "{{ {'collab-rtc': __jupyterhub_rtc_policy.lab} | collab.jupyterhub.snippet_parts }}"
"""

RETURN = r"""
_value:
  description: C(directory), C(program), C(settings) and C(package).
  type: dict
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils import snippet


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"snippet_parts": snippet.parts}
