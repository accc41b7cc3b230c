# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin `plan` as Ansible runs it: with a play, on this machine, with answers of the modules as they would be on a hub."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.collab.jupyterhub.plugins.action.plan import ActionModule, Refused
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import plan
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects, rtc
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve

import found_host

# A hub that had another shared account.
HOST: dict[str, Any] = found_host.HOST | {
    "shared_accounts": ["team"],
    "shared_users": ["team"],
    "people": {"users": ["alice"], "groups": []},
}
# Such a hub with what the policy checks before it decides.
FIT: dict[str, Any] = HOST | {
    "service": {"name": "jupyterhub", "exists": True, "running": True, "user": "root"},
    "config": HOST["config"]
    | {"path": "/etc/hub.py", "exists": True, "named_by_service": "/etc/hub.py", "is_the_hubs": True},
    "hub": {"python": "/opt/hub/bin/python", "version": "6.1.1", "error": ""},
    "servers": HOST["servers"] | {"command": [], "environment": "/opt/lab", "is_lab": True},
    "remembered": HOST["remembered"] | {"hubs": {}},
    "state_directory_is_taken": False,
}
RAIN = {"name": "rain", "manage": {"users": ["alice"]}, "cpu_limit": "2"}
CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all users": {"jupyter_rtc_share_all_users": "yes"},
    "no sharing": {"jupyterhub_rtc_user_sharing": "false"},
    "sharing alone": {"jupyter_rtc_servers": "none"},
    "everyone": {"jupyterhub_rtc_servers": "everyone", "jupyterhub_rtc_mem_limit": "4G"},
    "projects": {"jupyterhub_projects": [RAIN, {"name": "snow"}]},
    "access": {"jupyterhub_server_access": [{"owner": "alice", "users": ["bob"], "level": "manage"}]},
    "images": {"jupyterhub_rtc_venv": "none", "jupyterhub_rtc_snippet": "/tmp/snippet.sh"},
}


@pytest.mark.parametrize("given", CASES.values(), ids=CASES.keys())
def test_plan_is_what_the_policy_decides(given: dict[str, Any]) -> None:
    settings = resolve(given, "hub.example.org")
    policy = rtc.policy(settings.rtc, HOST)
    opened = projects.policy(settings.projects, HOST, {})
    wanted = plan.plan(settings, HOST, {})
    assert (wanted["mode"], wanted["live"]) == (policy["mode"], policy["live"])
    assert wanted["packages"]["requirements"] == policy["packages"]
    assert wanted["packages"]["constraints"] == policy["constraints"]
    assert wanted["accounts"]["create"] == policy["host_accounts"]
    assert wanted["accounts"]["adopt"] == policy["adopted"]
    assert wanted["accounts"]["retire"] == policy["retired_host_accounts"] == ["team"]
    assert wanted["retired"] == policy["retired"] + opened["retired"] == ["team"]
    assert wanted["lab"]["settings"] == (policy["lab"] if policy["live"] else {})
    assert bool(json.loads(wanted["lab"]["menus"])) is policy["sharing"]
    assert wanted["workspaces"]["delete"] == opened["absent"]
    made = json.loads(wanted["workspaces"]["create"] or "[]")
    assert made == opened["workspaces"]
    texts = wanted["fragments"]
    assert [bool(text) for text in texts.values()] == [
        policy["live"],
        policy["sharing"],
        opened["opens_servers"],
    ]
    for scope in policy["everyone"] if policy["live"] else []:
        assert f'        "{scope}",\n' in texts["50-rtc"]
    for line in opened["projects"] + opened["access"]:
        assert f" {line},\n" in texts["70-projects"]
    for text in filter(None, texts.values()):
        compile(text.replace("@PACKAGE@", "/package"), "fragment", "exec")
    assert bool(wanted["snippet"]["text"]) is ("jupyterhub_rtc_snippet" in given)
    takes_back = not policy["live"]
    assert wanted["history"] == {"directory": "/var/lib/state", "delete": takes_back}
    assert wanted["packages"]["restore"] == (["/opt/lab"] if takes_back else [])
    assert wanted["lab"]["restore"] == (["collab-rtc"] if takes_back else [])
    told = json.loads(wanted["report"])
    assert told["policy"] == json.loads(json.dumps(policy))
    assert told["warnings"] == policy["warnings"] + opened["warnings"]


