#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a hub's configuration in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_config
short_description: Change the configuration of a live JupyterHub in one transaction
version_added: 1.0.0
description:
  - Writes a configuration fragment next to the hub's main configuration file, and adds one marked block to the end of the main
    file, which loads all fragments. Nothing else in the main file changes.
  - Loads the complete candidate configuration in memory first (a dry run), with the hub's own interpreter, account and environment.
    If the hub would not start with it, nothing is changed.
  - Restarts the hub only if the running hub does not have the configuration on disk, for example after an interrupted run. Then
    waits until the hub answers and has the roles that its configuration defines. If it does not, the module rolls back, restarts
    the hub with its previous configuration, and fails with the reason.
  - If a change removes users' permission to share, also revokes what they have shared with it.
  - All roles of this collection that configure the hub use this module, and nothing else edits the hub's configuration or
    restarts it. Concurrent runs on one host wait for each other.
options:
  path:
    description: The hub's main configuration file.
    type: path
    required: true
  fragment:
    description:
      - Name of the fragment. It becomes C(jupyterhub_collab.d/NAME.py) next to the main file.
      - Fragments are loaded in the order of their names.
    type: str
    required: true
  content:
    description: Python code of the fragment, executed with the C(c) of the main file. Required unless O(state=absent).
    type: str
  state:
    description:
      - Whether the fragment should exist. The block in the main file is removed with the last fragment.
      - V(absent) does not start a stopped hub. It updates the hub's database directly.
    type: str
    choices: [present, absent]
    default: present
  others:
    description:
      - Other fragments to change in the same transaction, as a mapping from name to content. Empty content removes a fragment.
      - There is one dry run and one restart for all fragments.
    type: dict
    default: {}
    version_added: 1.1.0
  mode:
    description: File mode of the fragments. The account that runs the hub owns them.
    type: str
    default: "0644"
  create:
    description: Whether to create the main file if it does not exist.
    type: bool
    default: false
  supersedes:
    description:
      - Markers of blocks in the main file that this fragment replaces, in the format of C(ansible.builtin.blockinfile), where
        C({mark}) stands for C(BEGIN) and C(END).
    type: list
    elements: str
    default: []
  service:
    description: The systemd unit that runs the hub.
    type: str
    default: jupyterhub
  runs_with:
    description:
      - Other values that the running hub depends on, such as package versions or the checksum of its unit. If they differ from
        those of the last run, the hub is restarted.
    type: dict
    default: {}
  retired:
    description:
      - Hub users to remove with the change, such as retired shared accounts. Once the hub runs with the new configuration, the module
        stops their servers, and deletes the users and their tokens from the hub.
      - If the module removes the fragment from a hub that is not running, it deletes the users and their tokens from the hub's database.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - How long to wait for the hub to answer after a restart, in seconds.
      - If the configuration loads slowly in the dry run, the module waits up to ten times the load time.
    type: int
    default: 60
  settle:
    description: How long the hub must stay up after its first answer for the change to count as successful, in seconds.
    type: float
    default: 2
  package:
    description:
      - The files of the Python package that fragments import, as a mapping from relative path to text. The action plugin of this
        module sets this option.
      - In O(content), C(@PACKAGE@) is replaced with the directory of the package.
    type: dict
    default: {}
  python:
    description:
      - The interpreter that runs users' servers. The package is compiled for it, so that servers start faster.
      - If it is not set, the package is not compiled.
    type: path
    default: ''
attributes:
  check_mode:
    support: full
    description: Reports what would change. It does not load the candidate, because accounts and packages may not exist yet.
  diff_mode:
    support: full
    description: Shows the fragment and the marked block. Does not show the rest of the main file, because it may contain secrets.
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Configure the hub
  collab.jupyterhub.hub_config:
    path: /usr/local/etc/jupyter/jupyterhub_config.py
    fragment: 50-rtc
    content: "{{ lookup('ansible.builtin.template', 'rtc.py.j2') }}"
"""

RETURN = r"""
restarted:
  description: Whether the hub was started or restarted.
  type: bool
  returned: always
hub:
  description: The hub as described by its configuration.
  type: dict
  returned: when the configuration was loaded in this run or an earlier one
  sample:
    base_url: /
    bind_url: "http://:8000"
    front_url: "http://:8000"
    front_answers: true
    public_url: ""
    api_url: "http://127.0.0.1:8081/hub/api"
    proxy_api_url: "http://127.0.0.1:8001"
hub_warnings:
  description: Settings in the configuration that the hub does not know.
  type: list
  elements: str
  returned: when the configuration was loaded in this run
in_force_since:
  description: When the hub was started with the current O(fragment), in seconds since the epoch, or 0 if unknown.
  type: float
  returned: always
others_in_force_since:
  description: The same for each fragment in O(others), by name.
  type: dict
  returned: always
  sample: {60-sharing: 1795281063.5}
disconnected:
  description: Users who were disconnected, because the change ended their access to another user's server.
  type: list
  elements: str
  returned: when the configuration was loaded in this run
  sample: [bob from the server of alice]
ended:
  description:
    - What the module removed from the hub's database, because it would outlive the configuration change. These are the users in
      O(retired) and, if the change removes users' permission to share, their shares and sharing links.
    - In check mode, what would be removed, as far as the module can predict it.
  type: list
  elements: str
  returned: when the configuration changes
  sample: [2 shares and 1 link of users who can no longer share, the hub user shared with server and tokens]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import step
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import change, compare


def main() -> None:
    module = AnsibleModule(
        argument_spec=compare.ARGUMENTS,
        required_if=[("state", "present", ["content"])],
        supports_check_mode=True,
    )
    step.run(module, change.apply)


if __name__ == "__main__":
    main()
