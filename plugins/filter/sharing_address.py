# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin sharing_address."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sharing_address
short_description: Return the address of the sharing page
version_added: 1.1.0
description:
  - Returns the address at which users open the page. If it is unknown, returns a sentence that says which variable to set.
positional: _input, hub
options:
  _input:
    description: The role's variables, by name without the prefix.
    type: dict
    required: true
  hub:
    description: The C(hub) that M(collab.jupyterhub.hub_config) returned.
    type: dict
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
address: "{{ __jupyterhub_sharing_settings | collab.jupyterhub.sharing_address(__jupyterhub_sharing_change.hub) }}"
"""

RETURN = r"""
_value:
  description: The address.
  type: str
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import sharing


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"sharing_address": sharing.address}
