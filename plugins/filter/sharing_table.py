# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin sharing_table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sharing_table
short_description: Describe who can share their server with role jupyterhub_sharing
version_added: 1.1.0
description:
  - Describes in sentences what the role's variables allow.
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
table: "{{ __jupyterhub_sharing_settings | collab.jupyterhub.sharing_table }}"
"""

RETURN = r"""
_value:
  description: The sentences.
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import sharing


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"sharing_table": sharing.table}
