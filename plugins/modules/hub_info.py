#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells what is on a host that runs a hub."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_info
short_description: Discover the JupyterHub of a host and the environment that runs JupyterLab
version_added: 1.0.0
description:
  - Looks at the systemd unit that runs the hub, asks the hub's own interpreter for its version and for the command that
    the configuration starts servers with, and asks the environment that runs JupyterLab what is in it.
  - Judges nothing. What is not there is reported as missing, and the roles say in one sentence what to do.
options:
  service:
    description: The systemd unit that runs the hub.
    type: str
    default: jupyterhub
  path:
    description: The hub's main configuration file. Where it is not given, it is the one that earlier runs have changed, else the one
      that the unit names.
    type: path
  environment:
    description: The environment that runs JupyterLab. A path, V(system) for the system's Python, V(auto) for the one that
      the hub's configuration starts servers from, or V(none) where it is not on this host.
    type: str
    default: auto
  account:
    description: A hub user whose account to look up.
    type: str
  group:
    description: A group to look up.
    type: str
  comment:
    description: The comment that marks the accounts which M(collab.jupyterhub.shared_accounts) made.
    type: str
  fragment:
    description: A fragment of M(collab.jupyterhub.hub_config), to tell which hubs it has been given to, and which accounts
      and which state directory it has in force.
    type: str
  state_directory:
    description: A directory in which servers are to keep state, to tell whether it holds something else.
    type: path
    version_added: 1.1.0
  lab_settings:
    description: Names of files of M(collab.jupyterhub.lab_settings), to tell what they say.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  people:
    description: Whether to tell the names of the users and groups that the hub knows.
    type: bool
    default: false
    version_added: 1.1.0
  markers:
    description: Texts to look for in the main file.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
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
service:
  description: The unit. Whether it exists and runs, the account that the hub runs as, whether it lets the hub write below
    O(state_directory), and the idle cullers of this host that are no services of the hub.
  type: dict
  returned: always
  sample: {name: jupyterhub, exists: true, running: true, user: root, writes_state: true, cullers: []}
config:
  description: The main file. Whether it and its directory exist, which file the unit names and whether that is the same one, which of
    the markers stand in it, and which accounts and state directory the fragment has in force.
  type: dict
  returned: always
  sample:
    path: /usr/local/etc/jupyter/jupyterhub_config.py
    real_path: /usr/local/etc/jupyter/jupyterhub_config.py
    exists: true
    directory_exists: true
    named_by_service: ""
    is_the_hubs: true
    markers: []
    accounts: [shared]
    state_directory: /var/lib/jupyterhub-rtc
hub:
  description: The hub's interpreter, with its version, and the hub's, and why its configuration does not load (empty where it does).
  type: dict
  returned: always
  sample: {python: /usr/local/jupyterhub/bin/python, python_version: 3.13.5, version: 6.1.1, error: ""}
servers:
  description: The environment that the hub's configuration starts servers from, empty where that cannot be told, whether RV(lab) is the
    same one, others that people choose in profiles or that other settings name, what the
    name of a user's account is made of, and the servers that run, each with its start in seconds of the epoch (null where the hub's
    database cannot be read).
  type: dict
  returned: always
  sample:
    command: [jupyterhub-singleuser]
    environment: /usr/local/jupyterhub
    is_lab: true
    other_environments: []
    account_names: "{USERNAME}"
    running: [{owner: shared, name: shared, started: 1795281063.5}]
state_directory_is_taken:
  description: Whether O(state_directory) holds something else than state of servers.
  type: bool
  returned: always
lab:
  description: The environment that runs JupyterLab. Its interpreter, with its version, the versions of the packages that matter, since when
    jupyter-collaboration is there in seconds of the epoch, whether an installation was cut off there, and what the files of
    O(lab_settings) say by their name (nothing where one was changed by hand).
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
  description: The account, where one was asked for.
  type: dict
  returned: always
  sample: {name: shared, exists: true, system: false, person: false, comment: "", groups: [jupyterhub]}
group:
  description: The group, where one was asked for, and whether it is one of this host, which takes members here.
  type: dict
  returned: always
  sample: {exists: true, local: true}
homes:
  description: Where homes of new accounts are, and whether root can make one there.
  type: dict
  returned: always
  sample: {path: /home, writable: true}
shared_accounts:
  description: The accounts that bear the comment, without those of other hubs of this host.
  type: list
  elements: str
  returned: always
people:
  description: The names of the hub's users and groups, where they were asked for and the hub's database can be read.
  type: dict
  returned: always
  sample: {users: [alice, bob], groups: [students]}
