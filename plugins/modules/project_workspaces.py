#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create and delete the workspaces of projects, with their accounts and groups."""

from __future__ import annotations

DOCUMENTATION = r"""
module: project_workspaces
short_description: Create and delete the workspaces of projects, with their accounts and groups
version_added: 1.1.0
description:
  - For each project, creates an account that nobody can log in to. For each workspace, creates a directory and two groups on the host,
    one with write access and one with read access. POSIX access control lists make new files in a workspace writable for all members
    with write access, regardless of their umask.
  - Records what it creates, and for which hub. Only one hub of a host can have projects. If another account, group or file already has one
    of these names, the module fails before it changes anything. Files that the module has kept from a removed project of the hub are an
    exception.
  - Does not delete workspaces that are no longer listed. To delete them, name them in O(absent).
options:
  service:
    description: The systemd unit of the hub whose projects these are. The module never changes those of another hub.
    type: str
    default: jupyterhub
  root:
    description: The directory that contains a directory for each project, with the project's workspaces.
    type: path
    required: true
  projects:
    description: The projects that should exist.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the project.
        type: str
        required: true
      account:
        description: The project's account on the host. Created if it does not exist.
        type: str
        required: true
      workspaces:
        description: The names of the project's workspaces.
        type: list
        elements: str
        required: true
  absent:
    description: What to delete, with all files in it.
    type: list
    elements: dict
    default: []
    suboptions:
      project:
        description: The name of the project.
        type: str
        required: true
      workspace:
        description: The name of the workspace. If empty, deletes the entire project, with its account and the account's home directory.
        type: str
        default: ""
      archive:
        description: Whether to archive the files before deleting them.
        type: bool
        default: false
      keep:
        description: When deleting an entire project, whether to keep its files in place, accessible only to root. Its account and groups
          are removed.
        type: bool
        default: false
  archive:
    description: The directory to write archives to. Only root can read them.
    type: path
    default: /var/backups/jupyterhub-projects
  state_directory:
    description: The directory in which servers keep state. It contains a directory for each account, which is deleted with the account.
    type: path
  group:
    description: The existing group whose members can use the hub. The accounts of projects join it.
    type: str
    required: true
  comment:
    description: The comment that marks accounts created by this module.
    type: str
    required: true
  repair:
    description: Whether to restore the permissions of files in the workspaces whose mode a tool or a user has changed.
    type: bool
    default: false
  warn_below:
    description: Warn if less than this percentage of the file system is free. V(0) disables the warning.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: Reports what would change.
  diff_mode:
    support: full
    description: Shows what changes, project by project.
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Create a project with one workspace
  collab.jupyterhub.project_workspaces:
    root: /srv/jupyterhub-projects
    projects:
      - {name: rainfall, account: project-rainfall, workspaces: [files]}
    group: jupyterhub
    comment: account of a project of the hub

- name: Archive and delete the project
  collab.jupyterhub.project_workspaces:
    root: /srv/jupyterhub-projects
    absent:
      - {project: rainfall, archive: true}
    group: jupyterhub
    comment: account of a project of the hub
"""

RETURN = r"""
changes:
  description: What has changed, or would change in check mode, by name of the project.
  type: dict
  returned: always
  sample: {rainfall: [account project-rainfall created, workspace files created]}
left:
  description: Files that were not repaired, each with the reason. If there are many, only the first ones.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import step
from ansible_collections.collab.jupyterhub.plugins.module_utils.projects import workspaces


def main() -> None:
    module = AnsibleModule(argument_spec=workspaces.ARGUMENTS, supports_check_mode=True)
    step.run(module, workspaces.apply)


if __name__ == "__main__":
    main()
