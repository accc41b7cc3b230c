# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of role jupyterhub_rtc: pure functions of its variables and of what was found on the host.

Here, and nowhere else, is decided who holds which scopes, which accounts exist and which version is installed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from . import address as addresses
from .sharing import can_share, hole, release

OLDEST_HUB = "5.0"
OLDEST_PYTHON = "3.11"  # of the hub and of JupyterLab, which both run the collection's package
# Which jupyter-collaboration fits which JupyterLab, each from a version to below another: from the packages' metadata.
# Releases of 4.x before 4.4.2 leave the timeline handlers without authentication and the document connections without
# authorization.
COLLABORATION_FOR_LAB = {
    ("4.6", "5"): ("5.0.4", "5.1"),
    ("4.4", "4.6"): ("4.4.2", "4.5"),
}
OLDEST_LAB = "4.4"
# What jupyter-collaboration consists of, for the same releases of JupyterLab, and which releases the protection of documents is made for
# (see `jupyterhub_collab.server.protection`). Its own metadata allow more, such as what comes out next year.
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
OLDEST_PYTHON = "3.11"
# Takes the place of jupyter-collaboration wherever it is installed, and knows nothing of the protection.
RIVAL = "jupyter-server-documents"
# What useradd of Debian and of Red Hat both accept.
ACCOUNT_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
# Marks an account as made for being shared; `comment` of the account on the host.
ACCOUNT_COMMENT = "shared by the users of JupyterHub (collab.jupyterhub)"
# How JupyterHub takes an amount of memory (ByteSpecification).
MEMORY = re.compile(r"(?=.*[1-9])\d+(\.\d+)?[KMGT]?")
SERVERS = ("collaboration_servers", "everyone")
# As the environment: servers come from an image or a start script, and there is none on the host to install into.
ELSEWHERE = "none"
LIVE_EXTENSIONS = ["@jupyter/collaboration-extension", "@jupyter/docprovider-extension"]
LIVE_SERVER_EXTENSION = "jupyter_server_ydoc"
# The same as in `jupyterhub_collab.hub.servers`.
TAKES_OPTIONS = {"jupyterhub-singleuser", "jupyter-labhub", "jupyterhub.singleuser"}
SHARE_BUTTON = "@jupyter/collaboration-extension:shared-link"
DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def settings_problems(settings: dict[str, Any]) -> list[str]:
    """Return what is wrong with the variables by themselves, each in one sentence with the way out."""
    problems = []
    path = str(settings["config_path"])
    if not path.startswith("/"):
        problems.append(
            f"jupyter_rtc_config_path is {path!r}: set it to the absolute path of the hub's main configuration file"
        )
    return problems if is_removal(settings) else problems + _wish_problems(settings)


def is_removal(settings: dict[str, Any]) -> bool:
    """Return whether collaboration is to be taken away."""
    return bool(settings["state"] == "absent")


def _wish_problems(settings: dict[str, Any]) -> list[str]:
    problems = []
    playbook = settings["playbook_share_all_users"]
    if playbook not in (None, "") and boolean(playbook) != boolean(settings["share_all_users"]):
        problems.append(
            "jupyter_rtc_share_all_users and jupyterhub_rtc_share_all_users ask for both modes at once: "
            "remove one of the two variables"
        )
    for name in ("user", "group"):
        value = str(settings[name])
        if not ACCOUNT_NAME.fullmatch(value):
            problems.append(
                f"jupyterhub_rtc_{name} is {value!r}, which is no name for a {name} account of the system: use lower-case "
                "letters, digits, _ and -, a letter first, 31 characters at the most"
            )
    venv = str(settings["venv"])
    if venv not in ("system", "auto", ELSEWHERE) and not venv.startswith("/"):
        problems.append(
            f"jupyter_rtc_venv is {venv!r}: set it to the path of the virtual environment that runs JupyterLab, to system "
            f"for the system's Python, to auto to have it found, or to {ELSEWHERE} where servers come from an image or a start script"
        )
    url = str(settings["public_url"])
    if url and not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", url):
        problems.append(
            f"jupyterhub_rtc_public_url is {url!r}: set it to the address that people open the hub at, such as https://hub.example.org"
        )
    return problems + _snippet_problems(settings) + _collaboration_problems(settings)


