# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes on which a hub's servers run as jobs: what is refused, what they get, and what removal leaves there."""

import copy
import os
import pwd
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import directory_services
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.step import StepFailed
from ansible_collections.collab.jupyterhub.plugins.module_utils.nodes import accounts, served
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import node_steps
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import plan as plans
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import nodes
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve

import found_host

INVENTORY = ["hub", "node1", "node2"]
TWO: dict[str, Any] = {"jupyterhub_rtc_nodes": ["node1", "node2"]}
LAB = found_host.HOST["lab"] | {"python_version": "3.13.5"}
FOUND: dict[str, Any] = {"lab": LAB, "accounts": [], "environments": [], "others": [], "numbers": [1001]}


def problems(**variables: Any) -> list[str]:
    return plans.node_problems(resolve(TWO | variables, "hub"), INVENTORY)


def node_problems(host: dict[str, Any] | None = None, **found: Any) -> list[str]:
    settings = resolve(TWO, "hub").rtc
    return nodes.node_problems("node1", settings, found_host.HOST | (host or {}), FOUND | found)


def steps(when: Any, found: dict[str, Any] | None = None, **variables: Any) -> list[tuple[str, str]]:
    """Return what the steps of a node do, each with its state."""
    made = when(resolve(TWO | variables, "hub").rtc, found_host.HOST, FOUND | (found or {}))
    return [(step["does"], step["options"].get("state", "present")) for step in made]


def test_variables_about_nodes() -> None:
    """Requirement 140: what a node cannot have is refused by name, and the hub's own host is no node."""
    assert problems() == []
    assert problems(jupyterhub_rtc_nodes=["hub", "node1"]) == []
    assert nodes.hosts(resolve({"jupyterhub_rtc_nodes": ["hub", "node1", "node1"]}, "hub").rtc) == ["node1"]
    (unknown,) = problems(jupyterhub_rtc_nodes=["node1", "node7"])
    assert unknown.startswith("jupyterhub_rtc_nodes names node7, which the inventory does not have")
    (nowhere,) = problems(jupyterhub_rtc_venv="none")
    assert "Set jupyterhub_rtc_nodes_venv" in nowhere
    assert problems(jupyterhub_rtc_venv="none", jupyterhub_rtc_nodes_venv="/opt/lab") == []
    (closed,) = problems(jupyterhub_projects=[{"name": "rain", "workspaces": [{"name": "data"}]}])
    assert closed.startswith("The project rain has workspaces, which servers on other hosts cannot open")


def test_node_that_does_not_fit() -> None:
    """Requirement 140: each problem names the node and the variable to change."""
    assert node_problems() == []
    assert node_problems(lab=LAB | {"python": ""}) == [
        "node1: /opt/lab is not a Python environment. Set jupyterhub_rtc_nodes_venv (this hub starts its servers from /opt/lab)"
    ]
    old = LAB | {"versions": {"jupyterlab": "4.2.0"}}
    assert "node1: JupyterLab 4.2.0 in /opt/lab is too old" in node_problems(lab=old)[0]
    there = [{"name": "shared", "uid": 1005, "gid": 1005}]
    assert (
        "exists, but not on the hub's host. Create it there with the UID 1005"
        in node_problems(accounts=there)[0]
    )
    account = {"name": "shared", "exists": True, "uid": 1004, "groups": []}
    assert (
        "has the UID 1005, but 1004 on the hub's host"
        in node_problems({"account": account}, accounts=there)[0]
    )
    assert node_problems({"account": account | {"uid": 1005}}, accounts=there) == []


def test_what_servers_read_comes_before_the_hub_and_accounts_after_it() -> None:
    """Requirement 140: so a server that starts in between finds the package."""
    installs = ("python_packages", "present")
    assert steps(node_steps.before) == [installs, ("node_package", "present"), ("lab_settings", "present")]
    assert steps(node_steps.after) == [("node_accounts", "present"), ("lab_settings", "present")]


def test_package_is_compiled_for_the_interpreter_that_runs_servers_there() -> None:
    made = node_steps.before(resolve(TWO, "hub").rtc, found_host.HOST, FOUND)
    assert [each["options"]["python"] for each in made if each["does"] == "node_package"] == [LAB["python"]]


def test_removal_leaves_nothing_unless_another_hub_uses_the_node() -> None:
    """Requirement 142: and so does a hub that no longer has live collaboration."""
    found = {"environments": ["/opt/lab"], "others": ["hub"]}
    everything = [
        ("node_accounts", "present"),  # with no accounts: those of earlier runs are removed
        ("node_package", "absent"),
        ("lab_settings", "absent"),
        ("lab_settings", "absent"),
        ("python_packages", "restored"),
    ]
    assert steps(node_steps.before, found, jupyterhub_rtc_state="absent") == []
    assert steps(node_steps.after, found, jupyterhub_rtc_state="absent") == everything
    shared = found | {"others": ["hub", "other-hub"]}
    assert steps(node_steps.after, shared, jupyterhub_rtc_state="absent") == everything[:2]
    sharing_only = [*everything[:3], everything[4], ("lab_settings", "present")]
    assert steps(node_steps.after, found, jupyterhub_rtc_servers="none") == sharing_only


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub has used this machine as a node."""
    monkeypatch.setattr(served, "all_served", dict)


def ensured(*wanted: dict[str, Any]) -> dict[str, Any]:
    step = SimpleNamespace(params={"hub": "hub", "accounts": [*wanted]}, check_mode=True)
    return accounts.apply(step)  # type: ignore[arg-type]


def test_only_comments_of_this_host_mark_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory, people may be able to write their own."""
    theirs = pwd.struct_passwd(("mallory", "x", 7007, 7007, "of a project", "/home/mallory", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwall", lambda: [theirs])
    monkeypatch.setattr(pwd, "getpwnam", {"mallory": theirs}.__getitem__)
    assert accounts.describe([], ["of a project"]) == []
    assert [each["name"] for each in accounts.describe(["mallory"])] == ["mallory"]


@pytest.mark.usefixtures("known")
def test_no_account_is_made_while_a_directory_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_services, "silent", lambda: ["sss"])
    (root,) = accounts.describe(["root"])
    assert ensured(root)["changed"] is False
    with pytest.raises(StepFailed, match=r"directory service \(sss in .*\) does not answer"):
        ensured(root | {"name": "nobody-here", "inode": 0, "uid": 59_990, "gid": 59_990})


@pytest.mark.usefixtures("known")
def test_accounts_agree_or_are_refused() -> None:
    """Requirement 140: numbers and home directories are those of the hub's host."""
    (root,) = accounts.describe(["root", "nobody-here"])
    assert (root["uid"], root["inode"]) == (0, os.stat("/root").st_ino)
    assert ensured(root)["changed"] is False
    with pytest.raises(StepFailed, match=r"The account root has the UID 0 on .*, but 7 on the hub's host"):
        ensured(root | {"uid": 7})
    with pytest.raises(StepFailed, match=r"/root on .* is not the directory that the hub's host has there"):
        ensured(root | {"inode": root["inode"] + 1})
    new = root | {"name": "nobody-here", "inode": 0}
    with pytest.raises(StepFailed, match=r"nobody-here of the hub has the UID 0, which root has"):
        ensured(new)
    free = max(each.pw_uid for each in pwd.getpwall() if each.pw_uid < 60000) + 5
    made = ensured(copy.deepcopy(new) | {"uid": free, "gid": free})
    assert made == {"changed": True, "made": ["nobody-here"], "removed": []}
