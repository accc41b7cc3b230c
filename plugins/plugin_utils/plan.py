# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan everything that role jupyterhub_rtc does on a host, with pure functions of its variables and of the state of the host.

The policy (`policy`) decides. These functions ask it in the right order, and give each step what it needs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from typing import Any

from ..module_utils.apply.data import BASE_URL
from . import fragments, image_recipe, snippet
from .policy import nodes, projects, rtc
from .policy.settings import Settings

LAB_SETTINGS = ("collab-rtc", "collab-sharing")
# The block of Utrecht University's role, which the fragment replaces.
SUPERSEDED = ["# {mark} ANSIBLE MANAGED BLOCK -- Jupyter RTC"]
# Variables that may hold passwords, which are not passed on.
SECRET = ("environment",)
# What the first lines of the recipe for images say.
MANAGED = "Managed by Ansible (role collab.jupyterhub.jupyterhub_rtc). Changes made here are lost: change the variables and run the play again."
# What the plan of a node needs to know about the hub's host.
OF_HOST = (
    "account",
    "config",
    "group",
    "hub",
    "lab",
    "remembered",
    "servers",
    "shared_accounts",
    "shared_users",
)


def setting_problems(settings: Settings) -> list[str]:
    """Return the problems of the variables alone."""
    found = rtc.settings_problems(settings.rtc)
    return found if rtc.is_removal(settings.rtc) else found + projects.problems(settings.projects)


def node_problems(settings: Settings, inventory: Collection[str]) -> list[str]:
    """Return the problems of the variables about nodes. inventory: all hosts that Ansible knows."""
    return nodes.problems(settings.rtc, settings.projects["projects"], inventory)


def hub_question(settings: Settings) -> dict[str, Any]:
    """Return the arguments of module hub_info."""
    wanted = settings.rtc
    return {
        "service": wanted["service"],
        "path": wanted["config_path"],
        "environment": wanted["venv"],
        "account": wanted["user"],
        "group": wanted["group"],
        "comment": rtc.ACCOUNT_COMMENT,
        "fragment": fragments.LIVE,
        "state_directory": wanted["state_directory"],
        "written": rtc.written(wanted),
        "lab_settings": [*LAB_SETTINGS],
        "people": wanted["opens_servers"] and not rtc.is_removal(wanted),
        "applied": not rtc.is_removal(wanted),
        "markers": [marker.replace("{mark}", "BEGIN") for marker in SUPERSEDED],
    }


def host_problems(settings: Settings, host: dict[str, Any]) -> list[str]:
    """Return the problems of the host, except those with projects. host: the result of module hub_info."""
    return rtc.host_problems(settings.rtc, host)


