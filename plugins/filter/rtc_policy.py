# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin rtc_policy."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rtc_policy
short_description: Decide who has access to what, and which versions to install
version_added: 1.0.0
description:
  - Computes the policy that role jupyterhub_rtc applies, from the role's variables and the state of a host.
positional: _input, host
options:
  _input:
    description: The role's variables, by name without the prefix.
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
    - C(mode) is V(shared user) or V(all users).
    - C(everyone) lists the scopes that all hub users get in addition to JupyterHub's defaults. C(accounts) lists the shared hub users,
      which nobody can log in as.
    - C(packages) and C(constraints) list what to install.
    - C(table) and C(warnings) are for the administrator.
  type: dict
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import rtc


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"rtc_policy": rtc.policy}