shared_users:
  description: The hub users whose accounts these are.
  type: list
  elements: str
  returned: always
remembered:
  description: What earlier runs have left on the host. The main files of hubs that have the fragment, each by the name of its unit,
    what those other than this one keep for themselves, the environments that M(collab.jupyterhub.python_packages) can restore, the
    accounts that M(collab.jupyterhub.shared_accounts) has adopted, and the hub users of
    projects that M(collab.jupyterhub.project_workspaces) has made, by the names of the projects.
  type: dict
  returned: always
  sample:
    hubs: {jupyterhub: /usr/local/etc/jupyter/jupyterhub_config.py}
    others: [{unit: hub-of-tests, accounts: [team], state_directory: /var/lib/hub-of-tests/rtc, port: 906}]
    environments: [/usr/local/jupyterhub]
    accounts: []
    projects: {rainfall: project-rainfall}
"""

import ast
import contextlib
import glob
import inspect
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils import (
    accounts,
    config_block,
    host_state,
    hub_probe,
    package_record,
    paths,
    transaction,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub_process import (
    HubNotFound,
    account_of,
    hub_command,
    hub_of,
    run_as_hub,
    shebang_python,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.lab_files import LabFiles, directories
from ansible_collections.collab.jupyterhub.plugins.module_utils.listeners import unit_of
from ansible_collections.collab.jupyterhub.plugins.module_utils.process import Process
from ansible_collections.collab.jupyterhub.plugins.module_utils.python_environment import journal_path
from ansible_collections.collab.jupyterhub.plugins.module_utils.systemd_unit import (
    DEFAULT_PATH,
    NoSystemd,
    Unit,
    show,
)

PROBE_SECONDS = 60
CULLER = re.compile(r"(^|/)(jupyterhub[-_]idle[-_]culler|cull_idle_servers\.py)")
PROJECTS = "projects.json"  # what module project_workspaces remembers
USUAL_PATH = "/usr/local/etc/jupyter/jupyterhub_config.py"
SYSTEM_PYTHON = "/usr/bin/python3"
# What decides which version of what can be installed, and whether it is there already.
PACKAGES = (
    "jupyterlab",
    "jupyterhub",
    "jupyter-server",
    "jupyter-collaboration",
    "jupyter-collaboration-ui",
    "jupyter-docprovider",
    "jupyter-server-documents",
    "jupyter-server-ydoc",
    "jupyter-ydoc",
    "pycrdt",
    "pycrdt-store",
    "pycrdt-websocket",
)
VERSIONS = """
import importlib.metadata, json, os, sys
versions, since = {}, 0
for name in sys.argv[1:]:
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        continue
    versions[name] = found.version
    if name == "jupyter-collaboration":
        description = found.locate_file("jupyter_collaboration-" + found.version + ".dist-info")
        since = os.stat(description).st_mtime if os.path.exists(description) else 0
python = ".".join(map(str, sys.version_info[:3]))
print(json.dumps({"versions": versions, "python_version": python, "collaboration_since": since}))
"""


def describe_hub(unit: Unit, config: str, *wishes: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the hub, and how its configuration has it start servers (see module_utils hub_probe)."""
    try:
        command = hub_command(unit)
    except HubNotFound as error:
        return {"python": "", "python_version": "", "version": "", "error": str(error)}, {}
    # What the unit names may load other files, and one of them may be the main file.
    path = next(filter(os.path.exists, (command.config, config)), os.devnull)
    asked = json.dumps({"path": path, "arguments": command.arguments, "people": "people" in wishes})
    try:
        # Nothing must be imported from the working directory, which `-c` puts first.
        code = "import sys; del sys.path[0]; exec(sys.argv.pop(1))"
        probe = [command.python, *command.options, "-c", code, inspect.getsource(hub_probe), asked]
        done = run_as_hub(unit, probe, PROBE_SECONDS)
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        return {
            "python": command.python,
            "python_version": "",
            "version": "",
            "error": f"{command.python} gave no answer: {error}",
        }, {}
    told = ("version", "python_version", "error")
    return {"python": command.python, **{name: found[name] for name in told}}, found


def path_of(unit: Unit) -> str:
    """Return the PATH that the hub looks for programs in."""
    try:
        return hub_of(unit).environment.get("PATH", DEFAULT_PATH)
    except HubNotFound:
        return DEFAULT_PATH


def user_of(unit: Unit) -> str:
    """Return the name of the account that the hub runs as."""
    try:
        return pwd.getpwuid(account_of(unit)[0]).pw_name
    except (HubNotFound, KeyError):
        return unit.user


