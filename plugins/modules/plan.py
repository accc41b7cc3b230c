#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of action plugin plan, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Validate the variables of role jupyterhub_rtc and the host, and plan what to do there
version_added: 1.1.0
description:
  - Reads the variables of role jupyterhub_rtc from the play. Resolves other names, types and defaults by the role's argument spec.
  - Looks at the host with M(collab.jupyterhub.hub_info), and with M(collab.jupyterhub.project_info) if there are projects.
  - Decides on the controller. Fails if the variables or the host have problems, and says how to fix each one.
  - Returns what M(collab.jupyterhub.apply) needs. An empty value means that there is nothing to do.
extends_documentation_fragment:
  - collab.jupyterhub.internal
  - collab.jupyterhub.read_only
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Validate the variables and the host, and plan what to do
  collab.jupyterhub.plan:
  register: plan
"""

RETURN = r"""
state:
  description: V(present) or V(absent).
  type: str
  returned: success
mode:
  description: V(shared user), V(all users), V(sharing only), or V(absent).
  type: str
  returned: success
live:
  description: Whether any server has live collaboration.
  type: bool
  returned: success
service:
  description: The systemd unit that runs the hub.
  type: str
  returned: success
path:
  description: The hub's main configuration file.
  type: str
  returned: success
fragments:
  description: The text of each fragment of the hub's configuration. Empty to remove it.
  type: dict
  returned: success
supersedes:
  description: Markers of blocks that the fragments replace.
  type: list
  elements: str
  returned: success
retired:
  description: Hub users to remove.
  type: list
  elements: str
  returned: success
nodes:
  description:
    - The C(hosts) on which servers run as jobs, and the C(accounts) and C(comments) of accounts that they need. C(facts) is what
      M(collab.jupyterhub.node_plan) needs to know about the hub's host, as JSON.
  type: dict
  returned: success
packages:
  description: C(requirements) and C(constraints) to install in C(environment), and the environments to C(restore).
  type: dict
  returned: success
lab:
  description:
    - C(settings) are the defaults of JupyterLab for C(python), empty if they are in place. C(menus) is the sharing menu
      and C(menus_there) the one in place, as JSON. The hub's prefix is C(@BASE_URL@) there. C(restore) lists the files to remove.
  type: dict
  returned: success
accounts:
  description: Host accounts to C(create), C(adopt) and C(retire), and their C(group) and C(comment).
  type: dict
  returned: success
workspaces:
  description:
    - C(create) lists projects with their accounts and workspaces, as JSON, because Ansible inspects every part of structured data at each use.
      C(delete) lists the workspaces to delete. The rest are options of M(collab.jupyterhub.project_workspaces).
  type: dict
  returned: success
history:
  description: The C(directory) of the document history that the hub has, and whether to C(delete) it.
  type: dict
  returned: success
snippet:
  description: The C(path) and C(text) of the snippet for images and start scripts. Empty if none is wanted.
  type: dict
  returned: success
image:
  description: The C(directory) for the recipe of servers' images, and its C(files) in base64, by name. Empty if none is wanted.
  type: dict
  returned: success
report:
  description: What the report needs, as JSON.
  type: str
  returned: success
question:
  description: What M(collab.jupyterhub.project_info) was asked, as JSON.
  type: str
  returned: success
unchanged:
  description: The results of all steps, as JSON, if the discovery has found that they would change nothing. An empty object otherwise.
  type: str
  returned: success
"""
