# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute the policy of role jupyterhub_rtc, with pure functions of its variables and of the state of the host.

For this role, only this file decides who has which scopes, which accounts exist, and which versions are installed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.module_utils.host import config_block, directory_services

from . import address, sharing
from .sharing import can_share, hole, python_problem, release

OLDEST_HUB = "5.0"
# Which versions of jupyter-collaboration support which versions of JupyterLab, from the packages' metadata. Each range excludes its end.
# Releases of 4.x before 4.4.2 do not authenticate requests to the timeline, or authorize connections to documents.
COLLABORATION_FOR_LAB = {
    ("4.6", "5"): ("5.0.4", "5.1"),
    ("4.4", "4.6"): ("4.4.2", "4.5"),
}
OLDEST_LAB = "4.4"
# The parts of jupyter-collaboration for the same versions of JupyterLab, in the versions that document protection supports (see
# `jupyterhub_collab.server.protection`). The packages' metadata allow more, such as future releases.
PARTS_FOR_LAB = {
    ("4.6", "5"): {
        "jupyter-collaboration-ui": ("3.0.4", "3.2"),
        "jupyter-docprovider": ("3.0.4", "3.2"),
        "jupyter-server-ydoc": ("3.0.4", "3.2"),
        "jupyter-ydoc": ("4.1.1", "5"),
        "pycrdt": ("0.14.10", "0.15"),
        "pycrdt-store": ("0.1.2", "0.2"),
        "pycrdt-websocket": ("0.16.4", "0.17"),
    },
    ("4.4", "4.6"): {
        "jupyter-collaboration-ui": ("2.4.2", "2.5"),
        "jupyter-docprovider": ("2.4.2", "2.5"),
        "jupyter-server-ydoc": ("2.4.2", "2.5"),
        "jupyter-ydoc": ("3.5", "4"),
        "pycrdt": ("0.13", "0.15"),
        "pycrdt-store": ("0.1.2", "0.2"),
        "pycrdt-websocket": ("0.16.2", "0.17"),
    },
}
# The same for jupyterlab-chat. Releases before 0.23 do not support the parts of jupyter-collaboration above, and later ones no JupyterLab 4.4.
CHAT = "jupyterlab-chat"
CHAT_FOR_LAB = {
    ("4.5", "5"): ("0.25.3", "0.26"),
}
CHAT_EXTENSION, CHAT_SERVER_EXTENSION = "jupyterlab-chat-extension", "jupyterlab_chat"
# If this package is installed, it replaces jupyter-collaboration, and documents are not protected.
RIVAL = "jupyter-server-documents"
# Account names that useradd accepts on both Debian and Red Hat.
ACCOUNT_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
# The comment that marks accounts on the host that were created to be shared.
ACCOUNT_COMMENT = "shared by the users of JupyterHub (collab.jupyterhub)"
LOG_OF_ROOT = "/var/log/jupyterhub-sharing.jsonl"  # as in jupyterhub_collab.hub.sharing
# JupyterHub's format for an amount of memory (ByteSpecification).
MEMORY = re.compile(r"(?=.*[1-9])\d+(\.\d+)?[KMGT]?")
# The value of jupyterhub_rtc_venv if servers come from an image or a start script, so that the host has no environment to install into.
ELSEWHERE = "none"
# The value of jupyterhub_rtc_servers with which the role sets up sharing, and no live collaboration.
NO_SERVERS = "none"
LIVE_EXTENSIONS = ["@jupyter/collaboration-extension", "@jupyter/docprovider-extension"]
LIVE_SERVER_EXTENSION = "jupyter_server_ydoc"
# Commands that accept options of the single-user server. Must be the same as `COMMANDS` in `jupyterhub_collab.hub.servers`.
TAKES_OPTIONS = {"jupyterhub-singleuser", "jupyter-labhub", "jupyterhub.singleuser"}
SHARE_BUTTON = "@jupyter/collaboration-extension:shared-link"
# A container image with a tag or a digest.
IMAGE = re.compile(r"[a-zA-Z0-9./_:-]*[a-z0-9](:[\w.-]+|@sha256:[0-9a-f]{64})")
DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
# The access levels that all users can have: on the shared server, the first being the default, and on everyone's servers in all users mode.
LEVELS = ("manage", "edit", "view")
LEVELS_FOR_ALL = ("edit", "view")
# What the report says about the shared server, and about everyone's servers in all users mode.
SHARED = {
    "manage": "Users can start, open and stop the `{user}` server, under their own names. There, they edit files and run code",
    "edit": "Users can open the `{user}` server while it runs, under their own names. There, they edit files and run code",
    "view": "Users can view the `{user}` server while it runs, under their own names, and change nothing",
}
FOR_ALL = {
    "edit": "Users can open all running servers, under their own names. There, they edit files and run code as the server's owner",
    "view": "Users can view all running servers, under their own names, and change nothing there",
}
ALL_USERS_WARNINGS = {
    "edit": "All users mode: every hub user can read and change all files of every user whose server runs, including administrators. "
    "Use it on fully trusted hubs only.",
    "view": "All users mode: every hub user can read the files of every user whose server runs, including administrators. Use it on trusted "
    "hubs only.",
}


