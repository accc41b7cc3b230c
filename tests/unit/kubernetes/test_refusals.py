# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbook kubernetes refuses, with one sentence and before it writes anything."""

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import kubernetes

from chart import play
from jupyterhub_collab.patches.server import stopping

GOOD: dict[str, Any] = {
    "directory": "/home/me/cluster",
    "registry": "registry.example.org:5000/team",
    "chart_version": "4.4.0",
    "hub_base": "registry.example.org/jupyterhub/k8s-hub:4.4.0",
    "singleuser_base": f"registry.example.org/jupyter/scipy-notebook@sha256:{'0' * 64}",
    "base_url": "/",
    "history_claim": "",
    "stop_seconds": 30,
    "state": "present",
    "servers": "collaboration_servers",
    "user": "shared",
    "refuse_unprepared": True,
    "sharing_log": "",
    "sharing_port": 0,
    "projects": [],
}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"directory": ""}, "jupyterhub_kubernetes_directory is not set"),
    ({"directory": "cluster"}, "Set it to the absolute path of a directory"),
    ({"directory": "/etc/passwd/cluster"}, "but /etc/passwd is a file. Name a directory"),
    ({"registry": ""}, "jupyterhub_kubernetes_registry is ''"),
    ({"registry": "example.org/team:latest"}, "without a tag"),
    ({"registry": "example.org/team/"}, "without a tag"),
    ({"hub_base": "k8s-hub"}, "jupyterhub_kubernetes_hub_base is 'k8s-hub'. Set it to an image with a tag"),
    ({"hub_base": ""}, "The chart's values name the chart's own images"),
    ({"singleuser_base": "a b:1"}, "jupyterhub_kubernetes_singleuser_base is 'a b:1'"),
    ({"singleuser_base": "a:1\nRUN evil"}, "Set it to an image with a tag"),
    ({"chart_version": "3.3.8"}, "from 4.3 to below 5"),
    ({"chart_version": "5.0.0"}, "from 4.3 to below 5"),
    ({"base_url": "/jupyter"}, "with a slash at both ends"),
    ({"history_claim": "My Claim"}, "Set it to the name of a PersistentVolumeClaim"),
    ({"stop_seconds": 1}, "in which a server may not save everything"),
    ({"state": "absent"}, "this playbook removes nothing from a cluster"),
    ({"servers": "none"}, "but the images are for live collaboration"),
    ({"sharing_log": "/var/log/shares"}, "find the events in the log of the hub's pod"),
    ({"sharing_port": 905}, "which only root can use in the hub's pod"),
    ({"sharing_port": 8081}, "which the hub itself uses in the hub's pod"),
    ({"projects": [{"name": "soil", "state": "absent"}]}, "this playbook deletes nothing in a cluster"),
    (
        {"projects": [{"name": "soil", "workspaces": [{"name": "data"}]}]},
        "which need accounts and groups of a host",
    ),
]


def test_good_variables_have_no_problem() -> None:
    assert kubernetes.problems(GOOD, ["/home/me/other"]) == []


def test_directory_of_another_hub_is_refused() -> None:
    (problem,) = kubernetes.problems(GOOD, ["/home/me/other", GOOD["directory"]])
    assert "for several hubs in this play" in problem


def test_pod_has_the_time_that_a_server_needs_to_stop() -> None:
    assert kubernetes.LEAST_STOP_SECONDS == stopping.STOP_SECONDS + stopping.EXIT_SECONDS


@pytest.mark.parametrize(("wrong", "why"), WRONG, ids=[f"{each}" for each, _why in WRONG])
def test_problem_is_one_sentence(wrong: dict[str, Any], why: str) -> None:
    """Whatever Kubernetes cannot have is refused, with what to do instead. Requirement 115."""
    (problem,) = kubernetes.problems(GOOD | wrong, [])
    assert why in problem
    assert problem[0].isupper() or problem.startswith("jupyterhub_")
    assert not problem.endswith(".")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (
            {"jupyterhub_projects": [{"name": "soil", "workspaces": [{"name": "data"}]}]},
            "which need accounts",
        ),
        ({"jupyterhub_sharing_link_seconds": 5}, "jupyterhub_sharing_link_seconds is 5"),
        ({"jupyterhub_rtc_mem_limit": "much"}, "jupyterhub_rtc_mem_limit is 'much'"),
        ({"jupyterhub_projects": [{"name": "Soil"}]}, "the name 'Soil' is not valid"),
        ({"jupyterhub_rtc_servers": "nobody"}, "value of jupyterhub_rtc_servers must be one of"),
        ({"jupyterhub_kubernetes_stop_seconds": "long"}, "jupyterhub_kubernetes_stop_seconds"),
    ],
)
def test_nothing_is_written(tmp_path: Path, wrong: dict[str, Any], why: str) -> None:
    """A wrong variable of any role stops the play before it writes a file. Requirement 115."""
    done = play(tmp_path, {"hub": wrong})
    assert done.returncode != 0
    assert why in " ".join(done.stdout.split())
    assert not (tmp_path / "hub").exists()


def test_two_hubs_do_not_share_a_directory(tmp_path: Path) -> None:
    same = {"jupyterhub_kubernetes_directory": str(tmp_path / "same")}
    done = play(tmp_path, {"one": same, "two": same})
    assert done.returncode != 0 and "for several hubs in this play" in done.stdout
    assert not (tmp_path / "same").exists()
