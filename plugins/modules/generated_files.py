#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a directory of generated files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: generated_files
short_description: Write generated files to a directory
version_added: 1.1.0
description:
  - Writes files that differ, each in one step, and creates directories as needed. Leaves all other files in the directory alone.
  - Unlike C(ansible.builtin.copy), takes files that are not text, such as the wheel of the package, without another file as their source.
options:
  directory:
    description: The directory.
    type: path
    required: true
  files:
    description: The files' contents in base64, by path relative to O(directory).
    type: dict
    required: true
attributes:
  check_mode:
    support: full
    description: Reports what would change.
  diff_mode:
    support: full
    description: Shows the files that are text.
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Write the values file
  collab.jupyterhub.generated_files:
    directory: /home/me/cluster
    files:
      values.yaml: "{{ 'hub: {}' | b64encode }}"
  delegate_to: localhost
"""

RETURN = r"""
paths:
  description: The files that were written, relative to O(directory).
  type: list
  elements: str
  returned: always
"""

import base64
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import transaction

LARGEST_DIFF = 100_000  # bytes


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        result = write(
            module.params["directory"],
            {path: base64.b64decode(text) for path, text in module.params["files"].items()},
            module.check_mode,
        )
    except OSError as error:
        module.fail_json(
            msg=f"Cannot write {error.filename or module.params['directory']}: {error.strerror}. Set jupyterhub_kubernetes_directory to a "
            "directory that you can write to, on the machine that runs the playbook"
        )
    module.exit_json(**result)


def write(directory: str, files: dict[str, bytes], check_mode: bool) -> dict[str, Any]:
    """Write the files that differ, and return the module's result. Raises OSError."""
    before = {path: transaction.read(os.path.join(directory, path)) for path in files}
    changed = {path: content for path, content in files.items() if before[path] != content}
    diff = [
        {
            "before_header": path,
            "after_header": path,
            "before": _shown(before[path] or b""),
            "after": _shown(content),
        }
        for path, content in sorted(changed.items())
    ]
    if not check_mode:
        for path, content in changed.items():
            os.makedirs(os.path.dirname(os.path.join(directory, path)), mode=0o755, exist_ok=True)
            transaction.write(os.path.join(directory, path), content, 0o644)
    return {"changed": bool(changed), "paths": sorted(changed), "diff": diff}


def _shown(content: bytes) -> str:
    """Return a file's text for a diff."""
    if len(content) > LARGEST_DIFF or b"\0" in content:
        return f"({len(content)} bytes)\n"
    return content.decode(errors="replace")


if __name__ == "__main__":
    main()
