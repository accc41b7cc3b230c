#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set JupyterLab's defaults for all users of an environment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_settings
short_description: Set JupyterLab's defaults for all users, in separate files
version_added: 1.1.0
description:
  - Writes default settings (C(overrides.d)) and disabled extensions (C(page_config.d), C(jupyter_server_config.d)) to the
    environment that runs JupyterLab. JupyterLab merges these files with others, so other settings are not affected.
  - Users can still override the settings. Servers apply changes when they restart.
options:
  python:
    description:
      - The interpreter of the environment that runs JupyterLab. Required for O(state=present).
    type: path
  name:
    description: The name of the files, without extension. The server's file gets the prefix C(zz-), because the last file wins.
    type: str
    required: true
  settings:
    description: Default settings, by name of the plugin.
    type: dict
    default: {}
  disabled_extensions:
    description: Extensions and plugins to disable.
    type: list
    elements: str
    default: []
  disabled_server_extensions:
    description: Server extensions to disable.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  state:
    description:
      - Whether the files should exist. If V(absent), they are removed from the environment of O(python), and from every other environment
        of the host to which this module has written them.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Reports what would change.
  diff_mode:
    support: full
    description: Shows the files.
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Disable the Share button, whose links contain tokens
  collab.jupyterhub.lab_settings:
    python: /usr/local/jupyterhub/bin/python
    name: collab-rtc
    disabled_extensions: ["@jupyter/collaboration-extension:shared-link"]
"""

RETURN = r"""
paths:
  description: The files that were written or removed.
  type: list
  elements: str
  returned: always
"""

import contextlib
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import transaction
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.lab_files import (
    NOTHING,
    LabFiles,
    closed_at,
    directories,
    record,
    recorded,
)


def main() -> None:
    os.umask(0o022)  # new files get their intended mode, even with a strict umask
    module = AnsibleModule(
        argument_spec={
            "python": {"type": "path"},
            "name": {"type": "str", "required": True},
            "settings": {"type": "dict", "default": {}},
            "disabled_extensions": {"type": "list", "elements": "str", "default": []},
            "disabled_server_extensions": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["python"])],
        supports_check_mode=True,
    )
    try:
        with contextlib.nullcontext() if module.check_mode else host_state.lock():
            result = apply(module)
    except (LookupError, host_state.Unusable) as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    module.exit_json(**result)


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Write or remove the files, and return the module's result."""
    name = module.params["name"]
    is_present = module.params["state"] == "present"
    wanted = {key: module.params[key] for key in NOTHING} if is_present else NOTHING
    files: dict[str, bytes | None] = {} if is_present else dict.fromkeys(recorded(name))
    if module.params["python"]:
        files |= LabFiles(directories(module.params["python"]), name).contents(**wanted)
    changed = {
        path: content
        for path, content in files.items()
        if transaction.read(path) != content or closed_at(path)
    }
    diff = [
        {
            "before_header": path,
            "after_header": path,
            "before": (transaction.read(path) or b"").decode(errors="replace"),
            "after": (content or b"").decode(),
        }
        for path, content in changed.items()
    ]
    if not module.check_mode:
        for path in [path for path, content in changed.items() if content is None]:
            os.unlink(path)
            with contextlib.suppress(OSError):  # it contains files of others
                for directory in (os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
                    os.rmdir(directory)
        record(name, files)  # no file is ever without a record, even if this run is interrupted
        for path, content in changed.items():
            if content is not None:
                os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
                transaction.write(path, content, 0o644)
                for closed in closed_at(path):
                    transaction.open_up(closed)
    return {"changed": bool(changed), "paths": sorted(changed), "diff": diff}


if __name__ == "__main__":
    main()