def settings_problems(settings: dict[str, Any]) -> list[str]:
    """Return the problems of the variables alone, as sentences that say how to fix each one."""
    problems = []
    path = settings["config_path"]
    if not path.startswith("/"):
        problems.append(
            f"jupyterhub_rtc_config_path is {path!r}. Set it to the absolute path of the hub's main configuration file"
        )
    if is_removal(settings):
        return problems
    return problems + _wish_problems(settings) + sharing.problems(settings["sharing"])


def is_removal(settings: dict[str, Any]) -> bool:
    """Return whether to remove collaboration."""
    return bool(settings["state"] == "absent")


def is_live(settings: dict[str, Any]) -> bool:
    """Return whether any server has live collaboration."""
    return bool(settings["servers"] != NO_SERVERS)


def _wish_problems(settings: dict[str, Any]) -> list[str]:
    problems = []
    playbook = settings["playbook_share_all_users"]
    if playbook is not None and playbook != settings["share_all_users"]:
        problems.append(
            "jupyter_rtc_share_all_users and jupyterhub_rtc_share_all_users contradict each other. Remove one of the two variables"
        )
    problems += _level_problems(settings) + _contradictions(settings)
    for name in ("user", "group"):
        value = settings[name]
        if not ACCOUNT_NAME.fullmatch(value):
            problems.append(
                f"jupyterhub_rtc_{name} is {value!r}, which is not a valid name for a system {name}. Use lower-case letters, "
                "digits, _ and -, starting with a letter, at most 31 characters"
            )
    venv = settings["venv"]
    if venv not in ("system", "auto", ELSEWHERE) and not venv.startswith("/"):
        problems.append(
            f"jupyterhub_rtc_venv is {venv!r}. Set it to the path of the virtual environment that runs JupyterLab, to system for the system's "
            f"Python, to auto to detect it, or to {ELSEWHERE} if servers come from an image or a start script"
        )
    url = settings["public_url"]
    if url and not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", url):
        problems.append(
            f"jupyterhub_rtc_public_url is {url!r}. Set it to the address at which users open the hub, such as https://hub.example.org"
        )
    return (
        problems + _snippet_problems(settings) + _image_problems(settings) + _collaboration_problems(settings)
    )


def level(settings: dict[str, Any]) -> str:
    """Return the access level of all users: on the shared server, or on everyone's servers in all users mode."""
    return str(settings["level"] or _levels(settings)[0])


def _levels(settings: dict[str, Any]) -> tuple[str, ...]:
    return LEVELS_FOR_ALL if settings["share_all_users"] else LEVELS


def _level_problems(settings: dict[str, Any]) -> list[str]:
    wanted, allowed = settings["level"], _levels(settings)
    if not wanted or wanted in allowed:
        return []
    problem = f"jupyterhub_rtc_level is {wanted!r}. Set it to {' or '.join(sorted(allowed))}"
    if wanted in LEVELS:
        problem += ", because nobody can start or stop another user's server in all users mode"
    return [problem]


def _contradictions(settings: dict[str, Any]) -> list[str]:
    """Return the problems of variables that need live collaboration, if no server has it."""
    if is_live(settings):
        return []
    problems = []
    if settings["share_all_users"]:
        problems.append(
            "jupyterhub_rtc_servers is none, but servers need live collaboration in all users mode. Set it to everyone, or set "
            "jupyterhub_rtc_share_all_users to false"
        )
    if not settings["user_sharing"]:
        problems.append(
            "jupyterhub_rtc_servers is none and jupyterhub_rtc_user_sharing is false, so there is nothing to set up. To remove "
            "collaboration, set jupyterhub_rtc_state to absent"
        )
    if "view" in (settings["sharing"]["level"], settings["sharing"]["highest_level"]):
        problems.append(
            "jupyterhub_rtc_servers is none, but only live collaboration keeps users from editing who may only view. Set jupyterhub_sharing_level "
            "and jupyterhub_sharing_highest_level to edit, or jupyterhub_rtc_servers to collaboration_servers"
        )
    if settings["level"]:
        problems.append(
            f"jupyterhub_rtc_level is {settings['level']}, but jupyterhub_rtc_servers is none, so no server is open to all users. Remove one of "
            "the two variables"
        )
    if settings["chat"]:
        problems.append(
            "jupyterhub_rtc_servers is none, but chats need live collaboration. Set jupyterhub_rtc_chat to false, or jupyterhub_rtc_servers to "
            "collaboration_servers"
        )
    for name in ("snippet", "image_directory"):
        if settings[name]:
            problems.append(
                f"jupyterhub_rtc_{name} prepares servers for live collaboration, but jupyterhub_rtc_servers is none. Remove one of the two variables"
            )
    return problems