def _snippet_problems(settings: dict[str, Any]) -> list[str]:
    path = str(settings["snippet"])
    if not path:
        return []
    if not path.startswith("/") or path.endswith("/"):
        return [
            f"jupyterhub_rtc_snippet is {path!r}: set it to the absolute path of a file on the machine that runs the play"
        ]
    # This runs on that machine.
    if not Path(path).parent.is_dir() or Path(path).is_dir():
        return [
            f"jupyterhub_rtc_snippet is {path!r}, which cannot be a file on the machine that runs the play: name one in a directory "
            "that exists there"
        ]
    return []


def _collaboration_problems(settings: dict[str, Any]) -> list[str]:
    problems = []
    servers, directory, domain = (
        str(settings[name]) for name in ("servers", "state_directory", "email_domain")
    )
    if servers not in SERVERS:
        problems.append(f"jupyter_rtc_servers is {servers!r}: set it to {' or to '.join(SERVERS)}")
    # Whatever is there goes when collaboration is taken away.
    if not re.fullmatch(r"(/[^/\s]+){3,}", directory) or "/.." in directory:
        problems.append(
            f"jupyterhub_rtc_state_directory is {directory!r}: set it to the absolute path of a directory of its own, at least three "
            "names deep, such as /var/lib/jupyterhub-rtc"
        )
    if (megabytes := int(settings["history_megabytes"])) < 1:
        problems.append(f"jupyterhub_rtc_history_megabytes is {megabytes}: set it to 1 or more")
    for name in ("documents_per_person", "websockets_per_person"):
        if (most := int(settings[name])) < 1:
            problems.append(f"jupyterhub_rtc_{name} is {most}: set it to 1 or more")
    if (memory := str(settings["mem_limit"])) and not MEMORY.fullmatch(memory):
        problems.append(
            f"jupyterhub_rtc_mem_limit is {memory!r}: set it to a number with K, M, G or T after it, such as 4G"
        )
    if (processors := float(settings["cpu_limit"])) < 0:
        problems.append(
            f"jupyterhub_rtc_cpu_limit is {processors:g}: set it to a number of processors such as 2 or 0.5, or to 0 for no limit"
        )
    if (idle := int(settings["idle_seconds"])) < -1:
        problems.append(
            f"jupyterhub_rtc_idle_seconds is {idle}: set it to a number of seconds, to 0 for never, or to -1 for what the idle culler does"
        )
    if domain and not DOMAIN.fullmatch(domain):
        problems.append(
            f"jupyterhub_rtc_email_domain is {domain!r}: set it to a domain name such as example.org"
        )
    return problems


def host_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return what stands in the way on the host (as module hub_info found it), each in one sentence with the way out."""
    if is_removal(settings):
        return _removal_problems(settings, host)
    if not host["service"]["exists"]:
        return [
            f"there is no systemd unit {host['service']['name']}: set jupyterhub_rtc_service to the one that runs the hub"
        ]
    problems = _config_problems(host) + _hub_problems(host)
    if not problems:
        problems = _lab_problems(settings, host)
    if host["state_directory_is_taken"]:
        problems.append(
            f"the directory {settings['state_directory']} holds something else, which would go with collaboration: set "
            "jupyterhub_rtc_state_directory to a directory of its own"
        )
    if not host["service"].get("writes_state", True) and host["service"]["user"] == "root":
        problems.append(
            f"the unit {host['service']['name']} lets the hub write nothing below {settings['state_directory']}, where servers keep the "
            f"history of documents: add {_way_to_write(settings['state_directory'])} to it, and restart it"
        )
    return problems + _other_hub_problems(settings, host) + _account_problems(settings, host)


def _other_hub_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Two hubs of a host share nothing: what one has would be the other's, and would go with it."""
    problems = []
    for other in host["remembered"].get("others", []):
        unit = other["unit"]
        if other["state_directory"] == settings["state_directory"]:
            problems.append(
                f"the directory {settings['state_directory']} is that of the hub {unit}: set jupyterhub_rtc_state_directory to one of this "
                "hub's own"
            )
        if not boolean(settings["share_all_users"]) and settings["user"] in other["accounts"]:
            problems.append(
                f"the account {settings['user']} is shared by the users of the hub {unit}: set jupyterhub_rtc_user to one for this hub"
            )
        wants_page = boolean(settings["user_sharing"]) and not boolean(settings["share_all_users"])
        if wants_page and other["port"] is not None and int(settings.get("sharing_port", 0)) == other["port"]:
            problems.append(
                f"the sharing page of the hub {unit} has the port that this hub's would have: set jupyterhub_sharing_port to one that is free"
            )
    return problems


