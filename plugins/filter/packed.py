# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter packed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: packed
short_description: Turn data into one text that the filters of projects take in its place
version_added: 1.1.0
description:
  - Ansible looks at every part of a variable whenever that is used, which takes a second for a thousand projects, and at a text once.
options:
  _input:
    description: Any data that JSON can hold.
    type: raw
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
projects: "{{ jupyterhub_projects | collab.jupyterhub.packed }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils import packed


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"packed": packed.pack}
