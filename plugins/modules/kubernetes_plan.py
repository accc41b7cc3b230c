#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of action plugin kubernetes_plan, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_plan
short_description: Validate the variables for a hub on Kubernetes, and plan the files
version_added: 1.1.0
description:
  - Reads the variables of role jupyterhub_rtc from the play, and resolves them as M(collab.jupyterhub.plan) does.
  - Decides as for a host, and connects to none. Fails if the variables have problems, and says how to fix each one.
extends_documentation_fragment:
  - collab.jupyterhub.internal
  - collab.jupyterhub.read_only
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Validate the variables, and plan the files
  collab.jupyterhub.kubernetes_plan:
  register: plan
"""

RETURN = r"""
directory:
  description: Where to write the files.
  type: str
  returned: success
files:
  description: The values file and the image recipes in base64, by path.
  type: dict
  returned: success
report:
  description: Lines that say who will have access, and what to do next.
  type: list
  elements: str
  returned: success
"""
