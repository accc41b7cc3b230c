#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the projects on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: project_info
short_description: Discover the projects on a host, their accounts and the file system of their workspaces
version_added: 1.1.0
description:
  - Reports what M(collab.jupyterhub.project_workspaces) has created on a host, whether projects' accounts exist for another purpose,
    and whether a directory can contain workspaces. To test the directory, creates a temporary directory there and removes it.
  - Reports what is missing without judging it. Judges only the directory.
options:
  service:
    description: The systemd unit of the hub whose projects to look for.
    type: str
    default: jupyterhub
  root:
    description: The directory that contains a directory for each project, with the project's workspaces.
    type: path
    required: true
  written:
    description: Directories that the hub must be able to write to.
    type: list
    elements: path
    default: []
    version_added: 1.1.0
  projects:
    description: The projects to look for.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the project.
        type: str
        required: true
      account:
        description: The project's account on the host.
        type: str
        required: true
      workspaces:
        description: The names of the project's workspaces.
        type: list
        elements: str
        required: true
  comment:
    description: The comment that marks accounts of projects.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Creates and removes the temporary directory, and changes nothing else.
  diff_mode:
    support: none
    description: Changes nothing.
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Discover the projects
  collab.jupyterhub.project_info:
    root: /srv/jupyterhub-projects
    projects:
      - {name: rainfall, account: project-rainfall, workspaces: [files]}
    comment: account of a project of the hub
  register: projects
"""

RETURN = r"""
remembered:
  description: Projects of the hub that differ from O(projects) and O(root), by name.
  type: dict
  returned: always
  sample: {rainfall: {account: project-rainfall, workspaces: [files], root: /srv/jupyterhub-projects, unit: jupyterhub}}
missing:
  description: The accounts of O(projects) that do not exist.
  type: list
  elements: str
  returned: always
shut:
  description: Those of O(written) that the unit of the hub does not allow the hub to write to.
  type: list
  elements: str
  returned: always
  sample: []
silent:
  description: The directory services of the host that do not answer. Only asked if a project would get an account or groups.
  type: list
  elements: str
  returned: always
  sample: []
taken:
  description: Existing groups that have the names of groups that a project would get, by name of the project.
  type: dict
  returned: always
  sample: {}
foreign:
  description: The accounts of O(projects) that already exist for another purpose.
  type: dict
  returned: always
  sample: {daemon: {name: daemon, exists: true, uid: 1, home: /usr/sbin, system: true, person: false, comment: daemon, groups: [daemon]}}
other_hubs:
  description: Why the hub cannot have projects, because of other hubs on the host. Empty if it can.
  type: str
  returned: always
  sample: ""
root:
  description: The directory of all projects, or its nearest existing parent. C(problem) says why it cannot contain workspaces. Empty if
    it can.
  type: dict
  returned: always
  sample: {exists: true, filesystem: ext4, writable: true, acl: true, free: 1000000, size: 2000000, others: "", problem: ""}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.projects import discovery


def main() -> None:
    module = AnsibleModule(argument_spec=discovery.ARGUMENTS, supports_check_mode=True)
    module.exit_json(changed=False, **discovery.discover(module.params))


if __name__ == "__main__":
    main()
