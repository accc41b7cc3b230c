# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: python_packages
short_description: Install, remove or restore packages in a Python environment of the host
description:
  - Asks the environment's own interpreter whether the requirements are met. If they are, the task takes a tenth of a second and needs
    no network.
  - Otherwise, installs with C(uv), which it downloads if the host does not have it, or with C(pip). The environment needs neither.
  - Resolves and downloads everything before it changes the environment. If a run is interrupted after that, the next run completes it.
  - The settings of C(pip), from its files or from the task's C(PIP_*) variables, also apply to C(uv). C(UV_*) variables take precedence.
version_added: "1.0.0"
author:
  - collab.jupyterhub contributors (!UNKNOWN)
options:
  environment:
    description:
      - Path of the virtual environment, or of any other directory that has C(bin/python).
      - V(system) means the distribution's Python. Packages are installed in V(/usr/local), where the distribution expects the
        administrator's packages, even if this Python is marked as externally managed.
    type: str
    required: true
  packages:
    description:
      - Requirement specifiers, as for C(pip). With O(state=absent), only names.
      - Required unless O(state=restored), which ignores them.
    type: list
    elements: str
  constraints:
    description:
      - Versions that must not change, such as V(jupyterlab==4.6.6). If the packages need another version, the module fails.
    type: list
    elements: str
    default: []
  state:
    description:
      - Whether the packages should be installed. V(absent) does not remove the packages' dependencies, or packages that belong to the
        distribution.
      - V(restored) reverts the changes of installations with O(remember=true). It removes the packages that they added, unless other
        packages now need them. It restores the previous versions of packages that they changed, unless a package was changed again
        since, other packages do not accept its previous version, or that version is not available.
    type: str
    choices: [present, absent, restored]
    default: present
  remember:
    description:
      - Whether to record on the host what the installation adds and changes, for a later O(state=restored).
    type: bool
    default: false
  create:
    description:
      - Whether to create the environment if it does not exist. If V(false), the module fails if it does not exist.
    type: bool
    default: false
  python:
    description:
      - Interpreter to create the environment with.
      - Defaults to the one that runs this module.
    type: path
  tool_directory:
    description:
      - The directory to which the module downloads C(uv) if the host does not have it.
    type: path
    default: /usr/local/lib/collab.jupyterhub/uv
attributes:
  check_mode:
    support: full
    description: Reports what would be installed, as far as the available tools can tell.
  diff_mode:
    support: full
    description: Shows the versions before and after.
  platform:
    support: full
    description: Hosts with Python 3.11 or newer.
    platforms: posix
"""

EXAMPLES = r"""
- name: Add live collaboration to JupyterLab
  collab.jupyterhub.python_packages:
    environment: /usr/local/jupyterhub
    packages:
      - jupyter-collaboration>=5.0.4,<5.1
    constraints:
      - jupyterlab==4.6.6

- name: Create an environment for the hub
  collab.jupyterhub.python_packages:
    environment: /usr/local/jupyterhub
    create: true
    packages:
      - jupyterhub>=6.1.1,<7
  environment:
    PIP_INDEX_URL: https://packages.example.org/simple

- name: Restore the environment
  collab.jupyterhub.python_packages:
    environment: /usr/local/jupyterhub
    state: restored

- name: Remove live collaboration from the system's Python
  collab.jupyterhub.python_packages:
    environment: system
    state: absent
    packages:
      - jupyter-collaboration
"""

RETURN = r"""
packages:
  description: Version of every distribution in the environment, by normalized name.
  returned: success
  type: dict
  sample: {jupyterhub: 6.1.1, jupyterlab: 4.6.6}
installed:
  description: Version of every distribution that this run added or changed.
  returned: success
  type: dict
  sample: {jupyter-collaboration: 5.0.4}
removed:
  description: Names of the distributions that this run removed.
  returned: success
  type: list
  elements: str
  sample: []
kept:
  description:
    - Distributions that O(state=restored) did not revert, each with the reason.
  returned: success
  type: dict
  sample: {pycrdt: needed by jupyter-live}
installer:
  description: The tool that changed the environment. Empty if no change was needed.
  returned: success
  type: str
  sample: uv
stderr:
  description: The output of the tool.
  returned: failure
  type: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import step
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import installation


def main() -> None:
    module = AnsibleModule(
        argument_spec=installation.ARGUMENTS,
        required_if=[("state", "present", ["packages"]), ("state", "absent", ["packages"])],
        supports_check_mode=True,
    )
    remembers = module.params["remember"] or module.params["state"] == "restored"
    # Another run would take this one for interrupted, and remove what it is writing. Other users than root have no lock and no record.
    step.run(module, installation.apply, locks=remembers or os.geteuid() == 0)


if __name__ == "__main__":
    main()
