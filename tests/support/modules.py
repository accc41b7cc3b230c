# SPDX-License-Identifier: GPL-3.0-or-later
"""Call the collection's modules on a container directly, without Ansible's overhead, which is most of a call's time.

`scenario.module` and the playbooks test modules with Ansible.
"""

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files

from scenario import ROOT

MODULES = "/root/modules"
CALL = """
import importlib, json, sys
from ansible.module_utils.testing import patch_module_args
module = importlib.import_module("ansible_collections.collab.jupyterhub.plugins.modules." + sys.argv[1])
with patch_module_args(json.load(sys.stdin)):
    module.main()
"""
# Arguments that a module's action plugin adds.
ADDED = {"hub_config": lambda: {"package": package_files()}}


@dataclass(frozen=True)
class Done:
    """The exit code and result of a module. `code` is -1 if the module was killed without a result."""

    code: int
    told: dict[str, Any]

    @property
    def changed(self) -> bool:
        return bool(self.told["changed"])

    @property
    def message(self) -> str:
        """The error message of a module that failed."""
        return str(self.told["msg"])


def call(name: str, container: str, *, check: bool = False, **arguments: Any) -> Done:
    """Call a module on the host as root, as Ansible does."""
    bring(container)
    arguments |= ADDED.get(name, dict)()
    command = ["podman", "exec", "--interactive", f"--env=PYTHONPATH={MODULES}", container]
    done = subprocess.run(
        [*command, "python3", "-c", CALL, name],
        input=json.dumps({**arguments, "_ansible_check_mode": check}),
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode == 128 + 9:
        return Done(-1, {"msg": "killed"})
    assert done.stdout, done.stderr
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert bool(done.returncode) == bool(told.get("failed")), (told, done.stderr)
    return Done(done.returncode, told)


@cache
def bring(container: str) -> None:
    """Copy the modules and what they import to a container."""
    copy(Path(ansible.module_utils.__file__).parent, container, f"{MODULES}/ansible/module_utils")
    subprocess.run(["podman", "exec", container, "touch", f"{MODULES}/ansible/__init__.py"], check=True)
    copy(ROOT / "plugins", container, f"{MODULES}/ansible_collections/collab/jupyterhub/plugins")


def copy(source: Path, container: str, target: str) -> None:
    """Copy a directory's content into a directory of a container."""
    subprocess.run(["podman", "exec", container, "mkdir", "-p", target], check=True)
    subprocess.run(["podman", "cp", f"{source}/.", f"{container}:{target}"], check=True)
