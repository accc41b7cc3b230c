# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the collection's modules on a container without Ansible around them, which takes most of a call's time.

What Ansible adds, `scenario.module` and the playbooks show.
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
# What the action plugin of a module adds to its arguments.
ADDED = {"hub_config": lambda: {"package": package_files()}}


@dataclass(frozen=True)
class Done:
    """What a call of a module ended with. code is -1 where the module was killed and told nothing."""

    code: int
    told: dict[str, Any]

    @property
    def changed(self) -> bool:
        return bool(self.told["changed"])

    @property
    def message(self) -> str:
        """What a module that failed says to the person who runs the play."""
        return str(self.told["msg"])


def call(name: str, container: str, *, check: bool = False, **arguments: Any) -> Done:
    """Call a module as Ansible does on the host, as root."""
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
    """Put what modules consist of on a container."""
    copy(Path(ansible.module_utils.__file__).parent, container, f"{MODULES}/ansible/module_utils")
    subprocess.run(["podman", "exec", container, "touch", f"{MODULES}/ansible/__init__.py"], check=True)
    copy(ROOT / "plugins", container, f"{MODULES}/ansible_collections/collab/jupyterhub/plugins")


def copy(source: Path, container: str, target: str) -> None:
    """Put a directory's content into one of a container's."""
    subprocess.run(["podman", "exec", container, "mkdir", "-p", target], check=True)
    subprocess.run(["podman", "cp", f"{source}/.", f"{container}:{target}"], check=True)
