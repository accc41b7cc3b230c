# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say at the end of a play what changed, who has access now, and the address for users."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .fragments import PROJECTS
from .policy.rtc import addresses

CULLER = (
    "The hub's idle culler reads its timeout from a file of its own, so collaboration servers do not stop when nobody uses them. Set "
    "jupyterhub_rtc_idle_seconds to this timeout."
)
Results = dict[str, dict[str, Any]]
# Those that a plan need not have.
STEPS = ("packages", "accounts", "made", "retired", "deleted", "history", "restored", "snippet", "image")


def report(plan: dict[str, Any], results: Results, *, check_mode: bool) -> list[str]:
    """Return the lines of the report.

    plan: what module `plan` returned. results: those of the steps, by name. check_mode: whether the play ran in check mode.
    """
    facts = json.loads(plan["report"])
    results = {name: {} for name in STEPS} | results
    if plan["state"] == "absent":
        return list(_removal(facts, plan["history"]["directory"], results, check_mode))
    return list(_present(plan, facts, results, check_mode))


def _present(
    plan: dict[str, Any], facts: dict[str, Any], results: Results, check_mode: bool
) -> Iterator[str]:
    policy, change = facts["policy"], results["change"]
    hub = change.get("hub") or {}
    changes = [
        *_changes(plan, facts, results),
        *_of_projects(results["made"]),
        *_of_projects(results["deleted"]),
    ]
    yield _first(changes, check_mode)
    yield f"Mode: {policy['mode']}. Who has access now, in addition to the hub's administrators:"
    rows = policy["table"]
    if hub.get("opened") and not policy["collaboration"]["everyone"]:
        rows = [
            *rows,
            f"The servers of {', '.join(hub['opened'])} also have live collaboration, because roles in the hub's configuration grant "
            "access to them",
        ]
    yield from (f"- {row}" for row in [*rows, *policy["sharing_table"], *facts["projects"]["table"]])
    yield from (f"WARNING: {sentence}" for sentence in facts["warnings"])
    if hub.get("culler_is_unknown"):
        yield f"WARNING: {CULLER}"
    for sentence in change.get("hub_warnings") or []:
        yield f"WARNING from the hub about its configuration: {sentence}"
    yield from _menu_of_others(facts, hub)
    if hub:
        told = addresses(facts["settings"], hub)
        if policy["sharing"]:
            yield f"Sharing page: {told['sharing']}"
        yield f"Address for users: {told['users']}"
    if image := results["image"].get("tag"):
        yield (
            "Build the image where the hub finds it, and name it in the hub's configuration, such as in c.DockerSpawner.image: "
            f"podman build --tag localhost/jupyterhub-collab-singleuser:{image} {plan['image']['directory']}"
        )
    yield from _to_restart(facts, results, check_mode)


def _changes(plan: dict[str, Any], facts: dict[str, Any], results: Results) -> Iterator[str]:
    change, retired = results["change"], results["retired"]
    installed = results["packages"].get("installed") or {}
    if collaboration := installed.get("jupyter-collaboration"):
        installed = {"jupyter-collaboration": collaboration}
    if installed:
        yield f"{_listed(installed)} installed in {facts['lab']['environment']}"
    if made := results["accounts"].get("made"):
        yield f"account {', '.join(made)} created"
    if results["snippet"].get("changed"):
        yield f"snippet {plan['snippet']['path']} written"
    if results["image"].get("changed"):
        yield f"recipe of an image written to {plan['image']['directory']}"
    if change.get("restarted"):
        yield "hub configured and restarted"
    yield from _ended(change)
    if retired.get("removed"):
        yield (
            f"account {', '.join(retired['removed'])} removed, its files kept in "
            f"{', '.join(retired.get('kept_homes') or [])}"
        )
    # Of another hub in this play, if this one has live collaboration.
    for each in [] if plan["live"] else results["restored"].get("results") or []:
        if each.get("removed"):
            yield f"in {each['item']} removed {', '.join(each['removed'])}"


def _ended(change: dict[str, Any]) -> Iterator[str]:
    if change.get("ended"):
        yield f"removed {', '.join(change['ended'])}"
    if change.get("disconnected"):
        yield f"disconnected {', '.join(change['disconnected'])}"