def cullers_beside(unit: Unit) -> list[dict[str, Any]]:
    """Return the idle cullers of this host that are no services of the hub: their units, and the seconds that they wait."""
    found = []
    for path in glob.glob("/proc/[0-9]*"):
        process = Process(int(path.rpartition("/")[2]))
        words = process.command
        if not words or not re.search(r"(^|/)python[\d.]*$|cull", words[0]):
            continue
        if not any(CULLER.search(word) for word in words[:3]):
            continue
        where = unit_of(process.pid)
        if where != unit.properties.get("Id", unit.name):
            told = re.search(r"--timeout[= ](\d+)", " ".join(words))
            found.append(
                {"unit": where or f"process {process.pid}", "seconds": int(told[1]) if told else 600}
            )
    return sorted(found, key=str)


def environment_of(command: list[str], hub_python: str, path: str) -> str:
    """Return the environment that a command of a spawner runs in; empty where it cannot be told."""
    if not command:
        command = ["jupyterhub-singleuser"]
    program = command[0]
    if re.search(r"(^|/)python[\d.]*$", program):
        python = shutil.which(program, path=path)
    else:
        beside_hub = os.path.dirname(hub_python)
        script = shutil.which(program, path=f"{path}{os.pathsep}{beside_hub}")
        python = shebang_python(script) if script else None
    return environment_of_python(python) if python else ""


def environment_of_python(python: str) -> str:
    """Return the virtual environment that an interpreter belongs to, or `system` for the distribution's."""
    directory = os.path.dirname(os.path.dirname(python))
    if os.path.exists(os.path.join(directory, "pyvenv.cfg")):
        return directory
    return "system" if os.path.realpath(python) == os.path.realpath(SYSTEM_PYTHON) else directory


def describe_lab(environment: str, names: list[str]) -> dict[str, Any]:
    """Return the environment's interpreter, the versions of what matters in it (none without an interpreter), since when
    jupyter-collaboration is there in seconds of the epoch, whether an installation was cut off there, and what our files of
    these names say.
    """
    python = SYSTEM_PYTHON if environment == "system" else os.path.join(environment, "bin", "python")
    lab: dict[str, Any] = {
        "environment": environment,
        "python": "",
        "python_version": "",
        "versions": {},
        "collaboration_since": 0,
        "unfinished": bool(environment) and journal_path(environment).exists(),
        "settings": {},
    }
    if environment and os.path.exists(python):
        done = subprocess.run(
            [python, "-I", "-c", VERSIONS, *PACKAGES],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            timeout=PROBE_SECONDS,
        )
        if done.returncode == 0:
            lab |= {"python": python, **json.loads(done.stdout)}
    if "jupyterlab" in lab["versions"]:
        with contextlib.suppress(LookupError):
            where = directories(python)
            lab["settings"] = {name: LabFiles(where, name).found() for name in names}
    return lab


def remembered_path(service: str) -> str:
    """Return the main file by which a hub was given a fragment; empty where it was given none."""
    return str(host_state.hubs().get(service, {}).get("path", ""))


def said(fragment: str, argument: str) -> Any:
    """Return what a fragment of ours gives for an argument; None where it gives nothing, or is not there."""
    for node in ast.walk(ast.parse(transaction.read(fragment) or b"")):
        if isinstance(node, ast.keyword) and node.arg == argument:
            return ast.literal_eval(node.value)
    return None


def other_hubs(service: str, fragment: str) -> list[dict[str, Any]]:
    """Return what other hubs of this host that have the fragment keep for themselves: accounts, state directory and page's port."""
    found = []
    for unit, state in host_state.hubs().items():
        if unit == service or fragment not in state["runs_with"]:
            continue
        paths = glob.glob(f"{glob.escape(config_block.fragments_directory(state['path']))}/*.py")
        told = {
            name: next((value for path in sorted(paths) if (value := said(path, name)) is not None), None)
            for name in ("accounts", "state_directory", "port")
        }
        found.append(
            {
                "unit": unit,
                "accounts": told["accounts"] or [],
                "state_directory": told["state_directory"] or "",
                "port": told["port"],  # null where the hub has no sharing page
            }
        )
    return found


