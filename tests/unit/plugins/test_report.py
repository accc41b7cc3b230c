# SPDX-License-Identifier: GPL-3.0-or-later
"""The report at the end of a play, as Ansible renders it."""

import json
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects, rtc

from role_variables import RoleVariables

HOST: dict[str, Any] = {
    "hub": {"version": "6.1.1"},
    "lab": {
        "versions": {"jupyterlab": "4.6.6"},
        "unfinished": False,
        "environment": "/opt/lab",
        "collaboration_since": 0,
        "settings": {},
    },
    "remembered": {"other_units": []},
    "servers": {"account_names": "{USERNAME}", "running": []},
    "account": {"name": "shared", "exists": False},
    "config": {"accounts": []},
    "shared_accounts": [],
    "shared_users": [],
    "people": None,
}
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: collab.jupyterhub.jupyterhub_rtc
        tasks_from: report
"""


def report(directory: Path, host: dict[str, Any] | None = None, **hub: Any) -> str:
    """Return what Ansible prints for a change of this hub. host: what differs from HOST."""
    variables = RoleVariables("jupyterhub_rtc", __jupyterhub_rtc_projects_packed=[])
    reported = {
        "__jupyterhub_rtc_policy": rtc.policy(variables["__jupyterhub_rtc_settings"], HOST),
        "__jupyterhub_rtc_host": HOST | (host or {}),
        "__jupyterhub_rtc_packages": {},
        "__jupyterhub_rtc_accounts": {},
        "__jupyterhub_rtc_retired": {},
        "__jupyterhub_rtc_snippet_file": {"changed": False},
        "__jupyterhub_rtc_projects_policy": projects.policy(
            variables["__jupyterhub_rtc_projects_settings"], HOST, {}
        ),
        "__jupyterhub_rtc_projects_made": {},
        "__jupyterhub_rtc_projects_deleted": {},
        "__jupyterhub_rtc_change": {"restarted": False, "in_force_since": 0, "hub": {"base_url": "/", **hub}},
    }
    (directory / "play.yml").write_text(PLAY)
    (directory / "variables.json").write_text(json.dumps(reported))
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "play.yml", "-e", "@variables.json"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_report_has_what_the_hub_knows_and_says_what_it_does_not_know(tmp_path: Path) -> None:
    said = report(tmp_path, bind_url="http://:8000", culler_is_unknown=True)
    assert "Address for users: http://HOST:8000/hub/spawn/shared, where HOST is a name" in said
    assert "Sharing page: http://HOST:8000/services/sharing/, where HOST is a name" in said
    assert "WARNING: The hub's idle culler reads its timeout from a file of its own" in said
    said = report(tmp_path, public_url="https://hub.example.org/")
    assert "Address for users: https://hub.example.org/hub/spawn/shared" in said
    assert "HOST" not in said
    assert "idle culler" not in said


def test_two_hubs_in_one_environment_cannot_both_have_the_menu(tmp_path: Path) -> None:
    """The menu has one address for all servers of an environment, and hubs on different prefixes have different ones."""
    menu = {"menus": [{"items": [{"args": {"url": "/dev/services/sharing/"}}]}]}
    lab = HOST["lab"] | {"settings": {"collab-sharing": {"settings": menu}}}
    both = {"lab": lab, "remembered": {"other_units": ["hub-dev"]}}
    assert "now leads to this hub's sharing page, no longer to that of hub-dev" in report(tmp_path, both)
    assert "now leads to this hub" not in report(tmp_path, both, base_url="/dev/")
    assert "now leads to this hub" not in report(tmp_path, {"lab": lab})
