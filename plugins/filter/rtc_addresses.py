# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin rtc_addresses."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rtc_addresses
short_description: Return the addresses for users
version_added: 1.0.0
description:
  - Returns the addresses of the shared server, which works whether the server is running or not, and of the sharing page. In modes
    without a shared server, returns the address of the hub's home page. For an unknown address, returns a sentence that says which
    variable to set.
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
addresses: "{{ __jupyterhub_rtc_settings | collab.jupyterhub.rtc_addresses(__jupyterhub_rtc_change.hub) }}"
"""

RETURN = r"""
_value:
  description: C(users) and C(sharing).
  type: dict
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import rtc


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"rtc_addresses": rtc.addresses}