def _snippet_problems(settings: dict[str, Any]) -> list[str]:
    path = settings["snippet"]
    if not path:
        return []
    if not path.startswith("/") or path.endswith("/"):
        return [
            f"jupyterhub_rtc_snippet is {path!r}. Set it to the absolute path of a file on the machine that runs the playbook"
        ]
    # This code runs on that machine, the controller.
    if not Path(path).parent.is_dir() or Path(path).is_dir():
        return [
            f"jupyterhub_rtc_snippet is {path!r}, which cannot be a file on the machine that runs the playbook. Name a file in an existing "
            "directory there"
        ]
    return []


def _image_problems(settings: dict[str, Any]) -> list[str]:
    directory, base = settings["image_directory"], settings["image_base"]
    if not directory:
        if base:
            return [
                "jupyterhub_rtc_image_base is set, but jupyterhub_rtc_image_directory is not, so no recipe would be written. Set it to a directory on "
                "the machine that runs the playbook"
            ]
        return []
    problems = []
    # This code runs on that machine, the controller.
    there = next((each for each in (Path(directory), *Path(directory).parents) if each.exists()), Path("/"))
    if not re.fullmatch(r"(/[^/\n]+)+", directory) or not there.is_dir():
        problems.append(
            f"jupyterhub_rtc_image_directory is {directory!r}. Set it to the absolute path of a directory on the machine that runs the playbook"
        )
    if not IMAGE.fullmatch(base):
        problems.append(
            f"jupyterhub_rtc_image_base is {base!r}. Set it to the image to build from, with a tag, such as registry.example.org/team/lab:1"
        )
    return problems


def _collaboration_problems(settings: dict[str, Any]) -> list[str]:
    problems = []
    directory, domain = settings["state_directory"], settings["email_domain"]
    # Require a deep path, because removing collaboration deletes everything in the directory.
    if not re.fullmatch(r"(/[^/\s]+){3,}", directory) or "/.." in directory:
        problems.append(
            f"jupyterhub_rtc_state_directory is {directory!r}. Set it to the absolute path of a directory that nothing else uses, at least "
            "three levels deep, such as /var/lib/jupyterhub-rtc"
        )
    if (megabytes := settings["history_megabytes"]) < 1:
        problems.append(f"jupyterhub_rtc_history_megabytes is {megabytes}. Set it to 1 or more")
    for name in ("documents_per_person", "websockets_per_person"):
        if (most := settings[name]) < 1:
            problems.append(f"jupyterhub_rtc_{name} is {most}. Set it to 1 or more")
    if (memory := settings["mem_limit"]) and not MEMORY.fullmatch(memory):
        problems.append(
            f"jupyterhub_rtc_mem_limit is {memory!r}. Set it to a number followed by K, M, G or T, such as 4G"
        )
    if (processors := settings["cpu_limit"]) < 0:
        problems.append(
            f"jupyterhub_rtc_cpu_limit is {processors:g}. Set it to a number of processors such as 2 or 0.5, or to 0 to keep the limit "
            "that the hub's configuration sets"
        )
    if (idle := settings["idle_seconds"]) < -1:
        problems.append(
            f"jupyterhub_rtc_idle_seconds is {idle}. Set it to a number of seconds, to 0 for never, or to -1 to follow the idle culler"
        )
    if domain and not DOMAIN.fullmatch(domain):
        problems.append(
            f"jupyterhub_rtc_email_domain is {domain!r}. Set it to a domain name such as example.org"
        )
    return problems


def host_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return the problems of the host, as sentences that say how to fix each one. host: the result of module hub_info."""
    if is_removal(settings):
        return _removal_problems(settings, host)
    if not host["service"]["exists"]:
        return [
            f"The systemd unit {host['service']['name']} does not exist. Set jupyterhub_rtc_service to the unit that runs the hub"
        ]
    problems = _config_problems(host) + _hub_problems(host)
    if not problems:
        problems = lab_problems(settings, host)
    problems += _shut_problems(settings, host)
    if not is_live(settings):
        if not problems and not can_share(host["hub"]["version"]):
            problems.append(hole(host["hub"]["version"]))
        return problems + _other_hub_problems(settings, host)
    if host["state_directory_is_taken"]:
        problems.append(
            f"The directory {settings['state_directory']} holds other files, which removing collaboration would delete. Set "
            "jupyterhub_rtc_state_directory to a directory that nothing else uses"
        )
    return problems + _other_hub_problems(settings, host) + _account_problems(settings, host)


def written(settings: dict[str, Any]) -> list[str]:
    """Return the paths that a hub of root must be able to write to."""
    if is_removal(settings):
        return []
    state = [settings["state_directory"]] if is_live(settings) else []
    return [*state, *([_log(settings)] if has_page(settings) else [])]


def _log(settings: dict[str, Any]) -> str:
    return str(settings["sharing"]["log"] or LOG_OF_ROOT)


def _shut_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return the problems of a unit that does not allow its hub to write where it must."""
    service, log, problems = host["service"], _log(settings), []
    shut = service.get("shut", []) if service["user"] == "root" else []
    for path in (each for each in written(settings) if each in shut):
        if path == log:
            what = "where it records who shares what"
            way_out = (
                f"Add ReadWritePaths={os.path.dirname(log)} to the unit and restart it, or set jupyterhub_sharing_log to a file that it "
                "can write"
            )
        else:
            what = "where servers keep the document history"
            way_out = f"{way_to_write(path)} to the unit and restart it"
        problems.append(
            f"The unit {service['name']} does not allow the hub to write to {path}, {what}. {way_out}"
        )
    return problems


