# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: python_packages
short_description: Ensure that packages are in one Python environment of the host
description:
  - Asks the environment's own interpreter whether the requirements are met, and does nothing else when they
    are. That takes a tenth of a second and no network.
  - Otherwise installs with C(uv), which it fetches for itself where the host has none, or with C(pip).
    The environment needs neither of them.
  - Everything is resolved and downloaded before the environment is touched.
    A run that was interrupted after that is completed by the next one.
  - Settings that C(pip) knows, from its files or from C(PIP_*) variables of the task, are in force for C(uv),
    too, unless C(UV_*) variables say otherwise.
version_added: "1.0.0"
author:
  - collab.jupyterhub contributors (!UNKNOWN)
options:
  environment:
    description:
      - Path of the virtual environment, or of any other folder that has C(bin/python).
      - The word V(system) means the distribution's own Python.
        Packages then go where the distribution keeps those of the administrator (V(/usr/local)),
        also where the Python is marked as externally managed.
    type: str
    required: true
  packages:
    description:
      - Requirements, in the form in which C(pip) takes them.
      - Names only, with O(state=absent).
    type: list
    elements: str
    required: true
  constraints:
    description:
      - Versions that must not move, whatever the packages need, such as V(jupyterlab==4.6.6).
        An installation that would have to move one fails.
    type: list
    elements: str
    default: []
  state:
    description:
      - Whether the packages are to be there or not.
        Packages that were installed along with one that goes are left where they are,
        and so are those that belong to the distribution.
    type: str
    choices: [present, absent]
    default: present
  create:
    description:
      - Whether to make the environment where it is missing. Without that, a missing environment is an error.
    type: bool
    default: false
  python:
    description:
      - Interpreter to make the environment with.
      - The one that runs this module, if not given.
    type: path
  tool_directory:
    description:
      - Where the module keeps its own C(uv), on a host that has none.
    type: path
    default: /usr/local/lib/collab.jupyterhub/uv
attributes:
  check_mode:
    support: full
    description: Says what would be installed, as far as the tools at hand can tell.
  diff_mode:
    support: full
    description: Shows the versions before and after.
  platform:
    support: full
    description: Hosts with Python 3.9 or later.
    platforms: posix
"""

EXAMPLES = r"""
- name: Ensure JupyterLab can be edited together
  collab.jupyterhub.python_packages:
    environment: /usr/local/jupyterhub
    packages:
      - jupyter-collaboration>=5.0.4,<5.1
    constraints:
      - jupyterlab==4.6.6

- name: Ensure the hub has an environment of its own
  collab.jupyterhub.python_packages:
    environment: /usr/local/jupyterhub
    create: true
    packages:
      - jupyterhub>=6.1.1,<7
  environment:
    PIP_INDEX_URL: https://packages.example.org/simple

- name: Ensure the system's Python is without it
  collab.jupyterhub.python_packages:
    environment: system
    state: absent
    packages:
      - jupyter-collaboration
"""

RETURN = r"""
packages:
  description: Version of every distribution in the environment, by its normalized name.
  returned: success
  type: dict
  sample: {jupyterhub: 6.1.1, jupyterlab: 4.6.6}
installed:
  description: Version of every distribution that this run added or changed.
  returned: success
  type: dict
  sample: {jupyter-collaboration: 5.0.4}
removed:
  description: Names of the distributions that this run took away.
  returned: success
  type: list
  elements: str
  sample: []
installer:
  description: The tool that did the work; empty where there was nothing to do.
  returned: success
  type: str
  sample: uv
