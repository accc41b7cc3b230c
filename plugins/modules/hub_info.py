#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the state of a host that runs a hub."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_info
short_description: Discover the JupyterHub on a host and the environment that runs JupyterLab
version_added: 1.0.0
description:
  - Reads the systemd unit that runs the hub. Asks the hub's own interpreter for the hub's version and the command that starts
    servers. Asks the environment that runs JupyterLab for its packages.
  - Reports what is missing without judging it. The roles decide what to do.
options:
  service:
    description: The systemd unit that runs the hub.
    type: str
    default: jupyterhub
  path:
    description: The hub's main configuration file. Defaults to the file that earlier runs have changed, or else to the file in the
      unit's command, or else to V(/usr/local/etc/jupyter/jupyterhub_config.py).
    type: path
  environment:
    description: The environment that runs JupyterLab. A path, V(system) for the system's Python, V(auto) for the environment that
      the hub's configuration starts servers from, or V(none) if JupyterLab is not on this host.
    type: str
    default: auto
  account:
    description: The hub user whose account to look up.
    type: str
  group:
    description: The group to look up.
    type: str
  comment:
    description: The comment that marks accounts created by M(collab.jupyterhub.shared_accounts).
    type: str
  fragment:
    description: A fragment of M(collab.jupyterhub.hub_config). The module reports which hubs have it, and which accounts and state
      directory it names.
    type: str
  state_directory:
    description: The directory for the state of servers. The module reports whether it contains anything else.
    type: path
    version_added: 1.1.0
  written:
    description: Paths that the hub must be able to write to.
    type: list
    elements: path
    default: []
    version_added: 1.1.0
  lab_settings:
    description: Names of files by which the collection configures JupyterLab, and whose settings to report.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  people:
    description: Whether to report the names of the hub's users and groups.
    type: bool
    default: false
    version_added: 1.1.0
  applied:
    description: Whether to compare the host with what M(collab.jupyterhub.apply) has applied last.
    type: bool
    default: false
    version_added: 1.1.0
  markers:
    description: Strings to look for in the main file.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - collab.jupyterhub.read_only
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Discover the hub
  collab.jupyterhub.hub_info:
    path: /usr/local/etc/jupyter/jupyterhub_config.py
  register: hub
"""

RETURN = r"""
applied:
  description: With O(applied=true), what the next plan can do without because nothing has changed since. Empty if nothing is recorded.
  type: dict
  returned: always
service:
  description: The unit. Whether it exists and is running, the account that the hub runs as, and those of O(written) that the unit does not
    allow the hub to write to (C(shut)). Also the units of the idle cullers on this host that are not services of the hub.
  type: dict
  returned: always
  sample: {name: jupyterhub, exists: true, running: true, user: root, shut: [], cullers: []}
config:
  description:
    - The main file. Whether it and its directory exist, which file the unit names and whether that is the same file, which
      of O(markers) it contains, and the accounts and the state directory in O(fragment). Also the unit of another hub whose main file
      is in the same directory.
  type: dict
  returned: always
  sample:
    path: /usr/local/etc/jupyter/jupyterhub_config.py
    real_path: /usr/local/etc/jupyter/jupyterhub_config.py
    exists: true
    directory_exists: true
    named_by_service: ""
    is_the_hubs: true
    beside: ""
    markers: []
    accounts: [shared]
    state_directory: /var/lib/jupyterhub-rtc
hub:
  description: The hub's interpreter and its version, the hub's version, and why its configuration fails to load (empty if it loads).
  type: dict
  returned: always
  sample: {python: /usr/local/jupyterhub/bin/python, python_version: 3.13.5, version: 6.1.1, error: ""}
