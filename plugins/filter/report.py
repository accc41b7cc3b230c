# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: report
short_description: Say what changed, who has access, and the address for users
version_added: 1.1.0
description:
  - Returns the report that role jupyterhub_rtc prints at its end.
positional: _input, results
options:
  _input:
    description: What M(collab.jupyterhub.plan) returned.
    type: dict
    required: true
  results:
    description: The results of the role's tasks.
    type: dict
    required: true
  check_mode:
    description: Whether the play runs in check mode.
    type: bool
    default: false
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
lines: "{{ __jupyterhub_rtc_plan | collab.jupyterhub.report(results, check_mode=ansible_check_mode) }}"
"""

RETURN = r"""
_value:
  description: The lines of the report.
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils import report


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"report": report.report}
