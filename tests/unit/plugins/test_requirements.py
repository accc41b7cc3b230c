# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role refuses a host that lacks what collaboration needs, in the same words."""

from typing import Any

import pytest
import yaml
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import systemd_unit
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import rtc

from role_variables import RoleVariables
from scenario import ROOT

HUB = {"version": "6.1.1", "error": "", "python": "/opt/hub/bin/python"}
CONFIG = {"exists": True, "is_the_hubs": True, "path": "/etc/hub.py", "named_by_service": ""}


def role_that_makes_the_hub(**facts: Any) -> str:
    there = {"os_family": "Debian", "service_mgr": "systemd", "python_version": "3.13.5", **facts}
    given = {
        "ansible_facts": there,
        "jupyterhub_allow_all": True,
        "role_path": str(ROOT / "roles/jupyterhub"),
    }
    return " ".join(RoleVariables("jupyterhub", **given)["__jupyterhub_problems"])


def role_verify(hub: dict[str, str]) -> str:
    tasks = yaml.safe_load((ROOT / "roles/jupyterhub_verify/tasks/main.yml").read_text())
    task = next(each for each in tasks if each["name"] == "Ensure there is a hub to verify")
    variables = RoleVariables("jupyterhub_verify", __jupyterhub_verify_host={"hub": hub, "config": CONFIG})
    stops = variables.templated(f"{{{{ {task['when']} }}}}")
    return str(variables.templated(task["ansible.builtin.fail"]["msg"])) if stops else ""


@pytest.mark.parametrize(("version", "fits"), [("3.10.12", False), ("3.11.2", True)])
def test_python(version: str, fits: bool) -> None:
    hub = HUB | {"python_version": version}
    service = {"exists": True, "name": "hub", "running": True, "user": "root"}
    said = [
        role_that_makes_the_hub(python_version=version),
        *rtc._hub_problems({"hub": hub, "service": service, "config": CONFIG, "servers": {"isolation": ""}}),
        role_verify(hub),
    ]
    if fits:
        assert "".join(said) == ""
    else:
        assert len(said) == 3
        assert all(f"Python {version}, but collaboration needs 3.11 or newer. " in each for each in said)


def test_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.isdir", lambda _path: False)
    with pytest.raises(systemd_unit.NoSystemd) as told:
        systemd_unit.systemctl("show")
    assert role_that_makes_the_hub(service_mgr="sysvinit").lower() == f"{told.value}.".lower()