servers:
  description:
    - The environment that the hub's configuration starts servers from (empty if unknown), and whether it is the same as RV(lab).
    - Other environments that the configuration names, such as those of profiles that users choose, or of other spawner classes.
    - The template for the names of users' accounts.
    - The names of the hub's spawner class and of its known base classes, the hub's own class last. Empty if the configuration
      does not load.
    - The running servers, each with its start time in seconds since the epoch (null if the hub's database cannot be read).
    - The isolation level of the hub's transactions, if the hub may not see what others write to its database until it writes something.
  type: dict
  returned: always
  sample:
    command: [jupyterhub-singleuser]
    environment: /usr/local/jupyterhub
    is_lab: true
    other_environments: []
    account_names: "{USERNAME}"
    spawners: [Spawner, SystemdSpawner]
    running: [{owner: shared, name: shared, started: 1795281063.5}]
state_directory_is_taken:
  description: Whether O(state_directory) contains anything but the state of servers.
  type: bool
  returned: always
lab:
  description:
    - The environment that runs JupyterLab, with its interpreter, its Python version, and the versions of relevant packages.
    - When jupyter-collaboration was installed, in seconds since the epoch, and whether an installation was interrupted.
    - The settings in the files of O(lab_settings), by name (empty if a file was edited by hand).
  type: dict
  returned: always
  sample:
    environment: /usr/local/jupyterhub
    python: /usr/local/jupyterhub/bin/python
    python_version: 3.13.5
    versions: {jupyterlab: 4.6.6}
    collaboration_since: 1795281063.5
    unfinished: false
    settings: {collab-rtc: {settings: {}, disabled_extensions: [], disabled_server_extensions: [jupyter_server_ydoc]}}
account:
  description: The account, if O(account) is set. C(kept_for) is the unit of another hub for which its home directory is kept.
    C(group_exists) is whether a group has its name.
  type: dict
  returned: always
  sample: {name: shared, exists: true, system: false, person: false, comment: "", groups: [jupyterhub], group_exists: true, kept_for: ""}
directories:
  description: The directory services that the host has for accounts and groups.
  type: list
  elements: str
  returned: always
  sample: [sss]
silent_directories:
  description: The directory services of the host that do not answer. Only asked if the account or the group does not exist.
  type: list
  elements: str
  returned: always
  sample: []
group:
  description: The group, if O(group) is set. C(local) says whether it is defined on this host, so that members can be added here.
  type: dict
  returned: always
  sample: {exists: true, local: true}
homes:
  description: The directory in which home directories are created, and whether root can write there.
  type: dict
  returned: always
  sample: {path: /home, writable: true}
shared_accounts:
  description: The accounts with O(comment), except those of other hubs on this host, and those that may be another hub's.
  type: list
  elements: str
  returned: always
people:
  description: The names of the hub's users and groups, if O(people=true) and the hub's database can be read.
  type: dict
  returned: always
  sample: {users: [alice, bob], groups: [students]}
shared_users:
  description: The hub users of RV(shared_accounts).
  type: list
  elements: str
  returned: always
remembered:
  description:
    - What earlier runs have recorded on the host.
    - The main files of hubs that have O(fragment), by the name of the unit, and what other hubs use. C(accounts) are accounts of the host.
      C(overlaps) says whether their state directory and O(state_directory) are the same, or one is inside the other.
      C(other_units) are all other hubs that use this collection's package, for example only for sharing.
    - The environments that M(collab.jupyterhub.python_packages) can restore, and the accounts that
      M(collab.jupyterhub.shared_accounts) has adopted.
    - The hub users of the hub's projects that M(collab.jupyterhub.project_workspaces) has created, by the names of the projects. Also
      the names of other hubs' projects, and the hub users of those that this hub lists as well.
  type: dict
  returned: always
  sample:
    hubs: {jupyterhub: /usr/local/etc/jupyter/jupyterhub_config.py}
    others: [{unit: hub-of-tests, accounts: [team], state_directory: /var/lib/hub-of-tests/rtc, overlaps: false, port: 906}]
    other_units: [hub-of-tests]
    environments: [/usr/local/jupyterhub]
    accounts: []
    projects: {rainfall: project-rainfall}
    projects_of_others: []
    project_users_of_others: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply import record
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import info


def main() -> None:
    module = AnsibleModule(argument_spec=info.ARGUMENTS, supports_check_mode=True)
    info.answer(module, module.params, record.look)


if __name__ == "__main__":
    main()
