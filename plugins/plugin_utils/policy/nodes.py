# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what the nodes of a hub need, on which its servers run as jobs.

A node is described in the form in which other modules describe a host, so the functions that compute the policy for a host compute it for a
node.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from . import rtc

# Hosts in this group of the inventory are nodes of every hub, unless jupyterhub_rtc_nodes names others.
GROUP = "jupyterhub_nodes"


def hosts(settings: dict[str, Any]) -> list[str]:
    """Return the nodes. The hub's own host is prepared as such."""
    return [name for name in dict.fromkeys(settings["nodes"]) if name != settings["inventory_hostname"]]


def problems(
    settings: dict[str, Any], projects: list[dict[str, Any]], inventory: Collection[str]
) -> list[str]:
    """Return the problems of the variables, as sentences that say how to fix each one. inventory: all hosts that Ansible knows."""
    found = []
    if unknown := [name for name in hosts(settings) if name not in inventory]:
        found.append(
            f"jupyterhub_rtc_nodes names {', '.join(unknown)}, which the inventory does not have. Add each node to the inventory as a host"
        )
    if not hosts(settings) or rtc.is_removal(settings):
        return found
    if settings["venv"] == rtc.ELSEWHERE and not settings["nodes_venv"]:
        found.append(
            "jupyterhub_rtc_venv is none, so the hub's host does not tell which environment runs JupyterLab on the nodes. Set "
            "jupyterhub_rtc_nodes_venv to its path"
        )
    for project in projects:
        if project.get("state", "present") == "present" and project.get("workspaces"):
            found.append(
                f"The project {project['name']} has workspaces, which servers on other hosts cannot open. Remove workspaces from the "
                "project. Its members can work on its server"
            )
    return found


def environment(settings: dict[str, Any], host: dict[str, Any]) -> str:
    """Return the environment that runs JupyterLab on the nodes."""
    return str(settings["nodes_venv"] or host["lab"]["environment"])


def node_problems(
    node: str, settings: dict[str, Any], host: dict[str, Any], found: dict[str, Any]
) -> list[str]:
    """Return the problems of a node. host: the hub's host. found: what module node_plan has found on the node."""
    told = [
        each.replace("jupyterhub_rtc_venv", "jupyterhub_rtc_nodes_venv")
        for each in rtc.lab_problems(_there(settings, found), _as_host(host, found))
    ]
    ours = host["account"]
    for account in found["accounts"] if rtc.is_live(settings) else []:
        if account["name"] != ours.get("name"):
            continue
        if not ours.get("exists"):
            told.append(
                f"The account {account['name']} exists, but not on the hub's host. Create it there with the UID {account['uid']} and the GID "
                f"{account['gid']}, or set jupyterhub_rtc_user to another name"
            )
        elif ours["uid"] != account["uid"]:
            told.append(
                f"The account {account['name']} has the UID {account['uid']}, but {ours['uid']} on the hub's host. Give it the same number on "
                "both, because they share its files"
            )
    return [f"{node}: {each}" for each in told]


def policy(settings: dict[str, Any], host: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return the desired state of a node without problems (see `rtc.policy`): `live`, `packages`, `constraints`, `lab` and `sharing` apply."""
    return rtc.policy(_there(settings, found), _as_host(host, found))


def _there(settings: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    return settings | {"venv": found["lab"]["environment"]}


def _as_host(host: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    servers = {
        "environment": found["lab"]["environment"],
        "is_lab": True,
        "command": [],
        "other_environments": [],
    }
    return host | {"lab": found["lab"], "servers": host["servers"] | servers}