def _way_to_write(directory: str) -> str:
    """Return the setting of a unit that lets its hub make a directory and write there."""
    below = str(directory).removeprefix("/var/lib/")
    if below != directory:
        return f"StateDirectory={below} and StateDirectoryMode=0711"
    return f"ReadWritePaths={directory}"


def _removal_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """What only collaboration needs need not be there: a JupyterLab, the group, the hub itself."""
    hubs, service, config = host["remembered"]["hubs"], host["service"]["name"], host["config"]
    problems = []
    if hubs and service not in hubs:
        problems.append(
            f"collaboration was given to the hub of {' and '.join(hubs)}, not of {service}: set jupyterhub_rtc_service to that unit"
        )
    elif hubs and hubs[service] != config["real_path"]:
        problems.append(
            f"collaboration was given to the hub by its configuration {hubs[service]}, not {config['path']}: set "
            "jupyter_rtc_config_path to that file"
        )
    if boolean(settings["delete_home"]):
        problems += _deletion_problems(settings, host)
    return problems


def _deletion_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    named, made = str(settings["confirm_delete"]), host["shared_accounts"]
    if not made and not host["account"]["exists"]:
        return []  # it is gone already
    if not made:
        return [
            f"jupyterhub_rtc_delete_home is true, but this role did not make the account {settings['user']}, so it and its home "
            "stay: remove that variable"
        ]
    if made != [named]:
        names = " and ".join(made)
        return [
            f"jupyterhub_rtc_delete_home would delete the home of {names} with all files for good: set "
            f"jupyterhub_rtc_confirm_delete to {names} as well, or remove jupyterhub_rtc_delete_home"
        ]
    return []


def _config_problems(host: dict[str, Any]) -> list[str]:
    config, service = host["config"], host["service"]
    named = config["named_by_service"]
    # A hub of The Littlest JupyterHub reads every file of a directory of this name, which its unit's file loads.
    is_part = "/jupyterhub_config.d/" in config["path"]
    if is_part and named and config["directory_exists"]:
        return []
    if not config["exists"]:
        hint = f"{service['name']} runs with {named}" if named else "name the hub's main configuration file"
        return [f"there is no file {config['path']}: set jupyter_rtc_config_path ({hint})"]
    if not config["is_the_hubs"]:
        return [
            f"jupyter_rtc_config_path is {config['path']}, but the unit {service['name']} runs the hub with {named}: "
            "set jupyter_rtc_config_path to that file"
        ]
    return []


def _hub_problems(host: dict[str, Any]) -> list[str]:
    hub, service = host["hub"], host["service"]
    if not hub["version"]:
        return [
            f"JupyterHub was not found behind the unit {service['name']}: {hub['error']}; jupyterhub_rtc_service names the unit"
        ]
    if problem := _python_problem(hub, f"JupyterHub ({hub['python']})"):
        return [problem]
    if release(hub["version"]) < release(OLDEST_HUB):
        return [
            f"JupyterHub {hub['version']} is too old, as it cannot share servers: update it to {OLDEST_HUB} or newer"
        ]
    if hub["error"]:
        # What its process is given (credentials, what a script sets) is seen where there is one.
        way_out = (
            "mend it first"
            if service["running"]
            else f"start {service['name']} and run it again, or mend it first"
        )
        return [f"the hub's configuration {host['config']['path']} does not load: {hub['error']}; {way_out}"]
    return []


def _python_problem(found: dict[str, Any], what: str) -> str:
    version = found.get("python_version", "")
    if not version or release(version) >= release(OLDEST_PYTHON):
        return ""
    return f"{what} runs with Python {version}, and collaboration needs {OLDEST_PYTHON} or newer: make its environment anew with that"


