# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter plugin packed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: packed
short_description: Pack data into one string for the projects filters
version_added: 1.1.0
description:
  - Ansible inspects every part of a variable on each use, which takes a second for a thousand projects. A string has only one part.
options:
  _input:
    description: The data, which must be representable as JSON.
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
  description: The packed data.
  type: str
"""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils import packed


class FilterModule:
    """Registers the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"packed": packed.pack}
