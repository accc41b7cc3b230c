# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the variables for a hub on Kubernetes, and describe such a hub in the form in which other modules describe a host.

So the same functions that compute the policy for a host compute it for Kubernetes, from the same variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .rtc import IMAGE
from .sharing import OLDEST_HUB_TO_SHARE, release

# Releases of the chart Zero to JupyterHub whose values these are: the first, which takes volumes by name, and the one after the last.
CHARTS = ("4.3", "5")
# The port of the sharing page in the hub's pod, unless jupyterhub_sharing_port sets another. The same as PORT in `jupyterhub_collab.hub.sharing`.
PAGE_PORT = 8905
# Ports of the chart's own in the hub's pod, and those that its account cannot use.
HUB_PORT, FIRST_PORT = 8081, 1024
# How long a server needs to save everything, in seconds: STOP_SECONDS and EXIT_SECONDS of `jupyterhub_collab.patches.server.stopping`.
LEAST_STOP_SECONDS = 10
REGISTRY = re.compile(r"[a-zA-Z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
CLAIM = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
BASE_URL = re.compile(r"/([A-Za-z0-9._~-]+/)*")


def problems(settings: dict[str, Any], directories_of_others: list[str]) -> list[str]:
    """Return the problems of the variables, as sentences that say how to fix each one.

    directories_of_others: the directories of the other hubs in the play.
    """
    return [
        *_problems_of_directory(settings["directory"], directories_of_others),
        *_problems_of_images(settings),
        *_problems_of_cluster(settings),
        *_only_on_hosts(settings),
    ]


def _problems_of_directory(directory: str, directories_of_others: list[str]) -> Iterator[str]:
    if not directory:
        yield (
            "jupyterhub_kubernetes_directory is not set. Set it to the directory on the machine that runs the playbook in which to write the "
            "values file and the image recipes"
        )
        return
    if not re.fullmatch(r"(/[^/\n]+)+", directory):
        yield (
            f"jupyterhub_kubernetes_directory is {directory!r}. Set it to the absolute path of a directory on the machine that runs the playbook"
        )
        return
    # This code runs on that machine, the controller.
    there = next((each for each in (Path(directory), *Path(directory).parents) if each.exists()), None)
    if there is not None and not there.is_dir():
        yield f"jupyterhub_kubernetes_directory is {directory}, but {there} is a file. Name a directory"
    if directory in directories_of_others:
        yield (
            f"jupyterhub_kubernetes_directory is {directory} for several hubs in this play. Set another directory for each of them"
        )


def _problems_of_images(settings: dict[str, Any]) -> Iterator[str]:
    registry = settings["registry"]
    if not REGISTRY.fullmatch(registry):
        yield (
            f"jupyterhub_kubernetes_registry is {registry!r}. Set it to the place to which you push images, without a tag, such as "
            "registry.example.org/team"
        )
    for name in ("hub_base", "singleuser_base"):
        base = settings[name]
        if not IMAGE.fullmatch(base):
            yield (
                f"jupyterhub_kubernetes_{name} is {base!r}. Set it to an image with a tag, such as registry.example.org/jupyterhub/k8s-hub:4.4.0. "
                "The chart's values name the chart's own images (helm show values)"
            )


def _problems_of_cluster(settings: dict[str, Any]) -> Iterator[str]:
    chart, base_url = settings["chart_version"], settings["base_url"]
    if not release(CHARTS[0]) <= release(chart) < release(CHARTS[1]):
        yield (
            f"jupyterhub_kubernetes_chart_version is {chart!r}. Set it to the release of the chart Zero to JupyterHub that you install, from "
            f"{CHARTS[0]} to below {CHARTS[1]}"
        )
    if not BASE_URL.fullmatch(base_url):
        yield f"jupyterhub_kubernetes_base_url is {base_url!r}. Set it to the hub's path with a slash at both ends, such as /jupyter/"
    if (seconds := settings["stop_seconds"]) < LEAST_STOP_SECONDS:
        yield (
            f"jupyterhub_kubernetes_stop_seconds is {seconds}, in which a server may not save everything. Set it to {LEAST_STOP_SECONDS} or more"
        )
    claim = settings["history_claim"]
    if claim and not CLAIM.fullmatch(claim):
        yield (
            f"jupyterhub_kubernetes_history_claim is {claim!r}. Set it to the name of a PersistentVolumeClaim in the hub's namespace"
        )


def _only_on_hosts(settings: dict[str, Any]) -> Iterator[str]:
    """Yield what these variables ask for that a hub on Kubernetes cannot have."""
    if settings["state"] == "absent":
        yield (
            "jupyterhub_rtc_state is absent, but this playbook removes nothing from a cluster. Run helm upgrade without the values file "
            "that it has written"
        )
    if settings["servers"] == "none":
        yield (
            "jupyterhub_rtc_servers is none, but the images are for live collaboration. Remove the variable, or set it to collaboration_servers"
        )
    if log := settings["sharing_log"]:
        yield (
            f"jupyterhub_sharing_log is {log}, a file of a host. Remove the variable, and find the events in the log of the hub's pod"
        )
    port = settings["sharing_port"]
    if 0 < port < FIRST_PORT or port == HUB_PORT:
        whose = "the hub itself uses" if port == HUB_PORT else "only root can use"
        yield (
            f"jupyterhub_sharing_port is {port}, which {whose} in the hub's pod. Set it to another port above {FIRST_PORT - 1}, or remove it"
        )
    for project in settings["projects"]:
        if project.get("state", "present") == "absent":
            yield (
                f"The project {project['name']} has state: absent, but this playbook deletes nothing in a cluster. Remove the project from "
                "jupyterhub_projects, and delete the volume of its server yourself"
            )
        elif project.get("workspaces"):
            yield (
                f"The project {project['name']} has workspaces, which need accounts and groups of a host. Remove workspaces from the project. "
                "Its members can work on its server"
            )


def host(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what module hub_info would have found. No account, directory or package of a host is concerned."""
    return {
        "hub": {"version": OLDEST_HUB_TO_SHARE[5]},  # the image recipe installs this release or a newer one
        "lab": {"versions": {}, "unfinished": False, "settings": {}},  # the recipe finds out
        "servers": {"account_names": "{USERNAME}", "command": [], "running": None},
        "account": {"name": settings["user"], "exists": False, "kept_for": ""},
        "group": {"exists": True},
        "config": {"accounts": []},
        "remembered": {"accounts": []},
        "people": None,
        "shared_accounts": [],
        "shared_users": [],
    }


def warnings(settings: dict[str, Any], email_domain: str) -> list[str]:
    """Return sentences for the administrator. email_domain: of the policy."""
    told = []
    if not email_domain:
        told.append(
            "Git commits on collaboration servers would carry addresses with the name of the hub's pod. Set jupyterhub_rtc_public_url or "
            "jupyterhub_rtc_email_domain."
        )
    if not settings["refuse_unprepared"]:
        told.append(
            "Servers from other images than the one of this recipe are not protected, and jupyterhub_rtc_refuse_unprepared is false."
        )
    return told