def looks_ours(directory: str) -> bool:
    """Return whether a directory is one below which the hub keeps state of servers (see `jupyterhub_collab.hub.state_directory`).

    It is root's, who lets others pass and not look, and so is all in it.
    """
    try:
        found = [os.lstat(path) for path in (directory, *glob.glob(f"{glob.escape(directory)}/*"))]
    except OSError:
        return False
    return all(each.st_uid == 0 and each.st_mode == stat.S_IFDIR | 0o711 for each in found)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "service": {"type": "str", "default": "jupyterhub"},
            "path": {"type": "path"},
            "environment": {"type": "str", "default": "auto"},
            "account": {"type": "str"},
            "group": {"type": "str"},
            "comment": {"type": "str"},
            "fragment": {"type": "str"},
            "state_directory": {"type": "path"},
            "lab_settings": {"type": "list", "elements": "str", "default": []},
            "people": {"type": "bool", "default": False},
            "markers": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        unit = show(module.params["service"])
    except NoSystemd as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    try:
        named = paths.tidy(hub_command(unit).config)
    except HubNotFound:
        named = ""
    path = (
        module.params["path"]
        or remembered_path(unit.name)
        or (named if os.path.exists(named) else USUAL_PATH)
    )
    hub, starts = describe_hub(unit, path, *(["people"] if module.params["people"] else []))
    command = (starts.get("commands") or [[]])[-1]
    search = os.pathsep.join([*starts.get("paths", []), path_of(unit)])
    servers = environment_of(command, hub["python"], search) if hub["python"] else ""
    account_names = starts.get("account_names") or accounts.USERNAME
    all_commands = [*starts.get("commands", []), *starts.get("profiles", [])] if hub["python"] else []
    others = {environment_of(each, hub["python"], search) for each in all_commands}
    others_here = other_hubs(module.params["service"], module.params["fragment"] or "")
    of_others = {
        accounts.account_of(user, account_names) for other in others_here for user in other["accounts"]
    }
    shared = [name for name in accounts.with_comment(module.params["comment"]) if name not in of_others]
    wish = module.params["environment"]
    environment = {"auto": servers, "none": ""}.get(wish, paths.tidy(wish))
    main_file = transaction.read(path) if os.path.isfile(path) else None
    # Where that is JSON, the block is in the Python file beside it.
    with_block = (main_file or b"") + (transaction.read(config_block.python_file(path)) or b"")
    fragment = config_block.fragment_path(path, module.params["fragment"] or "")
    wanted = module.params["state_directory"] or ""
    # A run that was cut off may have taken the fragment away and left the directory.
    state_directory = said(fragment, "state_directory") or (wanted if looks_ours(wanted) else "")
    module.exit_json(
        changed=False,
        service={
            "name": unit.name,
            "exists": unit.exists,
            "running": unit.running,
            "user": user_of(unit),
            "writes_state": unit.may_write(wanted) if wanted else True,
            "cullers": cullers_beside(unit),
        },
        config={
            "path": path,
            "real_path": config_block.python_file(path),
            "exists": main_file is not None,
            "directory_exists": os.path.isdir(os.path.dirname(path)),
            "named_by_service": named,
            # An earlier run may have remembered the Python file beside one in JSON.
            "is_the_hubs": not named
            or paths.same(config_block.python_file(named), config_block.python_file(path)),
            "markers": [marker for marker in module.params["markers"] if marker.encode() in with_block],
            "accounts": said(fragment, "accounts") or [],
            "state_directory": state_directory,
        },
        hub=hub,
        servers={
            "command": command,
            "environment": servers,
            # Over links, too: it is the same environment by either path.
            "is_lab": bool(servers) and paths.same(servers, environment),
            "other_environments": sorted(others - {environment, servers, ""}),
            "account_names": account_names,
            "running": starts.get("running"),
        },
        lab=describe_lab(environment, module.params["lab_settings"]),
        account=accounts.describe_account(accounts.account_of(module.params["account"], account_names))
        if module.params["account"]
        else {"exists": False},
        remembered={
            "hubs": {
                unit: state["path"]
                for unit, state in host_state.hubs().items()
                if module.params["fragment"] in state["runs_with"]
            },
            "others": others_here,
            "environments": package_record.environments(),
            "accounts": accounts.adopted_accounts(),
            "projects": {
                name: accounts.user_of(made["account"], account_names)
                for name, made in host_state.recall(PROJECTS).items()
            },
        },
        people=starts.get("people"),
        shared_accounts=shared,
        shared_users=[accounts.user_of(name, account_names) for name in shared],
        state_directory_is_taken=bool(glob.glob(f"{glob.escape(wanted)}/*")) and not looks_ours(wanted)
        if wanted
        else False,
        group={
            "exists": bool(module.params["group"]) and accounts.group_exists(module.params["group"]),
            "local": bool(module.params["group"]) and accounts.is_local_group(module.params["group"]),
        },
        homes={"path": accounts.homes(), "writable": os.access(accounts.homes(), os.W_OK)},
    )


if __name__ == "__main__":
    main()