def test_fragments_have_the_limits_of_sharing() -> None:
    given = {
        "jupyterhub_sharing_groups": ["teachers", 'it\'s "q"'],
        "jupyterhub_sharing_by_name": "no",
        "jupyterhub_sharing_longest_link_seconds": "7200",
        "jupyterhub_sharing_lifetime": "persistent",
        "jupyterhub_sharing_level": "view",
        "jupyterhub_rtc_public_url": "https://hub.example.org",
    }
    text = plan.plan(resolve(given), HOST, {})["fragments"]["60-sharing"]
    for line in (
        'groups=["teachers", "it\'s \\"q\\""],',
        "by_name=False,",
        "longest_link=7200,",
        'level="view",',
        'highest_level="edit",',
        "ends_with_server=False,",
        'public_url="https://hub.example.org",',
    ):
        assert f"    {line}\n" in text


@pytest.mark.parametrize("group", ["\u00c4rzte", "\u65e5\u672c", "\U0001f680", 'a"b\\c'])
def test_names_of_all_letters_reach_the_hub(group: str) -> None:
    given = {
        "jupyterhub_sharing_groups": [group],
        "jupyterhub_projects": [{"name": "rain", "edit": {"groups": [group]}}],
        "jupyterhub_server_access": [{"owner": "alice", "groups": [group]}],
    }
    texts = plan.plan(resolve(given), HOST, {})["fragments"]
    for name, times in (("60-sharing", 1), ("70-projects", 2)):
        parts = ast.walk(ast.parse(texts[name]))
        assert [each.value for each in parts if isinstance(each, ast.Constant)].count(group) == times


def test_what_is_in_place_is_not_asked_for_again() -> None:
    first = plan.plan(resolve({}), HOST, {})
    menus = json.loads(first["lab"]["menus"])
    settings = {"collab-rtc": first["lab"]["settings"], "collab-sharing": {"settings": menus}}
    versions = {
        "jupyterlab": "4.6.6",
        "jupyter-collaboration": "5.0.4",
        **{name: low for name, (low, _high) in rtc.PARTS_FOR_LAB["4.6", "5"].items()},
    }
    account = {
        "name": "shared",
        "exists": True,
        "comment": rtc.ACCOUNT_COMMENT,
        "groups": ["jupyterhub"],
    }
    lab = HOST["lab"] | {"settings": settings, "versions": versions}
    there = HOST | {"lab": lab, "account": account, "shared_accounts": [], "shared_users": []}
    wanted = plan.plan(resolve({}), there, {})
    assert wanted["packages"]["requirements"] == wanted["accounts"]["create"] == wanted["retired"] == []
    assert wanted["lab"]["settings"] == {}
    assert wanted["lab"]["menus"] == wanted["lab"]["menus_there"]
    assert wanted["workspaces"]["create"] == ""
    without_lab = there | {"lab": lab | {"versions": {}, "settings": {}, "python": ""}}
    nowhere = plan.plan(resolve({"jupyterhub_rtc_venv": "none"}), without_lab, {})
    assert nowhere["lab"]["menus"] == nowhere["lab"]["python"] == ""


PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - collab.jupyterhub.plan:
      register: planned
    - ansible.builtin.copy:
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
        content: "{{ planned | to_json }}"
