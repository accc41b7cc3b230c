# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell which hub runs on a host, where its servers come from, and what is there."""

from __future__ import annotations

import ast
import glob
import inspect
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..host import accounts, config_block, directory_services, kept_files, paths, transaction
from ..host import state as host_state
from ..host.later import Later
from ..host.listeners import unit_of
from ..host.process import all_commands
from ..host.systemd_unit import DEFAULT_PATH, NoSystemd, Unit, show
from ..packages import record
from ..packages.lab import SYSTEM_PYTHON, describe_lab
from ..projects.state import Projects
from . import health
from . import package as hub_package
from . import probe as hub_probe
from .process import (
    RUN_SOURCE,
    HubNotFound,
    account_of,
    hub_command,
    hub_of,
    run_as_hub,
    shebang_python,
)

ARGUMENTS: dict[str, dict[str, Any]] = {
    "service": {"type": "str", "default": "jupyterhub"},
    "path": {"type": "path"},
    "environment": {"type": "str", "default": "auto"},
    "account": {"type": "str"},
    "group": {"type": "str"},
    "comment": {"type": "str"},
    "fragment": {"type": "str"},
    "state_directory": {"type": "path"},
    "written": {"type": "list", "elements": "path", "default": []},
    "lab_settings": {"type": "list", "elements": "str", "default": []},
    "people": {"type": "bool", "default": False},
    "applied": {"type": "bool", "default": False},
    "markers": {"type": "list", "elements": "str", "default": []},
}
PROBE_SECONDS = 60
CULLER = re.compile(r"(^|/)(jupyterhub[-_]idle[-_]culler|cull_idle_servers\.py)")
USUAL_PATH = "/usr/local/etc/jupyter/jupyterhub_config.py"