def _other_hub_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return conflicts with other hubs on the host. Removing collaboration from one hub would delete what both hubs use."""
    problems = _directory_problems(host)
    for other in host["remembered"].get("others", []):
        unit = other["unit"]
        if other["overlaps"] and is_live(settings):
            problems.append(
                f"The directory {settings['state_directory']} belongs to the hub {unit}. Set jupyterhub_rtc_state_directory to another "
                "directory for this hub"
            )
        if _account_of(settings, host) in other["accounts"]:
            problems.append(
                f"The account {host['account']['name']} is the shared account of the hub {unit}. Set jupyterhub_rtc_user to another name for this hub"
            )
        if has_page(settings) and other["port"] is not None and settings["sharing"]["port"] == other["port"]:
            problems.append(
                f"The sharing page of the hub {unit} already uses this hub's port for its own. Set jupyterhub_sharing_port to a free port"
            )
    return problems


def has_page(settings: dict[str, Any]) -> bool:
    """Return whether the hub gets the sharing page."""
    return not is_removal(settings) and settings["user_sharing"] and not settings["share_all_users"]


def _account_of(settings: dict[str, Any], host: dict[str, Any]) -> str | None:
    """Return the name of the shared account on the host, or None if the settings have none."""
    if settings["share_all_users"] or not is_live(settings):
        return None
    return str(host["account"]["name"])


def _directory_problems(host: dict[str, Any]) -> list[str]:
    """Return why this hub's fragments would also be another hub's, in a list of at most one."""
    config = host["config"]
    if not config.get("beside"):
        return []
    problem = config_block.same_directory(config["beside"], config["path"])
    return [problem[0].upper() + problem[1:]]


def way_to_write(directory: str) -> str:
    """Return how to allow a unit's hub to create a directory and write to it, as the start of a sentence."""
    below = str(directory).removeprefix("/var/lib/")
    if below != directory:
        return f"Add StateDirectory={below} and StateDirectoryMode=0711"
    if directory == "/etc":
        return "Add ReadWritePaths=/etc"
    # systemd does not start a unit with a missing path.
    return f"Create this directory (mkdir -p), add ReadWritePaths={directory}"


