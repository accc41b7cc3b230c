# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a plan into steps, in the order in which module `apply` runs them on a host. See `module_utils/apply/data.py`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from ..module_utils.hub.package import HubPackage
from . import fragments
from .package import package_files
from .policy.projects import RECORDS

Plan = dict[str, Any]
Step = dict[str, Any]


def steps(plan: Plan, numbers_of_nodes: Collection[int] = ()) -> list[Step]:
    """Return the steps of a plan. plan: see `plan.plan`. numbers_of_nodes: UIDs and GIDs that no new account may get."""
    return [*(_absent(plan) if plan["state"] == "absent" else _present(plan, numbers_of_nodes))]


def _present(plan: Plan, numbers_of_nodes: Collection[int]) -> Iterator[Step]:
    packages, lab, accounts, projects = (plan[name] for name in ("packages", "lab", "accounts", "workspaces"))
    # Before the configuration changes: a hub that is configured to use a missing package would not start.
    if packages["requirements"]:
        names = ("environment", "constraints")
        options = {name: packages[name] for name in names} | {"packages": packages["requirements"]}
        yield _step("packages", "python_packages", options | {"remember": True}, once=True)
    # Servers are plain JupyterLab unless the hub turns collaboration on for them. JupyterLab's Share button puts the user's own token
    # into its links, and anyone who opens such a link acts as that user.
    if lab["settings"]:
        options = {"python": lab["python"], "name": "collab-rtc", **lab["settings"]}
        yield _step("lab", "lab_settings", options, once=True)
    if (accounts["create"] or projects["create"]) and numbers_of_nodes:
        yield _step("numbers", "numbers_of_nodes", {"numbers": [*numbers_of_nodes]}, once=True)
    if accounts["create"] or accounts["adopt"]:
        options = _of_accounts(plan, names=accounts["create"], adopted=accounts["adopt"])
        yield _step("accounts", "shared_accounts", options, once=True)
    if projects["create"]:
        options = {"projects": json.loads(projects["create"]), "warn_below": projects["warn_below"]}
        yield _step("made", "project_workspaces", _of_projects(plan, **options))
    # One dry run and one restart for all fragments. The plan refuses a missing file, except one of ours in a configuration directory.
    content, others = _split(plan["fragments"])
    options = {"create": True, "content": content, "others": others, "supersedes": plan["supersedes"]}
    yield _change(plan, **options)
    # The hub no longer knows these accounts and workspaces, so nobody can open what these steps remove.
    directory = plan["history"]["directory"] or None
    if accounts["retire"]:
        options = _of_accounts(plan, names=accounts["retire"], state="absent", state_directory=directory)
        yield _step("retired", "shared_accounts", options, once=True)
    if projects["delete"]:
        options = {"absent": projects["delete"], "state_directory": directory}
        options |= {"archive": projects["archive"] or None}
        yield _step("deleted", "project_workspaces", _of_projects(plan, **options), once=True)
    if not plan["live"]:
        yield from _restored(plan)
    if lab["menus"]:
        options = {"python": lab["python"], "name": "collab-sharing", "settings": json.loads(lab["menus"])}
        yield _step("menu", "lab_settings", options) | {"unless": lab["menus_there"]}


def _absent(plan: Plan) -> Iterator[Step]:
    accounts, projects = plan["accounts"], plan["workspaces"]
    # The hub comes first, so that nobody can open what the next steps remove. The hub also stops the shared server.
    yield _change(plan, state="absent", others=_split(plan["fragments"])[1])
    # Before the group is removed, because these accounts belong to it.
    if projects["delete"]:
        options = _of_projects(plan, root="/", absent=projects["delete"])
        yield _step("deleted", "project_workspaces", options, once=True)
    if projects["delete_records"]:
        yield _step("records", "remove", {"path": RECORDS}, once=True)
    options = {name: accounts[name] for name in ("delete_homes", "remove_groups")}
    options = _of_accounts(plan, names=accounts["retire"], state="absent", **options)
    yield _step("retired", "shared_accounts", options, once=True)
    yield from _restored(plan)


def _restored(plan: Plan) -> Iterator[Step]:
    """Delete the document history, and restore JupyterLab and its packages."""
    if plan["history"]["delete"]:
        yield _step("history", "remove", {"path": plan["history"]["directory"]}, once=True)
    for name in plan["lab"]["restore"]:
        options = {"python": plan["lab"]["python"] or None, "name": name, "state": "absent"}
        yield _step("lab", "lab_settings", options)
    for environment in plan["packages"]["restore"]:
        options = {"environment": environment, "state": "restored"}
        yield _step("restored", "python_packages", options, once=True) | {"item": environment}


def _change(plan: Plan, **options: Any) -> Step:
    names = ("service", "path", "retired")
    options |= {name: plan[name] for name in names} | {
        "fragment": fragments.LIVE,
        "python": plan["lab"]["python"],
    }
    return _step("change", "hub_config", options | {"package_path": HubPackage(package_files()).path})


def _split(texts: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return the fragment that module hub_config is asked for, and the others."""
    return texts[fragments.LIVE], {name: text for name, text in texts.items() if name != fragments.LIVE}


def _of_accounts(plan: Plan, **options: Any) -> dict[str, Any]:
    common = {name: plan["accounts"][name] for name in ("group", "comment")}
    return {"service": plan["service"], **common, **options}


def _of_projects(plan: Plan, **options: Any) -> dict[str, Any]:
    common = {"root": plan["workspaces"].get("root"), "comment": plan["workspaces"]["comment"]}
    return {"service": plan["service"], "group": plan["accounts"]["group"], **common, **options}


def _step(name: str, does: str, options: dict[str, Any], *, once: bool = False) -> Step:
    given = {option: value for option, value in options.items() if value is not None}
    return {"name": name, "does": does, "options": given} | ({"once": True} if once else {})