"""
Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Return a function that runs the task on this machine, which has no hub. variables: as in a file of variables, with templates."""

    def run(*options: str, hosts: str = "hub", **variables: Any) -> subprocess.CompletedProcess[str]:
        variables["ansible_python_interpreter"] = sys.executable
        (tmp_path / "play.yml").write_text(PLAY)
        (tmp_path / "variables.yml").write_text(yaml.safe_dump(variables))
        command = ["ansible-playbook", "-i", f"{hosts},", "-c", "local", "play.yml", "-e", "@variables.yml"]
        environment = os.environ | {"NO_COLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
        return subprocess.run(
            [*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
        )

    return run


def test_mistakes_stop_the_play(ask: Ask) -> None:
    """Those of the variables before the host is asked. Templates count as what they say."""
    done = ask(no="perhaps", jupyter_rtc_share_all_users="{{ no }}")
    assert done.returncode != 0
    assert "The value 'perhaps' is not a valid boolean" in done.stdout + done.stderr
    assert "Nothing was changed." in done.stdout + done.stderr
    done = ask(name="Rain Fall", jupyterhub_projects=[{"name": "{{ name }}"}], jupyterhub_rtc_user="The Team")
    said = done.stdout + done.stderr
    assert "jupyterhub_rtc_user is 'The Team'" in said
    assert "the name 'Rain Fall' is not valid" in said
    assert "Nothing was changed." in said


def test_host_without_a_hub_is_refused(ask: Ask) -> None:
    done = ask("--check", jupyterhub_rtc_service="no-such-hub")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "The systemd unit no-such-hub does not exist" in said or "does not run systemd" in said
    assert "Nothing was changed." in said


class Asked(ActionModule):
    """The plugin with answers of a host. The scenarios run it with real hosts."""

    def __init__(self, host: dict[str, Any], found: dict[str, Any] | None = None) -> None:
        self._templar = Templar(DataLoader())
        self.answers = {"hub_info": host, "hub_info_with_projects": host, "project_info": found or {}}
        self.asked: list[str] = []

    def _ask(self, module: str, arguments: dict[str, Any], *_others: Any) -> dict[str, Any]:
        self.asked.append(module)
        return self.answers[module]

    def refused(self, **variables: Any) -> str:
        """Return why the role cannot run with these variables."""
        with pytest.raises(Refused) as told:
            self._plan(variables, {})
        return str(told.value.result["msg"])


def test_mistakes_are_found_before_the_host_is_asked() -> None:
    asked = Asked(FIT)
    said = asked.refused(jupyterhub_rtc_user="The Team", jupyterhub_projects=[{"name": "Rain"}])
    assert "jupyterhub_rtc_user is 'The Team'" in said
    assert said.endswith("such as rain. Nothing was changed.")
    assert asked.asked == []


def test_host_with_problems_gets_no_plan() -> None:
    asked = Asked(FIT | {"service": {"name": "hub", "exists": False}})
    said = asked.refused(jupyterhub_projects=[RAIN])
    assert said.startswith("The systemd unit hub does not exist.")
    assert said.endswith("Nothing was changed.")
    assert asked.asked == ["hub_info_with_projects"]


def test_projects_of_the_host_are_asked_about_and_checked() -> None:
    made = {"snow": {"account": "project-snow", "workspaces": ["files"], "root": "/srv/jupyterhub-projects"}}
    remembered = FIT["remembered"] | {"projects": {"snow": "project-snow"}}
    found = projects.NOTHING | {"remembered": made}
    for given, module in (({}, "hub_info"), ({"jupyterhub_projects": [RAIN]}, "hub_info_with_projects")):
        asked = Asked(FIT | {"remembered": remembered}, found)
        said = asked.refused(**given)
        assert said.startswith("The project snow exists on the host but is missing from jupyterhub_projects.")
        assert said.endswith("Nothing was changed.")
        assert asked.asked == [module, "project_info"]
    asked = Asked(FIT | {"remembered": remembered}, found)
    assert asked._plan({"jupyterhub_rtc_state": "absent"}, {})["state"] == "absent"
    assert asked.asked == ["hub_info"]
    asked = Asked(FIT)
    assert asked._plan({}, {})["workspaces"]["create"] == ""
    assert asked.asked == ["hub_info"]


def test_passwords_are_not_passed_on() -> None:
    given = {"PIP_INDEX_URL": "https://me:secret@pypi.example.org"}
    assert "secret" not in json.dumps(Asked(FIT)._plan({"jupyterhub_rtc_environment": given}, {}))


def test_thousand_projects_are_a_few_texts() -> None:
    """Ansible inspects every part of structured data at each use."""

    def parts(value: Any) -> int:
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return 1 + sum(map(parts, children))

    many = [{"name": f"p{number}", "edit": {"users": ["alice"]}} for number in range(1000)]
    wanted = Asked(FIT)._plan({"jupyterhub_projects": many}, {})
    assert len(json.loads(wanted["workspaces"]["create"])) == 1000
    assert parts(wanted) < 120


def test_plan_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """However verbose the run is, because it holds every project."""
    monkeypatch.setattr(ActionBase, "run", lambda *_words: {})
    assert Asked(FIT).run(None, {})["_ansible_verbose_override"] is True
