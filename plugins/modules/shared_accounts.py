#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create and remove shared accounts on the host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: shared_accounts
short_description: Create and remove shared accounts of a hub
version_added: 1.0.0
description:
  - Creates accounts that nobody can log in to, with private home directories. Recognizes them later by their comment.
  - Removes accounts that it created, after it has ended their processes. Keeps their home directories by default. Root owns a kept
    home directory until the account is created again.
  - Never reuses a UID or GID.
  - Adds existing accounts without the comment to the group. Does not change or remove them otherwise.
options:
  service:
    description: The systemd unit of the hub. The module records for which hub it keeps home directories.
    type: str
    default: jupyterhub
    version_added: 1.1.0
  names:
    description: The names of the accounts.
    type: list
    elements: str
    required: true
  state:
    description: Whether the accounts should exist. V(absent) does not remove accounts without O(comment).
    type: str
    choices: [present, absent]
    default: present
  group:
    description: The group whose members can use the hub. Created if it does not exist. Required with O(state=present).
    type: str
  comment:
    description: The comment that marks accounts created by this module.
    type: str
    required: true
  state_directory:
    description: The directory in which servers keep state. It contains a directory for each account, which is deleted with the account.
    type: path
  adopted:
    description:
      - Shared accounts that this module did not create. The module does not change them. It records them until O(remove_groups) removes
        the record.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  delete_homes:
    description: Whether to delete the home directories of removed accounts, with all files.
    type: bool
    default: false
  remove_groups:
    description:
      - With O(state=absent), whether to remove groups that this module created and that no longer have members. Also removes the record
        of O(adopted).
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Reports what would change.
  diff_mode:
    support: none
    description: The names are in the return values.
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Create the shared account
  collab.jupyterhub.shared_accounts:
    names: [shared]
    group: jupyterhub
    comment: shared by the users of the hub
"""

RETURN = r"""
made:
  description: Accounts that were created.
  type: list
  elements: str
  returned: always
joined:
  description: Accounts that were added to the group.
  type: list
  elements: str
  returned: always
removed:
  description: Accounts that were removed.
  type: list
  elements: str
  returned: always
deleted_homes:
  description: Home directories of removed accounts that were deleted.
  type: list
  elements: str
  returned: always
removed_groups:
  description: Groups that were removed.
  type: list
  elements: str
  returned: always
kept_homes:
  description: Home directories of removed accounts that were kept.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import shared_accounts, step


def main() -> None:
    module = AnsibleModule(
        argument_spec=shared_accounts.ARGUMENTS,
        required_if=[("state", "present", ["group"])],
        supports_check_mode=True,
    )
    step.run(module, shared_accounts.apply)


if __name__ == "__main__":
    main()
