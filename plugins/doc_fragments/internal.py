# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by internal plugins."""

from __future__ import annotations


class ModuleDocFragment:
    """The note for plugins that only the roles of this collection use."""

    DOCUMENTATION = r"""
options: {}
notes:
  - This plugin is internal to the roles of this collection. Do not use it in your own playbooks, because any release can
    change or remove it.
"""