def _removal_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return the problems that prevent removal. Removal needs no JupyterLab, no group, and no working hub."""
    hubs, service, config = host["remembered"]["hubs"], host["service"]["name"], host["config"]
    problems = _directory_problems(host)
    if hubs and service not in hubs:
        problems.append(
            f"Collaboration is installed for the hub of {' and '.join(hubs)}, not of {service}. Set jupyterhub_rtc_service to that unit"
        )
    elif hubs and hubs[service] != config["real_path"]:
        problems.append(
            f"Collaboration was added to the hub's configuration {hubs[service]}, not to {config['path']}. Set jupyterhub_rtc_config_path to "
            "that file"
        )
    if settings["delete_home"]:
        problems += _deletion_problems(settings, host)
    return problems


def _deletion_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    named, made = settings["confirm_delete"], host["shared_accounts"]
    if not made and not host["account"]["exists"]:
        return []  # already deleted
    if not made:
        return [
            f"jupyterhub_rtc_delete_home is true, but this role did not create the account {settings['user']}, so the account and its home "
            "directory are kept. Remove that variable"
        ]
    if made != [named]:
        names = " and ".join(made)
        return [
            f"jupyterhub_rtc_delete_home would permanently delete the home directory of {names} with all files. Set "
            f"jupyterhub_rtc_confirm_delete to {names} as well, or remove jupyterhub_rtc_delete_home"
        ]
    return []


def _config_problems(host: dict[str, Any]) -> list[str]:
    config, service = host["config"], host["service"]
    named = config["named_by_service"]
    # The main configuration file of The Littlest JupyterHub loads every file in a directory with this name.
    is_part = "/jupyterhub_config.d/" in config["path"]
    if is_part and named and config["directory_exists"]:
        return []
    if not config["exists"]:
        hint = (
            f"{service['name']} runs the hub with {named}"
            if named
            else "name the hub's main configuration file"
        )
        return [f"The file {config['path']} does not exist. Set jupyterhub_rtc_config_path ({hint})"]
    if not config["is_the_hubs"]:
        return [
            f"jupyterhub_rtc_config_path is {config['path']}, but the unit {service['name']} runs the hub with {named}. "
            "Set jupyterhub_rtc_config_path to that file"
        ]
    return []


def _hub_problems(host: dict[str, Any]) -> list[str]:
    hub, service = host["hub"], host["service"]
    if not hub["version"]:
        return [
            f"The unit {service['name']} does not run JupyterHub as needed: {hub['error']}. If another unit runs the hub, set jupyterhub_rtc_service"
        ]
    if problem := python_problem(hub, f"JupyterHub ({hub['python']})"):
        return [problem]
    if level := host["servers"].get("isolation"):
        return [
            f"The hub reads its database with the isolation level {level} (the default of MySQL and MariaDB), so it may see for minutes nothing "
            'of what is written there, and the play could not check it. Add "isolation_level": "READ COMMITTED" to c.JupyterHub.db_kwargs '
            f"and restart {service['name']}"
        ]
    if release(hub["version"]) < release(OLDEST_HUB):
        return [
            f"JupyterHub {hub['version']} is too old to share servers. Update it to {OLDEST_HUB} or newer"
        ]
    if hub["error"]:
        # Some of the hub's environment is only visible while it runs: credentials of the unit, or variables that a start script sets.
        way_out = (
            "Fix it, then rerun" if service["running"] else f"Start {service['name']} or fix it, then rerun"
        )
        return [f"The hub's configuration {host['config']['path']} failed to load: {hub['error']}. {way_out}"]
    return []


def lab_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    lab, servers = host["lab"], host["servers"]["environment"]
    venv = settings["venv"]
    if venv == ELSEWHERE:
        return []
    found = (
        f"this hub starts its servers from {servers}"
        if servers
        else "name the environment that runs JupyterLab"
    )
    if venv == "auto" and not servers:
        return [
            f"The command {host['servers']['command']} in the hub's configuration does not tell which environment runs JupyterLab. Set "
            "jupyterhub_rtc_venv to its path"
        ]
    if not lab["python"]:
        return [f"{lab['environment']} is not a Python environment. Set jupyterhub_rtc_venv ({found})"]
    where = "the system's Python" if lab["environment"] == "system" else lab["environment"]
    if problem := python_problem(lab, f"JupyterLab ({where})"):
        return [problem]
    version = lab["versions"].get("jupyterlab")
    if not version:
        return [f"JupyterLab is not installed in {where}. Set jupyterhub_rtc_venv ({found})"]
    if servers and not host["servers"]["is_lab"]:
        return [
            f"jupyterhub_rtc_venv is {lab['environment']}, but {found}. Set jupyterhub_rtc_venv to that environment"
        ]
    if not is_live(settings):
        return []
    if problem := _environment_problem(lab, where):
        return [problem]
    if collaboration_versions(version) is None:
        if release(version) < release(OLDEST_LAB):
            return [
                f"JupyterLab {version} in {where} is too old for live collaboration. Update it to {OLDEST_LAB} or newer"
            ]
        return [
            f"JupyterLab {version} in {where} is newer than this collection supports. Update the collection"
        ]
    if settings["chat"] and chat_versions(version) is None:
        oldest = next(iter(CHAT_FOR_LAB))[0]
        return [
            f"JupyterLab {version} in {where} is too old for {CHAT}. Update it to {oldest} or newer, or set jupyterhub_rtc_chat to false"
        ]
    return []


def _environment_problem(lab: dict[str, Any], where: str) -> str:
    """Return why documents in an environment could not be protected, or an empty string."""
    versions = lab["versions"]
    if RIVAL in versions:
        return (
            f"{RIVAL} {versions[RIVAL]} is installed in {where} (jupyter-ai 3 installs it). It replaces jupyter-collaboration, and nothing "
            f"would protect what users type. Uninstall {RIVAL} there, together with jupyter-ai 3 (older releases of jupyter-ai do not need it)"
        )
    return ""


def _account_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    if _account_of(settings, host) is None:
        return []
    account = host["account"]
    name = account["name"]
    if not ACCOUNT_NAME.fullmatch(name):
        return [
            f"The hub would run the server of {settings['user']} as {name!r} (from {host['servers']['account_names']}), which is not a valid "
            "name for a system account. Set jupyterhub_rtc_user to another name"
        ]
    if problem := _membership_problem(settings, host):
        return [problem]
    if not account["exists"] and account.get("kept_for"):
        return [
            f"The home directory of the account {name} has files that are kept for the hub {account['kept_for']}. Move them away, or set "
            "jupyterhub_rtc_user to another name"
        ]
    if not account["exists"] or account["comment"] == ACCOUNT_COMMENT:
        return []
    if account["system"]:
        return [
            f"The account {name} belongs to the system (its UID is {account['uid']}). Set jupyterhub_rtc_user to another name"
        ]
    if account["person"]:
        return [
            f"The account {name} belongs to a person, who logs in with a password or a key. Set jupyterhub_rtc_user to another name"
        ]
    if _is_for_sharing(settings, host):
        return []
    return [
        f"The account {name} already exists for another purpose. Set jupyterhub_rtc_user to another name. If all hub users may act as this "
        "account and read its files, set jupyterhub_rtc_adopt_user to true instead"
    ]


def _membership_problem(settings: dict[str, Any], host: dict[str, Any]) -> str:
    """Return why the account could not be created or added to the group, or an empty string."""
    account, group, homes = host["account"], host["group"], host.get("homes", {})
    if not account["exists"] and not homes.get("writable", True):
        return (
            f"The home directory of the account {account['name']} would be in {homes['path']}, where root cannot write. It is mounted "
            "read-only, or by a server that squashes root. Create the account and its home directory where you can, and set "
            "jupyterhub_rtc_adopt_user to true"
        )
    if host.get("silent_directories"):
        return unknown_names(host["silent_directories"])
    if gone := _gone(settings, host):
        return (
            f"The {gone} does not exist any more. It was not created by this collection, and may be in a directory ({host['directories'][0]}) "
            f"that this host cannot reach now. Make sure that it can, or create the {gone} again"
        )
    if not account["exists"] and (account.get("group_exists") or account["name"] == settings["group"]):
        return (
            f"The account {account['name']} would get a group of the same name, but a group {account['name']} "
            f"{'already exists' if account.get('group_exists') else 'is set as jupyterhub_rtc_group'}. Set jupyterhub_rtc_user to another name"
        )
    is_member = settings["group"] in account.get("groups", [])
    if group["exists"] and not group.get("local", True) and not is_member:
        return (
            f"The group {settings['group']} is not defined on this host (but in LDAP, for example), so {account['name']} cannot join it here. "
            "Add the account to the group there, or set jupyterhub_rtc_group to a group of the host"
        )
    return ""


def _gone(settings: dict[str, Any], host: dict[str, Any]) -> str:
    """Return which account or group earlier runs have used and not created, and is now missing on a host with a directory; or nothing."""
    account, known = host["account"], host["remembered"]
    if not host.get("directories"):
        return ""
    if not account["exists"] and account["name"] in known["accounts"]:
        return f"account {account['name']}"
    # Members of an existing group would lose access to the hub if a new group took its name.
    is_applied = bool(host["config"]["accounts"])
    if is_applied and not host["group"]["exists"] and settings["group"] not in known.get("groups", []):
        return f"group {settings['group']}"
    return ""


def unknown_names(services: list[str]) -> str:
    """Return why nothing can be created while these directory services of the host do not answer."""
    why = directory_services.why(services)
    return why[0].upper() + why[1:]


def _is_for_sharing(settings: dict[str, Any], host: dict[str, Any]) -> bool:
    """Return whether an account that this role did not create may be shared."""
    return bool(
        # An earlier run adopted it.
        settings["user"] in host["config"]["accounts"]
        or host["account"]["name"] in host["remembered"]["accounts"]
        # Utrecht University's role created it for this purpose.
        or host["config"]["markers"]
        or settings["adopt_user"]
    )


def adopted(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return the account if it is adopted and not yet recorded as such.

    It must be recorded, because a change of modes can remove all other evidence.
    """
    account = host["account"]
    others = account["exists"] and account["comment"] != ACCOUNT_COMMENT
    if not others or account["system"] or account["person"]:
        return []
    known = account["name"] in host["remembered"]["accounts"]
    return [account["name"]] if not known and _is_for_sharing(settings, host) else []


