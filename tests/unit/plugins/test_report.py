# SPDX-License-Identifier: GPL-3.0-or-later
"""The report at the end of a play."""

from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils import plan
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.report import report

import found_host

HOST: dict[str, Any] = found_host.HOST | {"lab": found_host.HOST["lab"] | {"collaboration_since": 20}}
SKIPPED = {"changed": False, "skipped": True}
TASKS = ("packages", "accounts", "made", "retired", "deleted", "snippet")
NOTHING: dict[str, Any] = dict.fromkeys(TASKS, SKIPPED) | {"restored": {}}
CHANGE: dict[str, Any] = {
    "changed": False,
    "restarted": False,
    "in_force_since": 10,
    "hub": {"base_url": "/"},
}


def told(
    host: dict[str, Any] | None = None,
    results: dict[str, Any] | None = None,
    *,
    check_mode: bool = False,
    **variables: Any,
) -> list[str]:
    """Return the report. host: what differs from HOST. results: those of tasks that were not skipped."""
    wanted = plan.plan(resolve(variables), HOST | (host or {}), {})
    return report(wanted, NOTHING | {"change": CHANGE} | (results or {}), check_mode=check_mode)


def of_hub(host: dict[str, Any] | None = None, **hub: Any) -> str:
    """Return the report of a hub. hub: what is known about it."""
    return "\n".join(told(host, {"change": CHANGE | {"hub": {"base_url": "/", **hub}}}))


def test_report_has_what_the_hub_knows_and_says_what_it_does_not_know() -> None:
    said = of_hub(bind_url="http://:8000", culler_is_unknown=True)
    assert "Address for users: http://HOST:8000/hub/spawn/shared, where HOST is a name" in said
    assert "Sharing page: http://HOST:8000/services/sharing/, where HOST is a name" in said
    assert "WARNING: The hub's idle culler reads its timeout from a file of its own" in said
    said = of_hub(public_url="https://hub.example.org/")
    assert "Address for users: https://hub.example.org/hub/spawn/shared" in said
    assert "HOST" not in said
    assert "idle culler" not in said


def test_two_hubs_in_one_environment_cannot_both_have_the_menu() -> None:
    """The menu has one address for all servers of an environment, and hubs on different prefixes have different ones."""
    menu = {"menus": [{"items": [{"args": {"url": "/dev/services/sharing/"}}]}]}
    lab = HOST["lab"] | {"settings": {"collab-sharing": {"settings": menu}}}
    both = {"lab": lab, "remembered": HOST["remembered"] | {"other_units": ["hub-dev"]}}
    assert "now leads to this hub's sharing page, no longer to that of hub-dev" in of_hub(both)
    assert "now leads to this hub" not in of_hub(both, base_url="/dev/")
    assert "now leads to this hub" not in of_hub({"lab": lab})


def test_changes_are_named() -> None:
    results = {
        "packages": {"changed": True, "installed": {"jupyter-collaboration": "5.0.4", "pycrdt": "0.14.10"}},
        "accounts": {"changed": True, "made": ["shared"]},
        "snippet": {"changed": True},
        "change": CHANGE | {"changed": True, "restarted": True, "ended": ["team"], "disconnected": ["bob"]},
        "retired": {"changed": True, "removed": ["team"], "kept_homes": ["/home/team"]},
        "made": {"changes": {"snow": ["account created"], "rain": ["workspace files created"]}},
        "deleted": {"changes": {"old": ["deleted"]}},
        # Of another hub in the same play.
        "restored": {"results": [{"item": "/opt/lab", "removed": ["pycrdt"]}]},
    }
    assert told(results=results, jupyterhub_rtc_snippet="/tmp/snippet.sh")[0] == (
        "Changed: jupyter-collaboration 5.0.4 installed in /opt/lab; account shared created; snippet /tmp/snippet.sh written; "
        "hub configured and restarted; removed team; disconnected bob; account team removed, its files kept in /home/team; "
        "project rain: workspace files created; project snow: account created; project old: deleted."
    )
    assert told()[0] == "Changed: nothing."
    alone = told(results={"restored": results["restored"]}, check_mode=True, jupyterhub_rtc_servers="none")
    assert alone[:2] == [
        "Would change: in /opt/lab removed pycrdt.",
        "Mode: sharing only. Who has access now, in addition to the hub's administrators:",
    ]