def _lab_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    lab, servers = host["lab"], host["servers"]["environment"]
    venv = str(settings["venv"])
    if venv == ELSEWHERE:
        return []
    found = (
        f"this hub starts its servers from {servers}"
        if servers
        else "name the environment that runs JupyterLab"
    )
    if venv == "auto" and not servers:
        return [
            f"the environment that runs JupyterLab cannot be told from the command {host['servers']['command']} of the hub's "
            "configuration: set jupyter_rtc_venv to its path"
        ]
    if not lab["python"]:
        return [f"there is no Python environment at {lab['environment']}: set jupyter_rtc_venv ({found})"]
    where = "the system's Python" if lab["environment"] == "system" else lab["environment"]
    if problem := _python_problem(lab, f"JupyterLab ({where})"):
        return [problem]
    version = lab["versions"].get("jupyterlab")
    if not version:
        return [f"there is no JupyterLab in {where}: set jupyter_rtc_venv ({found})"]
    if servers and not host["servers"]["is_lab"]:
        return [
            f"jupyter_rtc_venv is {lab['environment']}, but {found}: set jupyter_rtc_venv to that environment"
        ]
    if problem := _environment_problem(lab, where):
        return [problem]
    if collaboration_versions(version) is None:
        if release(version) < release(OLDEST_LAB):
            return [
                f"JupyterLab {version} in {where} is too old for live collaboration: update it to {OLDEST_LAB} or newer"
            ]
        return [f"JupyterLab {version} in {where} is newer than this collection knows: update the collection"]
    return []


def _environment_problem(lab: dict[str, Any], where: str) -> str:
    """Return what else in an environment keeps the protection of documents from working there."""
    versions = lab["versions"]
    if RIVAL in versions:
        return (
            f"{RIVAL} {versions[RIVAL]} is installed in {where} (jupyter-ai 3 brings it), where it takes the place of "
            f"jupyter-collaboration, and nothing would protect what people type: uninstall {RIVAL} there, and jupyter-ai 3 with it "
            "(jupyter-ai below 3 does without it)"
        )
    return ""


