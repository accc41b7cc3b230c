# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of role jupyterhub_rtc are resolved once: other names, types and defaults."""

from typing import Any

import pytest
import yaml
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import (
    ALIASES,
    Mistakes,
    names,
    resolve,
)

from scenario import ROOT

SPECS = yaml.safe_load((ROOT / "roles/jupyterhub_rtc/meta/argument_specs.yml").read_text())
OPTIONS: dict[str, Any] = SPECS["argument_specs"]["main"]["options"]
TYPES = {"str": str, "path": str, "bool": bool, "int": int, "float": float, "list": list, "dict": dict}
# A value that is not the default, for each variable with another name.
OTHERS = {
    "state": "absent",
    "share_all_users": True,
    "venv": "/opt/lab",
    "config_path": "/etc/hub.py",
    "user_sharing": False,
    "servers": "everyone",
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_variable_has_its_default_and_type(name: str) -> None:
    value = resolve({}).values[name]
    assert value == OPTIONS[name]["default"]
    assert type(value) is TYPES[OPTIONS[name]["type"]]


def test_every_variable_is_read() -> None:
    assert {*names()} == {*OPTIONS} | {*ALIASES}
    described = " ".join(SPECS["argument_specs"]["main"]["description"])
    assert all(f"C({alias})" in described for alias in ALIASES)
    assert {f"jupyter_rtc_{name}" for name in OTHERS} == {*ALIASES}


@pytest.mark.parametrize(("name", "value"), OTHERS.items())
def test_every_other_name_is_as_good(name: str, value: object) -> None:
    alias, ours = f"jupyter_rtc_{name}", f"jupyterhub_rtc_{name}"
    assert resolve({alias: value}).rtc[name] == value
    assert resolve({alias: str(value)}).rtc[name] == value
    default = OPTIONS[ours]["default"]
    for empty in ("", None):
        assert resolve({alias: empty}).rtc[name] == default
    assert resolve({alias: value, ours: default}).rtc[name] == default


@pytest.mark.parametrize("no", [False, "false", "no", "0", "off", 0, "False"])
def test_text_that_says_no_means_no(no: object) -> None:
    wanted = resolve({"jupyterhub_rtc_share_all_users": no, "jupyter_rtc_user_sharing": no}).rtc
    assert (wanted["share_all_users"], wanted["user_sharing"]) == (False, False)


def test_texts_become_numbers() -> None:
    texts = {
        "jupyterhub_rtc_history_megabytes": "20",
        "jupyterhub_rtc_cpu_limit": "1.5",
        "jupyterhub_sharing_port": "8906",
        "jupyterhub_projects_repair_minutes": "0",
        "jupyterhub_rtc_user": 12,
    }
    found = resolve(texts)
    assert (found.rtc["history_megabytes"], found.rtc["cpu_limit"], found.rtc["user"]) == (20, 1.5, "12")
    assert (found.rtc["sharing"]["port"], found.projects["repair_minutes"]) == (8906, 0)


def test_paths_are_those_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the controller is put into them."""
    monkeypatch.setenv("HOME", "/home/of/the/controller")
    for path in ("~/hub.py", "$HOME/hub.py"):
        assert resolve({"jupyterhub_rtc_config_path": path}).rtc["config_path"] == path


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"jupyterhub_rtc_idle_seconds": "soon"}, "'jupyterhub_rtc_idle_seconds' is of type"),
        ({"jupyterhub_rtc_servers": "nobody"}, "value of jupyterhub_rtc_servers must be one of"),
        ({"jupyter_rtc_state": "gone"}, "jupyter_rtc_state: value of jupyterhub_rtc_state must be one of"),
        (
            {"jupyter_rtc_share_all_users": "perhaps"},
            "jupyter_rtc_share_all_users: argument 'jupyterhub_rtc_share_all_users' is of type",
        ),
        (
            {"jupyter_rtc_share_all_users": "perhaps", "jupyterhub_rtc_share_all_users": False},
            "jupyter_rtc_share_all_users: argument",
        ),
        ({"jupyterhub_projects": {"rain": {}}}, "'jupyterhub_projects' is of type"),
        ({"jupyterhub_server_access": [5]}, "'jupyterhub_server_access' is of type int"),
    ],
)
def test_wrong_value_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistakes) as told:
        resolve(wrong)
    assert said in str(told.value)
    assert not str(told.value).endswith(".")


def test_values_are_not_shared_between_hosts() -> None:
    resolve({}).projects["confirm_delete"].append("rain")
    assert resolve({}).projects["confirm_delete"] == []