def test_servers_that_started_before_the_change_are_named() -> None:
    running = [
        {"owner": owner, "name": owner, "started": started}
        for owner, started in (("shared", 5), ("alice", 15), ("bob", 25), ("project-rain", 25))
    ]
    host = {"servers": HOST["servers"] | {"running": running}}
    restart = "Restart these servers to pick up the change: "
    assert told(host)[-1] == f"{restart}alice, shared"
    changed = {"packages": {"changed": True}}
    assert told(host, changed)[-1] == f"{restart}alice, bob, project-rain, shared"
    assert told(host, changed, jupyterhub_rtc_user_sharing=False)[-1] == f"{restart}shared"
    opened = {"change": CHANGE | {"others_in_force_since": {"70-projects": 30}}}
    rain = [{"name": "rain"}]
    assert told(host, opened, jupyterhub_projects=rain)[-1] == f"{restart}alice, project-rain, shared"
    assert restart not in told(host | {"servers": {**host["servers"], "running": running[2:]}})[-1]
    unknown = {"servers": HOST["servers"] | {"running": None}}
    assert told(unknown)[-1] == "Running servers pick up the change when they are restarted."


def removed(results: dict[str, Any], *, check_mode: bool = False, others: tuple[str, ...] = ()) -> list[str]:
    remembered = HOST["remembered"] | {"other_units": [*others]}
    nothing: dict[str, Any] = {"removed": [], "kept_homes": [], "deleted_homes": [], "removed_groups": []}
    done = {"retired": nothing, "history": SKIPPED, "restored": {"results": []}} | results
    return told({"remembered": remembered}, done, check_mode=check_mode, jupyterhub_rtc_state="absent")


def test_removal_says_which_volumes_stay() -> None:
    hub = {"base_url": "/", "spawner": "dockerspawner.dockerspawner.DockerSpawner"}
    (line,) = [each for each in removed({"change": CHANGE | {"hub": hub}}) if "podman volume ls" in each]
    assert "--filter name=-collab-history-`" in line


def test_removal_is_reported() -> None:
    assert removed({}) == ["Changed: nothing.", "Collaboration is not installed on this host."]
    results = {
        "change": CHANGE | {"changed": True, "restarted": True},
        "retired": {
            "removed": ["shared"],
            "kept_homes": ["/home/shared"],
            "deleted_homes": [],
            "removed_groups": ["jupyterhub"],
        },
        "history": {"changed": True},
        "deleted": {"changes": {"rain": ["account removed"]}},
        "restored": {
            "results": [
                {
                    "changed": True,
                    "item": "/opt/lab",
                    "removed": ["pycrdt"],
                    "installed": {"jupyter-ydoc": "3.0"},
                    "kept": {"nbclient": "jupyterlab needs it"},
                }
            ]
        },
    }
    said = removed(results)
    assert said == [
        "Changed: collaboration removed from the hub, hub restarted; account shared removed; files kept in /home/shared; "
        "group jupyterhub removed; document history deleted in /var/lib/state; project rain: account removed; "
        "in /opt/lab removed pycrdt; in /opt/lab restored jupyter-ydoc 3.0.",
        "Kept in /opt/lab: nbclient, jupyterlab needs it",
        "Collaboration is not installed on this host.",
        "Running servers keep collaboration until you restart them.",
    ]
    assert removed(results, check_mode=True)[-2].startswith("Collaboration is still installed: check mode")
    kept = removed(results, others=("hub-dev",))
    assert kept[-3].startswith("Kept for the hub hub-dev, which may use them: ")
    assert kept[-2] == "Collaboration is not configured on this hub."