def project_question(settings: Settings, host: dict[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of module project_info, or None if there are no projects, now or from an earlier run."""
    if rtc.is_removal(settings.rtc) or not (settings.rtc["opens_servers"] or host["remembered"]["projects"]):
        return None
    return {
        "service": settings.rtc["service"],
        "root": settings.projects["root"],
        "projects": projects.workspaces(settings.projects, host),
        "written": projects.written(settings.projects, host),
        "comment": projects.ACCOUNT_COMMENT,
    }


def project_problems(settings: Settings, host: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return the problems of the host with projects. found: the result of module project_info."""
    return projects.host_problems(settings.projects, host, projects.NOTHING | found)


def plan(settings: Settings, host: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return what to do on a host without problems, as plain data (see module `plan`).

    host: the result of module hub_info. found: that of project_info, or an empty dict.
    """
    wanted, remembered = settings.rtc, host["remembered"]
    removal = rtc.is_removal(wanted)
    is_last = not remembered["other_units"]
    made = _absent(settings, host) if removal else _present(settings, host, found)
    takes_back = removal or not made["live"]
    labs = LAB_SETTINGS if removal else LAB_SETTINGS[:1]
    return {
        "state": wanted["state"],
        "service": wanted["service"],
        "path": wanted["config_path"],
        "supersedes": SUPERSEDED,
        **made,
        "lab": {
            "python": host["lab"]["python"] if "jupyterlab" in host["lab"]["versions"] else "",
            # Another hub on this host may start its servers from the same environment, so packages and settings stay until the last
            # hub is done.
            "restore": [*labs] if takes_back and is_last else [],
            **made["lab"],
        },
        "packages": {
            "restore": remembered["environments"] if takes_back and is_last else [],
            **made["packages"],
        },
        "history": {
            # In the directory that the last run used, even if the variable has changed since.
            "directory": host["config"]["state_directory"],
            "delete": takes_back and bool(host["config"]["state_directory"]),
        },
        "nodes": {
            "hosts": nodes.hosts(wanted),
            # The accounts that nodes must have, too, by name and by comment.
            "accounts": [] if removal else made["accounts"]["nodes"],
            "comments": [] if removal else [projects.ACCOUNT_COMMENT],
            "facts": json.dumps({name: host[name] for name in OF_HOST}) if nodes.hosts(wanted) else "",
        },
    }


def _present(settings: Settings, host: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    wanted, lab = settings.rtc, host["lab"]
    policy = rtc.policy(wanted, host)
    opened = projects.policy(settings.projects, host, found)
    is_member = wanted["group"] in host["account"].get("groups", [])
    makes_account = policy["adopted"] or (policy["host_accounts"] and not is_member)
    has_lab, there = "jupyterlab" in lab["versions"], lab["settings"]
    of_lab = lab_options(policy)
    return {
        "mode": policy["mode"],
        "live": policy["live"],
        "packages": {
            "environment": lab["environment"],
            "requirements": policy["packages"],
            "constraints": policy["constraints"],
        },
        "lab": {
            "settings": policy["lab"]
            if policy["live"] and has_lab and policy["lab"] != there.get("collab-rtc", {})
            else {},
            "menus": json.dumps(of_lab["collab-sharing"]["settings"], sort_keys=True) if has_lab else "",
            "menus_there": json.dumps(there.get("collab-sharing", {}).get("settings"), sort_keys=True),
        },
        "accounts": {
            "create": policy["host_accounts"] if makes_account else [],
            "adopt": policy["adopted"],
            "retire": policy["retired_host_accounts"],
            "nodes": policy["host_accounts"],
            "group": wanted["group"],
            "comment": rtc.ACCOUNT_COMMENT,
        },
        "workspaces": {
            "create": json.dumps(opened["workspaces"]) if project_question(settings, host) else "",
            "delete": opened["absent"],
            "root": settings.projects["root"],
            "archive": settings.projects["archive"],
            "warn_below": settings.projects["warn_below"],
            "comment": projects.ACCOUNT_COMMENT,
        },
        "fragments": fragments.fragments(settings, policy, opened),
        "retired": policy["retired"] + opened["retired"],
        "snippet": {
            "path": wanted["snippet"],
            "text": snippet.text(of_lab) if wanted["snippet"] else "",
        },
        "image": {
            "directory": wanted["image_directory"],
            "files": _recipe(wanted, of_lab) if wanted["image_directory"] else {},
        },
        "report": json.dumps(
            {
                "settings": {name: value for name, value in wanted.items() if name not in SECRET},
                "policy": policy,
                "projects": {name: opened[name] for name in ("table", "owners")},
                "warnings": policy["warnings"] + opened["warnings"],
                "lab": lab,
                "running": host["servers"]["running"],
                "other_units": host["remembered"]["other_units"],
            }
        ),
    }


def _absent(settings: Settings, host: dict[str, Any]) -> dict[str, Any]:
    wanted, remembered = settings.rtc, host["remembered"]
    gone = [*remembered["projects"]]
    return {
        "mode": "absent",
        "live": False,
        "packages": {},
        "lab": {},
        "accounts": {
            "retire": host["shared_accounts"],
            "delete_homes": wanted["delete_home"],
            # Another hub of this host may admit users by the group.
            "remove_groups": not remembered["other_units"],
            "group": wanted["group"],
            "comment": rtc.ACCOUNT_COMMENT,
        },
        "workspaces": {
            "delete": [{"project": name, "workspace": "", "keep": True} for name in gone],
            # The hub's records of sessions are no longer needed, because all workspaces are closed, unless they are another hub's.
            "delete_records": bool(gone) and not remembered["projects_of_others"],
            "comment": projects.ACCOUNT_COMMENT,
        },
        "fragments": dict.fromkeys((fragments.LIVE, fragments.SHARING, fragments.PROJECTS), ""),
        "retired": [
            *host["shared_users"],
            *remembered["projects"].values(),
            *remembered["project_users_of_others"],
        ],
        "report": json.dumps({"other_units": remembered["other_units"]}),
    }


def _recipe(wanted: dict[str, Any], lab: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the files of the recipe for servers' images, by name, in base64. The hub's prefix is BASE_URL there."""
    parts = image_recipe.recipe(
        "The image of users' servers. To build from another image, set the argument BASE.",
        MANAGED,
        wanted["image_base"],
        image_recipe.server_program(lab),
        wanted["state_directory"],
    )
    return {name: base64.b64encode(part).decode() for name, part in parts.items()}


def lab_options(policy: dict[str, Any], base_url: str = BASE_URL) -> dict[str, dict[str, Any]]:
    """Return the options of step lab_settings, by the name of the files. base_url: the hub's prefix."""
    menus = _menus(base_url, policy["share_levels"]) if policy["sharing"] else {}
    return {"collab-rtc": policy["lab"], "collab-sharing": {"settings": menus}}


def _menus(base_url: str, levels: dict[str, Any]) -> dict[str, Any]:
    """Return the sharing menu of JupyterLab. The page opens in another tab, because the hub's pages do not open in a frame.

    levels: what the dialog behind the button offers (see `sharing.levels`).
    """
    page = {"url": f"{base_url}services/sharing/", "text": "Sharing", "newBrowserTab": True}
    item = {"command": "help:open", "args": {**page, "text": "Share your server"}}
    menu = {"id": "jp-mainmenu-user-sharing", "label": "User sharing", "rank": 900, "items": [item]}
    button = {
        "name": "user-sharing",
        "command": "help:open",
        "label": "Share",
        "rank": 60,
        "args": page | levels,
    }
    return {
        "@jupyterlab/mainmenu-extension:plugin": {"menus": [menu]},
        "@jupyterlab/application-extension:top-bar": {"toolbar": [button]},
    }