def within(version: str, versions: tuple[str, str]) -> bool:
    """Return whether a version is in a range: at least the first version, and below the second."""
    return release(versions[0]) <= release(version) < release(versions[1])


def collaboration_versions(lab_version: str) -> tuple[str, str] | None:
    """Return the range of versions of jupyter-collaboration that support a version of JupyterLab, or None."""
    return next((fit for lab, fit in COLLABORATION_FOR_LAB.items() if within(lab_version, lab)), None)


def collaboration_packages(lab_version: str) -> dict[str, tuple[str, str]]:
    """Return the version ranges, by name, of jupyter-collaboration and its parts that support a version of JupyterLab, or nothing."""
    for lab, fit in COLLABORATION_FOR_LAB.items():
        if within(lab_version, lab):
            return {"jupyter-collaboration": fit, **PARTS_FOR_LAB[lab]}
    return {}


def chat_versions(lab_version: str) -> tuple[str, str] | None:
    """Return the range of versions of jupyterlab-chat that support a version of JupyterLab, or None."""
    return next((fit for lab, fit in CHAT_FOR_LAB.items() if within(lab_version, lab)), None)


def _requirements(wanted: dict[str, tuple[str, str]], names: list[str]) -> list[str]:
    return [f"{name}>={wanted[name][0]},<{wanted[name][1]}" for name in names]