def _of_projects(result: dict[str, Any]) -> list[str]:
    return [
        f"project {name}: {', '.join(done)}" for name, done in sorted((result.get("changes") or {}).items())
    ]


def _first(changes: list[str], check_mode: bool) -> str:
    return f"{'Would change' if check_mode else 'Changed'}: {'; '.join(changes) or 'nothing'}."


def _listed(packages: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))


def _menu_of_others(facts: dict[str, Any], hub: dict[str, Any]) -> Iterator[str]:
    """Warn if the menu led to the page of another hub of this host. It has one address for all servers of an environment."""
    menu = json.dumps(facts["lab"]["settings"].get("collab-sharing", {}))
    page = f'"{hub.get("base_url", "/")}services/sharing/"'
    if (
        facts["policy"]["sharing"]
        and facts["other_units"]
        and "services/sharing/" in menu
        and page not in menu
    ):
        yield (
            f"WARNING: The menu of JupyterLab in {facts['lab']['environment']} now leads to this hub's sharing page, no longer to that of "
            f"{' or '.join(facts['other_units'])}. Give each hub an environment of its own, if both start servers there."
        )


def _to_restart(facts: dict[str, Any], results: Results, check_mode: bool) -> Iterator[str]:
    """Say which running servers started before the change."""
    running, policy, change = facts["running"], facts["policy"], results["change"]
    if running is None:
        yield "Running servers pick up the change when they are restarted."
        return
    live = policy["collaboration"]
    concerned = running
    if policy["live"] and not live["everyone"] and not live["owners"]:
        concerned = [each for each in running if each["owner"] in policy["accounts"]]
    if not (results["packages"].get("changed") or (check_mode and change.get("changed"))):
        since = max(change["in_force_since"], facts["lab"]["collaboration_since"])
        concerned = [each for each in concerned if each["started"] < since]
    opened_since = (change.get("others_in_force_since") or {}).get(PROJECTS, 0)
    opened = [
        each
        for each in running
        if each["owner"] in facts["projects"]["owners"] and each["started"] < opened_since
    ]
    if names := sorted({each["name"] for each in [*concerned, *opened]}, key=str.lower):
        yield f"Restart these servers to pick up the change: {', '.join(names)}"


def _removal(facts: dict[str, Any], history: str, results: Results, check_mode: bool) -> Iterator[str]:
    change, retired = results["change"], results["retired"]
    restored = results["restored"].get("results") or []
    changes = []
    if change.get("changed"):
        restart = ", hub restarted" if change.get("restarted") else ""
        changes.append(f"collaboration removed from the hub{restart}")
    changes += _ended(change)
    if retired["removed"]:
        changes.append(f"account {', '.join(retired['removed'])} removed")
    for how in ("kept", "deleted"):
        if homes := retired[f"{how}_homes"]:
            changes.append(f"files {how} in {', '.join(homes)}")
    if retired["removed_groups"]:
        changes.append(f"group {', '.join(retired['removed_groups'])} removed")
    if results["history"].get("changed"):
        changes.append(f"document history deleted in {history}")
    changes += _of_projects(results["deleted"])
    for each in restored:
        if each.get("changed"):
            if each["removed"]:
                changes.append(f"in {each['item']} removed {', '.join(each['removed'])}")
            if each["installed"]:
                changes.append(f"in {each['item']} restored {_listed(each['installed'])}")
    yield _first(changes, check_mode)
    if "dockerspawner" in (change.get("hub") or {}).get("spawner", ""):
        yield (
            "Kept: the volumes with document histories of containers. Stop the servers, list the volumes with `podman volume ls --quiet --filter "
            "name=-collab-history-` (or docker), and remove them with `podman volume rm`."
        )
    for each in restored:
        for name, reason in sorted((each.get("kept") or {}).items()):
            yield f"Kept in {each['item']}: {name}, {reason}"
    others = ", ".join(facts["other_units"])
    if others:
        yield (
            f"Kept for the hub {others}, which may use them: packages and settings of JupyterLab, groups, and the record of adopted accounts"
        )
    if check_mode and changes:
        yield "Collaboration is still installed: check mode changes nothing."
    elif others:
        yield "Collaboration is not configured on this hub."
    else:
        yield "Collaboration is not installed on this host."
    if changes:
        yield "Running servers keep collaboration until you restart them."