def _account_problems(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    if boolean(settings["share_all_users"]):
        return []
    account = host["account"]
    name = account["name"]
    if not ACCOUNT_NAME.fullmatch(name):
        return [
            f"the hub would run the server of {settings['user']} as {name!r}, by {host['servers']['account_names']}, which is no name "
            "for an account of the system: set jupyterhub_rtc_user to another name"
        ]
    if problem := _membership_problem(settings, host):
        return [problem]
    if not account["exists"] or account["comment"] == ACCOUNT_COMMENT:
        return []
    if account["system"]:
        return [
            f"the account {name} belongs to the system (its number is {account['uid']}): set jupyterhub_rtc_user to another name"
        ]
    if account["person"]:
        return [
            f"the account {name} is somebody's, who logs in with a password or a key: set jupyterhub_rtc_user to another name"
        ]
    if _is_for_sharing(settings, host):
        return []
    return [
        f"the account {name} exists already for another purpose: set jupyterhub_rtc_user to another name, or "
        "jupyterhub_rtc_adopt_user to true if every user of the hub may act as this account and read its files"
    ]


def _membership_problem(settings: dict[str, Any], host: dict[str, Any]) -> str:
    """Return why the account could not be made, or not be put in the group; empty where nothing is in the way."""
    account, group, homes = host["account"], host["group"], host.get("homes", {})
    if not account["exists"] and not homes.get("writable", True):
        return (
            f"the account {account['name']} would have its home in {homes['path']}, where root may not write (mounted read-only, or from a "
            "server that takes root for nobody): make the account and its home where that is possible, and set jupyterhub_rtc_adopt_user "
            "to true"
        )
    is_member = settings["group"] in account.get("groups", [])
    if group["exists"] and not group.get("local", True) and not is_member:
        return (
            f"the group {settings['group']} is not kept on this host (LDAP, say), so {account['name']} cannot be put in it here: put it in "
            "where the group is kept, or set jupyterhub_rtc_group to a group of the host"
        )
    return ""


def _is_for_sharing(settings: dict[str, Any], host: dict[str, Any]) -> bool:
    """Return whether an account that this role did not make is there to be shared."""
    return bool(
        # An earlier run has taken it.
        settings["user"] in host["config"]["accounts"]
        or host["account"]["name"] in host["remembered"]["accounts"]
        # Utrecht's role made it for this very purpose.
        or host["config"]["markers"]
        or boolean(settings["adopt_user"])
    )


def adopted(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return the account where it has yet to be remembered as one that people share: what tells so may go with a change of modes."""
    account = host["account"]
    others = account["exists"] and account["comment"] != ACCOUNT_COMMENT
    if not others or account["system"] or account["person"]:
        return []
    known = account["name"] in host["remembered"]["accounts"]
    return [account["name"]] if not known and _is_for_sharing(settings, host) else []


def within(version: str, versions: tuple[str, str]) -> bool:
    """Return whether a version is at least the first of two and below the second."""
    return release(versions[0]) <= release(version) < release(versions[1])


def collaboration_versions(lab_version: str) -> tuple[str, str] | None:
    """Return from which version, and below which, jupyter-collaboration fits a JupyterLab; None where none does."""
    return next((fit for lab, fit in COLLABORATION_FOR_LAB.items() if within(lab_version, lab)), None)


def collaboration_packages(lab_version: str) -> dict[str, tuple[str, str]]:
    """Return from which version, and below which, jupyter-collaboration and its parts fit a JupyterLab; nothing where none does."""
    for lab, fit in COLLABORATION_FOR_LAB.items():
        if within(lab_version, lab):
            return {"jupyter-collaboration": fit, **PARTS_FOR_LAB[lab]}
    return {}


def _requirements(wanted: dict[str, tuple[str, str]], names: list[str]) -> list[str]:
    return [f"{name}>={wanted[name][0]},<{wanted[name][1]}" for name in names]


def policy(settings: dict[str, Any], host: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be on a host without problems.

    mode: `shared user` or `all users`.
    everyone: scopes of every hub user beyond the hub's own. accounts: hub users whom nobody logs in as.
    retired: such hub users of an earlier mode or name, which go.
    sharing: whether users share their own servers, by role jupyterhub_sharing.
    host_accounts, retired_host_accounts: the accounts of the host that their servers run as. adopted: of somebody else's making.
    revocation_seconds: for how long a server trusts what the hub has said about a visitor.
    collaboration: which servers have live collaboration, and with what (see `jupyterhub_collab.hub.collaboration`).
    lab: what module lab_settings sets in the environment that runs JupyterLab.
    packages, constraints: what is to be in the environment that runs JupyterLab; no packages where they are there, or it is not here.
    table: who may do what, as sentences. warnings: what the administrator must know.
    """
    all_users = boolean(settings["share_all_users"])
    user, account = str(settings["user"]), host["account"].get("name")
    elsewhere = settings["venv"] == ELSEWHERE
    versions = host["lab"]["versions"]
    wanted = collaboration_packages(versions.get("jupyterlab", ""))
    # The versions that are there say nothing of other packages that they need where an installation was cut off.
    unfit = [name for name, fit in wanted.items() if not within(versions.get(name, ""), fit)]
    complete = not unfit and not host["lab"]["unfinished"]
    # What is not there comes with the package itself, if that has to be installed.
    comes = "jupyter-collaboration" in unfit
    missing = [
        name
        for name in wanted
        if name == "jupyter-collaboration" or (name in unfit and (name in versions or not comes))
    ]
    wants_sharing = not all_users and boolean(settings["user_sharing"])
    sharing = wants_sharing and can_share(host["hub"]["version"])

    if all_users:
        everyone = ["access:servers"]
        table = [
            "every hub user opens everybody's running server, under the own name, and edits and runs code there as its owner",
            "nobody starts or stops somebody else's server",
        ]
        warnings = [
            "All users mode: every hub user can read and change all files of everybody whose server runs, administrators "
            "included. Use it on fully trusted hubs only."
        ]
    else:
        everyone = [f"servers!server={user}/", f"access:servers!server={user}/"]
        table = [
            f"every hub user starts, opens and stops the server of {user}, under the own name, and edits and runs code there",
            f"nobody logs in as {user}",
            "nobody opens or starts a server of somebody else"
            + (", unless its owner has shared it" if sharing else ""),
        ]
        warnings = []
    links = boolean(settings["impersonation_links"])
    everywhere = all_users or settings["servers"] == "everyone"
    table.append(_live_sentence(everywhere, user, sharing, boolean(settings["opens_servers"])))
    if links:
        warnings.append(
            "JupyterLab's Share button may make links with which whoever opens them acts as the user who made them, with all that the "
            "user may do on that server, and is not to be told from that user: jupyterhub_rtc_impersonation_links."
        )
    if elsewhere:
        snippet = settings["snippet"] or "that this role writes where jupyterhub_rtc_snippet is set"
        warnings.append(
            "Every image and start script that servers come from needs the snippet of this version of the collection: run there the script "
            f"{snippet}. {_unprepared(settings)}."
        )
    warnings += _warnings_of_servers(settings, host)
    if wants_sharing and not sharing:
        warnings.append(f"{hole(host['hub']['version'])}.")
    return {
        "mode": "all users" if all_users else "shared user",
        "everyone": everyone,
        "accounts": [] if all_users else [user],
        "retired": [name for name in host["shared_users"] if all_users or name != user],
        "host_accounts": [] if all_users else [account],
        "adopted": adopted(settings, host),
        "retired_host_accounts": [name for name in host["shared_accounts"] if all_users or name != account],
        "sharing": sharing,
        "revocation_seconds": int(settings["revocation_seconds"]),
        "collaboration": {
            "everyone": everywhere,
            "owners": sharing,
            "refuse_unprepared": boolean(settings["refuse_unprepared"]),
            "state_directory": str(settings["state_directory"]),
            "history_megabytes": int(settings["history_megabytes"]),
            "documents_per_person": int(settings["documents_per_person"]),
            "websockets_per_person": int(settings["websockets_per_person"]),
            "mem_limit": str(settings["mem_limit"]),
            "cpu_limit": float(settings["cpu_limit"]),
            "idle_seconds": int(settings["idle_seconds"]),
            "email_domain": email_domain(settings),
        },
        "lab": {
            "settings": {},
            "disabled_extensions": sorted([*LIVE_EXTENSIONS, *([] if links else [SHARE_BUTTON])]),
            "disabled_server_extensions": [LIVE_SERVER_EXTENSION],
        },
        "packages": [] if complete or elsewhere else _requirements(wanted, missing),
        "constraints": [
            *[f"{name}=={versions[name]}" for name in ("jupyterlab", "jupyterhub") if name in versions],
            *_requirements(wanted, [] if elsewhere else list(wanted)),
        ],
        "table": table,
        "warnings": warnings,
    }


def _warnings_of_servers(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return what is not in force on some servers, or ends them unseen."""
    found = []
    command = host["servers"].get("command", [])
    if command and not any(Path(word).name in TAKES_OPTIONS for word in command):
        found.append(
            f"Servers are started with `{' '.join(command)}`, of which it is not known whether the server gets what is added to it, so a "
            "right that ends may go on there for 300 seconds: have the command name jupyterhub-singleuser, which it starts with what follows."
        )
    if others := host["servers"].get("other_environments"):
        found.append(
            f"People also start servers from {' and '.join(others)}, and only {host['lab']['environment']} is prepared: run the script of "
            f"jupyterhub_rtc_snippet with their interpreters as well. {_unprepared(settings)}."
        )
    for culler in host.get("service", {}).get("cullers", []) if int(settings["idle_seconds"]) < 0 else []:
        found.append(
            f"The idle culler of {culler['unit']} is no service of the hub, so collaboration servers do not save and end before it ends "
            f"them: set jupyterhub_rtc_idle_seconds to less than its {culler['seconds']} seconds."
        )
    return found


def _unprepared(settings: dict[str, Any]) -> str:
    """Return what happens to servers that start without this package."""
    if boolean(settings["refuse_unprepared"]):
        return "The hub stops a server that is not prepared where others may open it, and lets nobody share it elsewhere"
    return "Nothing guards a server that is not prepared, as jupyterhub_rtc_refuse_unprepared is false"


def _live_sentence(everywhere: bool, user: str, sharing: bool, opened: bool) -> str:
    if everywhere:
        return "every server has live collaboration"
    whose = [f"the server of {user}"]
    if opened:
        whose.append("those of projects and of others that are opened to people")
    if sharing:
        whose.append("those of everybody who may share the own server")
    have = "have" if len(whose) > 1 else "has"
    return f"{' and '.join(whose)} {have} live collaboration, and all others are plain JupyterLab"


def email_domain(settings: dict[str, Any]) -> str:
    """Return what follows the @ in addresses of the hub's people; empty where only the hub's host may know its name."""
    if settings["email_domain"]:
        return str(settings["email_domain"])
    public = re.sub(r":\d+$", "", str(settings["public_url"]).partition("://")[2].partition("/")[0])
    for name in (public, str(settings["inventory_hostname"])):
        # An address of four numbers is none that mail has.
        if "." in name and DOMAIN.fullmatch(name) and re.search(r"[A-Za-z]", name):
            return name
    return ""


def address(settings: dict[str, Any], hub: dict[str, Any]) -> str:
    """Return the address to give to people: of the shared server, whether it runs or not; of the hub in all users mode."""
    path = "hub/home" if boolean(settings["share_all_users"]) else f"hub/spawn/{settings['user']}"
    return addresses.told(hub, path, str(settings["public_url"]), str(settings["inventory_hostname"]))