def policy(settings: dict[str, Any], host: dict[str, Any]) -> dict[str, Any]:
    """Return the desired state of a host that has no problems.

    mode: `shared user`, `all users` or `sharing only`.
    live: whether any server has live collaboration. If not, only `retired`, `retired_host_accounts`, `adopted`, `sharing` and the texts apply.
    everyone: the scopes of all hub users, in addition to JupyterHub's defaults. level: the access level that these give.
    accounts: the shared hub users, which nobody can log in as.
    retired: the shared hub users of an earlier mode or with an earlier name, which are removed.
    sharing: whether users can share their own servers. sharing_table: sentences that say who can. share_levels: see `sharing.levels`.
    host_accounts, retired_host_accounts: the host accounts that run their servers.
    adopted: the host accounts to record as adopted, because this role did not create them.
    revocation_seconds: how long a server may cache the hub's answer about a visitor.
    collaboration: which servers have live collaboration, and its settings (see `jupyterhub_collab.hub.collaboration`).
    lab: the options of step lab_settings for the environment that runs JupyterLab.
    packages, constraints: what to install in that environment. No packages if they are installed, or if the environment is not on the host.
    table: sentences that say who has access to what.
    warnings: sentences for the administrator.
    """
    all_users, live, everyones = settings["share_all_users"], is_live(settings), level(settings)
    user, account = settings["user"], _account_of(settings, host)
    shares_account = account is not None
    elsewhere = settings["venv"] == ELSEWHERE
    versions = host["lab"]["versions"]
    lab_version = versions.get("jupyterlab", "")
    wanted = collaboration_packages(lab_version)
    if settings["chat"] and (chats := chat_versions(lab_version)):
        wanted[CHAT] = chats
    # After an interrupted installation, dependencies may be missing even if the versions are right.
    unfit = [name for name, fit in wanted.items() if not within(versions.get(name, ""), fit)]
    complete = not unfit and not host["lab"]["unfinished"]
    # If the package itself must be installed, it brings its missing parts.
    comes = "jupyter-collaboration" in unfit
    missing = [
        name
        for name in wanted
        if name == "jupyter-collaboration"
        or (name in unfit and (name in versions or not comes or name == CHAT))
    ]
    wants_sharing = not all_users and settings["user_sharing"]
    shares = wants_sharing and can_share(host["hub"]["version"])

    if all_users:
        everyone = ["access:servers"]
        table = [FOR_ALL[everyones], "Nobody can start or stop another user's server"]
        warnings = [ALL_USERS_WARNINGS[everyones]]
    elif not live:
        everyone = []
        table = ["Nobody can open another user's server, unless its owner shares it"]
        warnings = []
    else:
        everyone = [f"servers!server={user}/"] * (everyones == "manage") + [f"access:servers!server={user}/"]
        table = [
            SHARED[everyones].format(user=user),
            f"Nobody can log in as {user}",
            "Nobody can open or start another user's server"
            + (", unless its owner shares it" if shares else ""),
        ]
        warnings = []
    links = settings["impersonation_links"]
    # If an earlier run has installed it, it stays installed, and must not appear on all servers now.
    was_off = CHAT_EXTENSION in host["lab"].get("settings", {}).get("collab-rtc", {}).get(
        "disabled_extensions", []
    )
    chat_is_off = settings["chat"] or (was_off and CHAT in versions)
    everywhere = all_users or settings["servers"] == "everyone"
    table.append(
        _live_sentence(everywhere, user, shares, settings["opens_servers"])
        if live
        else "No server has live collaboration, so people who edit the same file overwrite each other"
    )
    if links and live:
        warnings.append(
            "jupyter-collaboration's Share button can create links that contain the user's token. Anyone who opens such a link acts as that "
            "user on that server, and nobody can tell them apart. To turn this off, set jupyterhub_rtc_impersonation_links to false."
        )
    if elsewhere and live:
        warnings.append(_of_images(settings))
    warnings += _warnings_of_servers(settings, host)
    if wants_sharing and not shares:
        warnings.append(f"{hole(host['hub']['version'])}.")
    return {
        "mode": "all users" if all_users else "shared user" if live else "sharing only",
        "live": live,
        "everyone": everyone,
        "level": everyones,
        "accounts": [user] if shares_account else [],
        "retired": [name for name in host["shared_users"] if not shares_account or name != user],
        "host_accounts": [account] if shares_account else [],
        "adopted": adopted(settings, host),
        "retired_host_accounts": [name for name in host["shared_accounts"] if name != account],
        "sharing": shares,
        "sharing_table": sharing.table(settings["sharing"]) if shares else [],
        "share_levels": sharing.levels(settings["sharing"], live=live),
        "revocation_seconds": settings["sharing"]["revocation_seconds"],
        "collaboration": {
            "everyone": everywhere,
            "managed_by_everyone": everyones == "manage",
            "owners": shares,
            "refuse_unprepared": settings["refuse_unprepared"],
            "state_directory": settings["state_directory"],
            "history_megabytes": settings["history_megabytes"],
            "documents_per_person": settings["documents_per_person"],
            "websockets_per_person": settings["websockets_per_person"],
            "mem_limit": settings["mem_limit"],
            "cpu_limit": settings["cpu_limit"],
            "idle_seconds": settings["idle_seconds"],
            "email_domain": email_domain(settings),
            "chat": settings["chat"],
            "output": settings["server_output"],
        },
        "lab": {
            "settings": {},
            "disabled_extensions": sorted(
                [
                    *LIVE_EXTENSIONS,
                    *([] if links else [SHARE_BUTTON]),
                    *([CHAT_EXTENSION] if chat_is_off else []),
                ]
            ),
            "disabled_server_extensions": [
                LIVE_SERVER_EXTENSION,
                *([CHAT_SERVER_EXTENSION] if chat_is_off else []),
            ],
        },
        "packages": [] if complete or elsewhere or not live else _requirements(wanted, missing),
        "constraints": [
            *[f"{name}=={versions[name]}" for name in ("jupyterlab", "jupyterhub") if name in versions],
            *_requirements(wanted, [] if elsewhere else list(wanted)),
        ],
        "table": table,
        "warnings": warnings,
    }


