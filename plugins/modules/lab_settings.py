#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets what JupyterLab shows to everybody who uses one environment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_settings
short_description: Set what JupyterLab shows to everybody, in files of our own
version_added: 1.1.0
description:
  - Writes defaults of settings (C(overrides.d)) and extensions that are off (C(page_config.d), C(jupyter_server_config.d)) into the
    environment that runs JupyterLab. JupyterLab puts these files together with those of others, so nothing of anybody else is
    touched.
  - Users may still set something else for themselves. Servers show it once they have been started anew.
options:
  python:
    description: The interpreter of the environment that runs JupyterLab.
    type: path
    required: true
  name:
    description: The name of the files, without their ending. That of the server's begins with C(zz-), as the last one counts.
    type: str
    required: true
  settings:
    description: Defaults, the setting of each plugin by its name.
    type: dict
    default: {}
  disabled_extensions:
    description: Extensions and plugins that are off.
    type: list
    elements: str
    default: []
  disabled_server_extensions:
    description: Extensions of the server that are off.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  state:
    description: Whether the files are to be there.
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
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Ensure the Share button does not hand out tokens
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
import json
import os
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils import transaction

# JupyterLab knows best where it looks: a system's Python may have its data in another place than its own prefix. But it takes a
# second to be asked, so it is where the answer is not plain.
WHERE = """
import json, os, sys
from importlib.util import find_spec
from jupyter_core.paths import ENV_CONFIG_PATH
app = sys.prefix + "/share/jupyter/lab"
if not (find_spec("jupyterlab") and os.path.isdir(app + "/static")) or os.environ.get("JUPYTERLAB_DIR"):
    from jupyterlab.commands import get_app_dir
    app = get_app_dir()
config = ENV_CONFIG_PATH[0]
print(json.dumps([app + "/settings/overrides.d", config + "/labconfig/page_config.d", config + "/jupyter_server_config.d"]))
"""
# The server reads these files in the order of their names, and packages bring theirs under their own.
LAST = "zz-"


def wanted(params: dict[str, Any]) -> dict[str, bytes | None]:
    """Return the content of each file by its path; None where it is to be gone."""
    done = subprocess.run(
        [params["python"], "-I", "-c", WHERE], capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode:
        raise LookupError(f"there is no JupyterLab behind {params['python']}")
    settings, page_config, server_config = json.loads(done.stdout.splitlines()[-1])
    name, off, off_in_server = (
        params[key] for key in ("name", "disabled_extensions", "disabled_server_extensions")
    )
    contents: dict[str, dict[str, Any]] = {
        os.path.join(settings, f"{name}.json"): params["settings"],
        os.path.join(page_config, f"{name}.json"): {"disabledExtensions": dict.fromkeys(off, True)}
        if off
        else {},
        os.path.join(server_config, f"{LAST}{name}.json"): {
            "ServerApp": {"jpserver_extensions": dict.fromkeys(off_in_server, False)}
        }
        if off_in_server
        else {},
    }
    there = params["state"] == "present"
    return {
        path: (json.dumps(content, indent=2, sort_keys=True) + "\n").encode() if content and there else None
        for path, content in contents.items()
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "python": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "settings": {"type": "dict", "default": {}},
            "disabled_extensions": {"type": "list", "elements": "str", "default": []},
            "disabled_server_extensions": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    try:
        files = wanted(module.params)
    except LookupError as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    changed = {path: content for path, content in files.items() if transaction.read(path) != content}
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
        for path, content in changed.items():
            if content is None:
                os.unlink(path)
                with contextlib.suppress(OSError):  # others have files there
                    for directory in (os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
                        os.rmdir(directory)
            else:
                os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
                transaction.write(path, content, 0o644)
    module.exit_json(changed=bool(changed), paths=sorted(changed), diff=diff)


if __name__ == "__main__":
    main()
