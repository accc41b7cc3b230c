# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter rtc_policy."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rtc_policy
short_description: Decide who may do what, and which version is installed
version_added: 1.0.0
description:
  - Turns the variables of role jupyterhub_rtc and the facts of a host into the policy that the role puts into force.
positional: _input, host
options:
  _input:
    description: The role's variables by their names without the prefix.
    type: dict
    required: true
  host:
    description: What M(collab.jupyterhub.hub_info) returned, without problems.
    type: dict
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
policy: "{{ __jupyterhub_rtc_settings | collab.jupyterhub.rtc_policy(__jupyterhub_rtc_host) }}"
"""

RETURN = r"""
_value:
  description:
    - C(mode) is V(shared user) or V(all users); C(everyone) the scopes of every hub user beyond the hub's own; C(accounts) the
      accounts that nobody logs in to; C(packages) and C(constraints) what is to be installed; C(table) and C(warnings) what to
      tell the administrator.
  type: dict
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils import rtc


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"rtc_policy": rtc.policy}