stderr:
  description: All that the tool wrote.
  returned: failure
  type: str
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils import (
    installer_report as report,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils import (
    package_installer as tools,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.python_environment import (
    SYSTEM,
    Environment,
    PackagesError,
    ask,
    create,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.python_probe import canonical

ARGUMENTS: dict[str, dict[str, Any]] = {
    "environment": {"type": "str", "required": True},
    "packages": {"type": "list", "elements": "str", "required": True},
    "constraints": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "create": {"type": "bool", "default": False},
    "python": {"type": "path"},
    "tool_directory": {"type": "path", "default": "/usr/local/lib/collab.jupyterhub/uv"},
}


class Journal:
    """The versions before an installation, kept on disk until it is complete."""

    def __init__(self, environment: str, tool_directory: str) -> None:
        folder = Path(tool_directory).parent if environment == SYSTEM else Path(environment)
        self.path = folder / ".python_packages-unfinished.json"

    def read(self) -> dict[str, str] | None:
        try:
            packages: dict[str, str] = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # half written: before anything was installed
            return None
        return packages

    def begin(self, packages: dict[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(packages), encoding="utf-8")

    def end(self) -> None:
        self.path.unlink(missing_ok=True)


def changed_versions(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    return {name: version for name, version in sorted(after.items()) if before.get(name) != version}


def name_of(requirement: str) -> str:
    return canonical(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])


def difference(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))

    def lines(packages: dict[str, str]) -> str:
        return "".join(f"{name}=={packages[name]}\n" for name in names if name in packages)

    return {"before": lines(before), "after": lines(after)}


class Task:
    """One run of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.name: str = module.params["environment"]
        self.wanted: list[str] = [text.strip() for text in module.params["packages"]]
        self.constraints: list[str] = [text.strip() for text in module.params["constraints"]]
        self.absent: bool = module.params["state"] == "absent"
        self.settings = tools.pip_settings(os.environ, "" if self.name == SYSTEM else self.name)
        self.extra_environment = tools.tool_environment(os.environ, self.settings)
        self.created = False
        self.journal = Journal(self.name, module.params["tool_directory"])

    def run(self, command: list[str]) -> tuple[int, str, str]:
        # Users' servers import what is installed here, however strict root's umask is.
        status, out, err = self.module.run_command(
            command, environ_update=self.extra_environment, umask=0o022, expand_user_and_vars=False, cwd="/"
        )
        return status, out, err

    def ask(self) -> Environment | None:
        return ask(self.run, self.name, [] if self.absent else self.wanted)

    def perform(self) -> dict[str, Any]:
        self.check_arguments()
        environment = self.ask()
        if environment is None and not self.absent:
            environment = self.make()
        if environment is None:
            return self.result({}, {}, "")
        doing = self.to_remove(environment) if self.absent else environment.unmet
        if not doing and self.journal.read() is None:
            return self.result(environment.packages, environment.packages, "")
        return self.remove(environment, doing) if self.absent else self.install(environment)

    def check_arguments(self) -> None:
        if self.name != SYSTEM and not Path(self.name).is_absolute():
            raise PackagesError(f"environment must be an absolute path or 'system', not '{self.name}'.")
        for text in [*self.wanted, *self.constraints]:
            if not text or text.startswith("-"):
                raise PackagesError(f"'{text}' is not a requirement.")

    def make(self) -> Environment:
        if not self.module.params["create"]:
            raise PackagesError(f"There is no Python environment in {self.name}; name the one that is meant.")
        self.created = True
        if self.module.check_mode:
            return Environment(python="", unmet=self.wanted)
        create(self.run, self.name, self.module.params["python"] or tools.own_python())
        environment = self.ask()
        if environment is None:
            raise PackagesError(f"The environment {self.name} could not be made: its Python is not its own.")
        return environment

    def choose(self, environment: Environment) -> tools.Installer:
        return tools.choose(
            self.run,
            environment,
            self.module.params["tool_directory"],
            self.module.get_bin_path("uv"),
            tools.uv_options(self.settings),
            may_fetch=not self.module.check_mode,
        )

    def to_remove(self, environment: Environment) -> list[str]:
        own = environment.packages.keys() - {*environment.foreign}
        return [text for text in self.wanted if canonical(text) in own]

    def remove(self, environment: Environment, names: list[str]) -> dict[str, Any]:
        if self.module.check_mode:
            gone = {canonical(name) for name in names}
            left = {name: version for name, version in environment.packages.items() if name not in gone}
            return self.result(environment.packages, left, "")
        installer = self.choose(environment)
        status, out, err = self.run(installer.uninstall(*names))
        after = self.ask() or environment
        left_over = self.to_remove(after)
        if status != 0 or left_over:
            what = ", ".join(left_over or names)
            raise PackagesError(f"{what} could not be removed from {self.name}.", out + err)
        return self.result(environment.packages, after.packages, installer.name)

    def install(self, environment: Environment) -> dict[str, Any]:
        if self.module.check_mode:
            return self.try_install(environment)
        installer = self.choose(environment)
        arguments = [*self.constraint_arguments(), *self.wanted]
        if installer.planner:
            plan = self.call(installer.planner.install("--dry-run", *arguments))
            arguments = ["--no-deps", *self.pinned(report.announced(plan))]
        interrupted = self.journal.read()
        before = environment.packages if interrupted is None else interrupted
        half = self.pinned(changed_versions(before, environment.packages))
        self.journal.begin(before)
        try:
            if half:
                self.call(installer.install_afresh(*half))
            if arguments != ["--no-deps"]:
                self.call(installer.install(*arguments))
        except PackagesError:
            now = self.ask()
            if now and now.packages == before:
                self.journal.end()
            raise
        after = self.ask() or environment
        self.journal.end()
        return self.result(before, after.packages, installer.name)

    def try_install(self, environment: Environment) -> dict[str, Any]:
        """What an installation would do; without a tool at hand that can tell, just what is asked for."""
        try:
            installer = self.choose(environment) if environment.python else None
        except PackagesError:
            installer = None
        if installer is None:
            expected, name = {name_of(text): "wanted" for text in environment.unmet}, ""
        else:
            installer = installer.planner or installer
            plan = self.call(installer.install("--dry-run", *self.constraint_arguments(), *self.wanted))
            expected, name = report.announced(plan), installer.name
        return self.result(environment.packages, {**environment.packages, **expected}, name)

    def call(self, command: list[str]) -> str:
        status, out, err = self.run(command)
        if status != 0:
            raise PackagesError(report.failure(out + err, self.name, self.wanted), out + err)
        return out + err

    def constraint_arguments(self) -> list[str]:
        return tools.constraint_arguments(self.module.tmpdir, self.constraints)

    def pinned(self, packages: dict[str, str]) -> list[str]:
        """The very same files again: by version, or from the address that a requirement names."""
        addresses = {name_of(text): text for text in self.wanted if "@" in text}
        return [addresses.get(name, f"{name}=={version}") for name, version in packages.items()]

    def result(self, before: dict[str, str], after: dict[str, str], installer: str) -> dict[str, Any]:
        return {
            "changed": self.created or before != after,
            "packages": after,
            "installed": changed_versions(before, after),
            "removed": sorted(before.keys() - after.keys()),
            "installer": installer,
            "diff": difference(before, after),
        }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = Task(module).perform()
    except PackagesError as error:
        module.fail_json(msg=str(error), stderr=error.output)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