def describe_hub(unit: Unit, config: str, *wishes: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the hub, and how its configuration starts servers (see `module_utils/hub/probe.py`).

    wishes: `people` to include the names of the hub's users and groups.
    """
    try:
        command = hub_command(unit)
    except HubNotFound as error:
        return {"python": "", "python_version": "", "version": "", "error": str(error)}, {}
    # Prefer the file that the unit names, because it may load further files, such as the main file.
    path = next(filter(os.path.exists, (command.config, config)), os.devnull)
    asked = json.dumps({"path": path, "arguments": command.arguments, "people": "people" in wishes})
    try:
        probe = [command.python, *command.options, "-c", RUN_SOURCE, inspect.getsource(hub_probe), asked]
        done = run_as_hub(unit, probe, PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return no_answer(command.python, str(error)), {}
    try:
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        why = health.cause(done.stderr or f"it ended with status {done.returncode}")
        return no_answer(command.python, why), {}
    told = ("version", "python_version", "error")
    return {"python": command.python, **{name: found[name] for name in told}}, found


def no_answer(python: str, why: str) -> dict[str, Any]:
    """Describe a hub whose interpreter does not tell about it."""
    return {"python": python, "python_version": "", "version": "", "error": f"{python} did not answer: {why}"}


def path_of(unit: Unit) -> str:
    """Return the hub's PATH."""
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


def cullers_beside(unit: Unit) -> list[str]:
    """Return the units of the idle cullers on this host that are services neither of the hub nor of other hubs with collaboration."""
    of_others = {f"{name.removesuffix('.service')}.service" for name in host_state.hubs()}
    found = []
    for process, words in all_commands().items():
        if not words or not re.search(r"(^|/)python[\d.]*$|cull", words[0]):
            continue
        if not any(CULLER.search(word) for word in words[:3]):
            continue
        where = unit_of(process)
        if where not in {unit.properties.get("Id", unit.name), *of_others}:
            found.append(where or f"process {process}")
    return sorted(found)


def environment_of(command: list[str], hub_python: str, path: str) -> str:
    """Return the Python environment that a spawner's command runs in, or an empty string if unknown."""
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
    """Return the environment that an interpreter belongs to: a path, or `system` for the distribution's Python."""
    directory = os.path.dirname(os.path.dirname(python))
    if os.path.exists(os.path.join(directory, "pyvenv.cfg")):
        return directory
    return "system" if os.path.realpath(python) == os.path.realpath(SYSTEM_PYTHON) else directory


def remembered_path(service: str) -> str:
    """Return the main file that earlier runs recorded for a hub, or an empty string if it has no fragment."""
    return str(host_state.hubs().get(service, {}).get("path", ""))


def said(fragment: str, argument: str) -> Any:
    """Return the value that one of our fragments passes as this keyword argument, or None."""
    for node in ast.walk(ast.parse(transaction.read(fragment) or b"")):
        if isinstance(node, ast.keyword) and node.arg == argument:
            return ast.literal_eval(node.value)
    return None


def other_hubs(service: str, fragment: str, comment: str = "", wanted: str = "") -> list[dict[str, Any]]:
    """Return what other hubs with the fragment on this host use: shared accounts, state directory, and the port of the sharing page.

    comment: marks shared accounts. wanted: the state directory of this hub.
    """
    found = []
    for unit, state in host_state.hubs().items():
        if unit == service or fragment not in state["runs_with"]:
            continue
        found_there = sorted(config_block.fragments_in(config_block.fragments_directory(state["path"])))
        told = {
            name: next((value for path in found_there if (value := said(path, name)) is not None), None)
            for name in ("accounts", "state_directory", "port")
        }
        found.append(
            {
                "unit": unit,
                "accounts": accounts_of_hub(unit, state["path"], told["accounts"] or [], comment),
                "state_directory": told["state_directory"] or "",
                "overlaps": paths.overlap(wanted, told["state_directory"] or ""),
                "port": told["port"],  # null if the hub has no sharing page
            }
        )
    return found


def remembered_projects(service: str, account_names: str) -> dict[str, Any]:
    """Return the hub's projects and those of other hubs, as in `remembered`. account_names: the template for account names."""
    known = Projects(service)
    users = {name: accounts.user_of(made["account"], account_names) for name, made in known.on_host.items()}
    return {
        "projects": {name: users[name] for name in known.all},
        "projects_of_others": sorted(known.of_others),
        "project_users_of_others": [
            users[name] for name, units in known.of_others.items() if service in units
        ],
    }


def units_with_package(service: str) -> list[str]:
    """Return the units of other hubs with a fragment that imports the collection's package."""
    return [
        unit
        for unit, state in host_state.hubs().items()
        if unit != service
        and any(
            hub_package.imports(transaction.read(path) or b"")
            for path in config_block.fragments_in(config_block.fragments_directory(state["path"]))
        )
    ]


def accounts_of_hub(unit: str, path: str, users: list[str], comment: str) -> list[str]:
    """Return the accounts that run the servers of another hub's shared users.

    If its configuration does not load, return all accounts with the comment whose names contain those of the users.
    """
    if not users:
        return []
    hub, starts = describe_hub(show(unit), path)
    if hub["version"] and not hub["error"]:
        template = starts.get("account_names") or accounts.USERNAME
        return [accounts.account_of(user, template) for user in users]
    likely = [name for name in accounts.with_comment(comment) if any(user in name for user in users)]
    return sorted({*users, *likely})


def describe_account(account: str, service: str) -> dict[str, Any]:
    """Return what is known about an account and the group of its name, and for which other hub its home is kept (empty for none)."""
    home = os.path.join(accounts.homes(), account)
    return {
        **accounts.describe_account(account),
        "group_exists": accounts.group_exists(account),
        "kept_for": kept_files.other_hub(home, service),
    }


def looks_ours(directory: str) -> bool:
    """Return whether a directory looks like one that the hub created for the state of servers.

    Root owns such a directory and its entries. Others can traverse but not list them. See `jupyterhub_collab.hub.state_directory`.
    """
    try:
        found = [os.lstat(path) for path in (directory, *glob.glob(f"{glob.escape(directory)}/*"))]
    except OSError:
        return False
    return all(each.st_uid == 0 and each.st_mode == stat.S_IFDIR | 0o711 for each in found)


def answer(
    module: AnsibleModule, params: dict[str, Any], look: Callable[[AnsibleModule, str], dict[str, Any]]
) -> None:
    """End the module with the result of module hub_info.

    params: the options of hub_info. look: compares the host with what was applied to a hub (see `apply.record.look`).
    """
    try:
        unit = show(params["service"])
    except NoSystemd as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    unit.name = params["service"] = host_state.recorded_name(unit)
    try:
        named = paths.tidy(hub_command(unit).config)
    except HubNotFound:
        named = ""
    path = params["path"] or remembered_path(unit.name) or (named if os.path.exists(named) else USUAL_PATH)
    # These ask other interpreters. Meanwhile, this process compares the host with what was applied.
    asked = Later(lambda: describe_hub(unit, path, *(["people"] if params["people"] else [])))
    wish, labs = params["environment"], params["lab_settings"]
    # That which earlier runs have changed is probably the one that the hub names.
    likely = record.environments()[:1] if wish == "auto" else [paths.tidy(wish)]
    described = {each: Later(partial(describe_lab, each, labs)) for each in likely if each != "none"}
    applied = look(module, unit.name) if params["applied"] else {}
    hub, starts = asked.result()
    command = (starts.get("commands") or [[]])[-1]
    search = os.pathsep.join([*starts.get("paths", []), starts.get("search_path") or path_of(unit)])
    servers = environment_of(command, hub["python"], search) if hub["python"] else ""
    account_names = starts.get("account_names") or accounts.USERNAME
    all_commands = [*starts.get("commands", []), *starts.get("profiles", [])] if hub["python"] else []
    others = {environment_of(each, hub["python"], search) for each in all_commands}
    wanted = params["state_directory"] or ""
    others_here = other_hubs(params["service"], params["fragment"] or "", params["comment"] or "", wanted)
    of_others = {name for other in others_here for name in other["accounts"]}
    shared = [name for name in accounts.with_comment(params["comment"]) if name not in of_others]
    environment = {"auto": servers, "none": ""}.get(wish, paths.tidy(wish))
    lab = described[environment].result() if environment in described else describe_lab(environment, labs)
    main_file = transaction.read(path) if os.path.isfile(path) else None
    # If the main file is JSON, the block is in the Python file next to it.
    with_block = (main_file or b"") + (transaction.read(config_block.python_file(path)) or b"")
    fragment = config_block.fragment_path(path, params["fragment"] or "")
    # An interrupted run may have removed the fragment but not the directory.
    state_directory = said(fragment, "state_directory") or (wanted if looks_ours(wanted) else "")
    if any(paths.overlap(state_directory, other["state_directory"]) for other in others_here):
        state_directory = ""  # nothing in it may be deleted
    account = (
        describe_account(accounts.account_of(params["account"], account_names), unit.name)
        if params["account"]
        else {"exists": False}
    )
    has_group = bool(params["group"]) and accounts.group_exists(params["group"])
    will_create = (params["account"] and not account["exists"]) or (params["group"] and not has_group)
    module.exit_json(
        changed=False,
        applied=applied,
        service={
            "name": unit.name,
            "exists": unit.exists,
            "running": unit.running,
            "user": user_of(unit),
            "shut": [each for each in params["written"] if not unit.may_write(each)],
            "cullers": cullers_beside(unit),
        },
        config={
            "path": path,
            "real_path": config_block.python_file(path),
            "exists": main_file is not None,
            "directory_exists": os.path.isdir(os.path.dirname(path)),
            "named_by_service": named,
            # An earlier run may have recorded the Python file next to a JSON file.
            "is_the_hubs": not named
            or paths.same(config_block.python_file(named), config_block.python_file(path)),
            "beside": host_state.beside(params["service"], config_block.python_file(path)),
            "markers": [marker for marker in params["markers"] if marker.encode() in with_block],
            "accounts": said(fragment, "accounts") or [],
            "state_directory": state_directory,
        },
        hub=hub,
        servers={
            "command": command,
            "environment": servers,
            # Compare with links resolved: two paths can lead to the same environment.
            "is_lab": bool(servers) and paths.same(servers, environment),
            "other_environments": sorted(others - {environment, servers, ""}),
            "account_names": account_names,
            "spawners": starts.get("spawners", []),
            "running": starts.get("running"),
            "isolation": starts.get("isolation", ""),
        },
        lab=lab,
        account=account,
        directories=sorted({name for _kind, name in directory_services.sources()}),
        silent_directories=directory_services.silent() if will_create else [],
        remembered={
            "hubs": {
                unit: state["path"]
                for unit, state in host_state.hubs().items()
                if params["fragment"] in state["runs_with"]
            },
            "others": others_here,
            "other_units": units_with_package(params["service"]),
            "environments": record.environments(),
            "accounts": accounts.adopted_accounts(),
            "groups": accounts.made_groups(),
            **remembered_projects(params["service"], account_names),
        },
        people=starts.get("people"),
        shared_accounts=shared,
        shared_users=[accounts.user_of(name, account_names) for name in shared],
        state_directory_is_taken=bool(glob.glob(f"{glob.escape(wanted)}/*")) and not looks_ours(wanted)
        if wanted
        else False,
        group={
            "exists": has_group,
            "local": bool(params["group"]) and accounts.is_local_group(params["group"]),
        },
        homes={"path": accounts.homes(), "writable": os.access(accounts.homes(), os.W_OK)},
    )
