# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by modules that change nothing."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of a module that changes nothing, in check mode or not."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Never changes anything.
  diff_mode:
    support: none
    description: Changes nothing.
"""