def _of_images(settings: dict[str, Any]) -> str:
    """Return what to do with the images and start scripts that servers come from."""
    needed = f"needs the %s of this version of the collection. %s. {_unprepared(settings)}."
    if directory := settings["image_directory"]:
        return f"Every image that servers come from {needed % ('recipe', f'Build it from {directory}')}"
    snippet = settings["snippet"] or "that this role writes if you set jupyterhub_rtc_snippet"
    return f"Every image and start script that servers come from {needed % ('snippet', f'Run the script {snippet} there')}"


def _warnings_of_servers(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return warnings about servers that do not get all settings, or that an idle culler stops without saving."""
    found = []
    command = host["servers"].get("command", [])
    # A word with blanks is a line for a shell, whose end options do not reach.
    if command and not any(Path(word).name in TAKES_OPTIONS for word in command if len(word.split()) == 1):
        found.append(
            f"Servers start with `{' '.join(command)}`, which may not pass added options on to the server. Revoked access may then last for up "
            "to 300 seconds. Use a command that contains jupyterhub-singleuser, followed by the options for it."
        )
    if not is_live(settings):
        return found
    if others := host["servers"].get("other_environments"):
        found.append(
            f"Users also start servers from {' and '.join(others)}, but only {host['lab']['environment']} is prepared. Run the script of "
            f"jupyterhub_rtc_snippet with their interpreters as well. {_unprepared(settings)}."
        )
    for unit in host.get("service", {}).get("cullers", []) if settings["idle_seconds"] < 0 else []:
        found.append(
            f"The idle culler of {unit} is not a service of the hub, so collaboration servers do not save before it stops them. Set "
            "jupyterhub_rtc_idle_seconds to less than its timeout."
        )
    return found


def _unprepared(settings: dict[str, Any]) -> str:
    """Return a sentence that says what happens to servers that start without the collection's package."""
    if settings["refuse_unprepared"]:
        return "The hub stops a server that is not prepared if others can open it, and otherwise refuses to share it"
    return "Nothing protects a server that is not prepared, because jupyterhub_rtc_refuse_unprepared is false"


def _live_sentence(everywhere: bool, user: str, sharing: bool, opened: bool) -> str:
    if everywhere:
        return "All servers have live collaboration"
    which = [f"The `{user}` server"]
    if opened:
        which.append("the servers in jupyterhub_projects and jupyterhub_server_access")
    if sharing:
        which.append("servers whose owners can share them")
    names = " and ".join([", ".join(which[:-1]), which[-1]]) if len(which) > 1 else which[0]
    return (
        f"{names} {'have' if len(which) > 1 else 'has'} live collaboration. All others are plain JupyterLab"
    )


def email_domain(settings: dict[str, Any]) -> str:
    """Return the domain of hub users' email addresses, or an empty string, with which the hub uses its host's fully qualified name."""
    if settings["email_domain"]:
        return str(settings["email_domain"])
    public = re.sub(r":\d+$", "", settings["public_url"].partition("://")[2].partition("/")[0])
    for name in (public, settings["inventory_hostname"]):
        # Exclude IPv4 addresses.
        if "." in name and DOMAIN.fullmatch(name) and re.search(r"[A-Za-z]", name):
            return name
    return ""


def addresses(settings: dict[str, Any], hub: dict[str, Any]) -> dict[str, str]:
    """Return URLs, or why they are unknown.

    users: in shared user mode that of the shared server, whether the server is running or not. In other modes that of the hub.
    sharing: that of the sharing page.
    """
    has_account = is_live(settings) and not settings["share_all_users"]
    # Only those who may start a server can open the hub's page for that.
    shared = f"hub/spawn/{settings['user']}" if level(settings) == "manage" else f"user/{settings['user']}/"
    paths = {
        "users": shared if has_account else "hub/home",
        "sharing": "services/sharing/",
    }
    return {name: address.told(hub, path, settings["public_url"]) for name, path in paths.items()}
