# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hubs on one host: a run for one of them leaves alone what the other one has made."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import kept_files
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import info as hub_info
from ansible_collections.collab.jupyterhub.plugins.module_utils.projects import deletion
from ansible_collections.collab.jupyterhub.plugins.module_utils.projects.state import STATE, Projects
from ansible_collections.collab.jupyterhub.plugins.module_utils.workspaces import gates
from ansible_collections.collab.jupyterhub.plugins.modules import project_info, project_workspaces
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import plan
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve

RAIN = {"account": "project-rain", "workspaces": ["files"], "root": "/srv/projects"}
SNOW = RAIN | {"account": "project-snow"}
Run = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "state"
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(path))
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a module, and returns its result."""

    def call(module: Any, **arguments: Any) -> dict[str, Any]:
        capsys.readouterr()
        with (
            patch_module_args({"_ansible_remote_tmp": str(tmp_path / "remote"), **arguments}),
            pytest.raises(SystemExit),
        ):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def hub(tmp_path: Path, unit: str, *projects: str, access: str = "") -> None:
    """Leave a hub on the host, whose configuration lists these projects."""
    fragments = tmp_path / unit / "jupyterhub_collab.d"
    fragments.mkdir(parents=True)
    host_state.remember(
        f"{unit}.json", {"path": str(tmp_path / unit / "hub.py"), "runs_with": {"50-rtc": {}}}
    )
    if projects or access:
        listed = "".join(f'    {{"name": "{name}", "cpu_limit": 0.0}},\n' for name in projects)
        (fragments / "70-projects.py").write_text(
            f"import sys\nPROJECTS = [\n{listed}]\nopen_servers(c, {access})\n"
        )


def workspaces(tmp_path: Path, unit: str, *names: str, **others: Any) -> dict[str, Any]:
    wanted = [{"name": name, "account": f"project-{name}", "workspaces": ["files"]} for name in names]
    common = {"service": unit, "root": str(tmp_path / "projects"), "group": "root", "comment": "project"}
    return common | {"projects": wanted} | others


def test_project_belongs_to_the_hub_that_made_it() -> None:
    projects = Projects("hub-a")
    projects.add({"name": "rain", **RAIN}, "/srv/projects")
    projects.save()
    ours, theirs = Projects("hub-a"), Projects("hub-b", ["rain"])
    assert ([*ours.all], ours.of_others, ours.problem()) == (["rain"], {}, "")
    assert (theirs.all, theirs.of_others) == ({}, {"rain": ["hub-a"]})
    assert "Another hub of this host (hub-a) has projects already (rain)" in theirs.problem()


def test_record_of_an_earlier_version_is_read_and_renewed() -> None:
    """It called workspaces `shares`. Those on the host must not be taken for new ones, or stay when their project goes."""
    made = {"account": "project-rain", "root": "/srv/projects", "unit": "hub-a"}
    host_state.remember(STATE, {"rain": made | {"shares": ["data", "files"]}})
    projects = Projects("hub-a")
    assert projects.workspaces_of("rain") == ["data", "files"]
    projects.forget("rain", "data")
    assert host_state.recall(STATE) == {"rain": made | {"workspaces": ["files"]}}


def test_records_of_another_hub_stay() -> None:
    host_state.remember(STATE, {"rain": RAIN | {"unit": "hub-a"}, "snow": SNOW | {"unit": "hub-b"}})
    projects = Projects("hub-b")
    projects.forget("snow", "")
    assert host_state.recall(STATE) == {"rain": RAIN | {"unit": "hub-a"}}


def test_project_of_an_earlier_release_belongs_to_the_hub_that_lists_it(tmp_path: Path) -> None:
    """A hub that only opens other servers (the same fragment) does not own it, and neither does one that wants it, too."""
    host_state.remember(STATE, {"rain": RAIN})
    hub(tmp_path, "hub-a", "rain")
    hub(tmp_path, "hub-b", access="access=[]")
    assert [*Projects("hub-a").all] == ["rain"]
    assert Projects("hub-b", ["rain"]).of_others == {"rain": ["hub-a"]}


def test_project_that_two_hubs_list_belongs_to_none(tmp_path: Path) -> None:
    host_state.remember(STATE, {"rain": RAIN})
    for unit in ("hub-a", "hub-b"):
        hub(tmp_path, unit, "rain")
    for unit in ("hub-a", "hub-b"):
        projects = Projects(unit, ["rain"])
        assert projects.all == {}
        assert "The hubs hub-a and hub-b of this host both have the project rain" in projects.problem()
        assert "Empty jupyterhub_projects of the other hub" in projects.problem()
        assert hub_info.remembered_projects(unit, "{USERNAME}")["project_users_of_others"] == ["project-rain"]
    (tmp_path / "hub-b/jupyterhub_collab.d/70-projects.py").unlink()
    assert [*Projects("hub-a").all] == ["rain"]


def test_project_of_an_interrupted_run_of_an_earlier_release(tmp_path: Path) -> None:
    """No hub lists it yet, or no longer: it belongs to the only hub, or else to the one that wants it."""
    host_state.remember(STATE, {"rain": RAIN})
    assert [*Projects("hub-a").all] == ["rain"]
    hub(tmp_path, "hub-a")
    assert [*Projects("hub-a").all] == ["rain"]
    hub(tmp_path, "hub-b")
    assert [*Projects("hub-a", ["rain"]).all] == ["rain"]
    projects = Projects("hub-b", ["snow"])
    assert (projects.all, projects.of_others, projects.problem()) == ({}, {}, "")
    projects.save()
    assert host_state.recall(STATE) == {"rain": RAIN}


def test_second_hub_of_a_host_gets_no_projects(tmp_path: Path, run: Run) -> None:
    """It is refused before anything changes: the hubs would overwrite each other's records of who can enter which workspace."""
    host_state.remember(STATE, {"rain": RAIN | {"unit": "hub-a"}})
    for name in ("rain", "snow"):
        arguments = workspaces(tmp_path, "hub-b", name)
        said = run(project_workspaces, **arguments)["msg"]
        assert said.startswith("Another hub of this host (hub-a) has projects already (rain)")
        assert said.endswith("Nothing was changed.")
        told = {key: arguments[key] for key in ("service", "root", "projects", "comment")}
        found = run(project_info, **told)
        assert found["other_hubs"].startswith("Another hub of this host (hub-a)")
        assert found["remembered"] == {}
    assert host_state.recall(STATE) == {"rain": RAIN | {"unit": "hub-a"}}


@pytest.mark.parametrize("how", [{"keep": True}, {}, {"workspace": "files"}])
def test_one_hub_deletes_no_project_of_another(tmp_path: Path, run: Run, how: dict[str, Any]) -> None:
    host_state.remember(STATE, {"rain": RAIN | {"unit": "hub-a"}})
    gone = workspaces(tmp_path, "hub-b", absent=[{"project": "rain", **how}])
    assert "project rain belongs to the hub hub-a" in run(project_workspaces, **gone)["msg"]
    assert host_state.recall(STATE) == {"rain": RAIN | {"unit": "hub-a"}}


def test_removal_from_one_hub_leaves_projects_of_another(tmp_path: Path) -> None:
    """The removal ends the hub users of this hub's projects, and deletes the accounts of no others."""
    host_state.remember(STATE, {"rain": RAIN | {"unit": "hub-a"}, "snow": SNOW | {"unit": "hub-b"}})
    for unit, ours in (("hub-a", ["rain"]), ("hub-b", ["snow"]), ("hub-c", [])):
        found = hub_info.remembered_projects(unit, "{USERNAME}")
        assert [*found["projects"]] == ours
        found |= {"other_units": ["hub-d"], "environments": ["/opt/lab"]}
        there = {
            "remembered": found,
            "shared_users": ["shared"],
            "shared_accounts": ["shared"],
            "lab": {"versions": {"jupyterlab": "4.6.6"}, "python": "/opt/lab/bin/python"},
            "config": {"state_directory": ""},
        }
        settings = resolve({"jupyterhub_rtc_service": unit, "jupyterhub_rtc_state": "absent"})
        wanted = plan.plan(settings, there, {})
        assert wanted["service"] == unit
        assert [each["project"] for each in wanted["workspaces"]["delete"]] == ours
        assert all(each["keep"] for each in wanted["workspaces"]["delete"])
        assert wanted["retired"] == ["shared", *(f"project-{name}" for name in ours)]
        # The other hub may admit users by a group, and its adopted account is in the same record.
        assert not wanted["accounts"]["remove_groups"]
        assert wanted["lab"]["restore"] == wanted["packages"]["restore"] == []
        # The hub's records of who can enter which workspace are in one directory.
        assert not wanted["workspaces"]["delete_records"]
        found["other_units"], found["projects_of_others"] = [], []
        last = plan.plan(settings, there, {})
        assert last["accounts"]["remove_groups"]
        assert last["lab"]["restore"] == ["collab-rtc", "collab-sharing"]
        assert last["packages"]["restore"] == ["/opt/lab"]
        assert last["workspaces"]["delete_records"] is bool(ours)


def named(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let systemd know one unit by these names, the main one first."""
    properties = {"LoadState": "loaded", "Id": names[0], "Names": " ".join(sorted(names))}
    monkeypatch.setattr(host_state, "show", lambda name: Unit(name, properties))


def test_hub_is_the_same_by_all_names_of_its_unit(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A play that names the unit in another way than the last one is a play for the same hub."""
    ways = ("hub-a", "hub-a.service", "alias.service", "alias")
    named(monkeypatch, "hub-a.service", "alias.service")
    assert {host_state.name_of(way) for way in ways} == {"hub-a"}
    home = tmp_path / "home"
    home.mkdir()
    for way in ways:  # as earlier releases may have recorded it
        host_state.remember(STATE, {"rain": RAIN | {"unit": way}})
        kept_files.note(str(home), way)
        assert [*Projects("hub-a").all] == ["rain"]
        assert kept_files.other_hub(str(home), "hub-a") == ""
        told = {"root": RAIN["root"], "projects": [], "comment": "project"}
        assert [*run(project_info, service=way, **told)["remembered"]] == ["rain"]
    for recorded in ("alias", "alias.service", "hub-a.service"):
        host_state.remember(f"{recorded}.json", {"path": "/etc/hub.py", "runs_with": {"50-rtc": {}}})
        assert {host_state.name_of(way) for way in ways} == {recorded}
        host_state.remember(f"{recorded}.json", {})


@pytest.mark.parametrize("name", ["hub-a", "hub-a.service"])
def test_name_of_a_unit_on_a_host_without_systemd(name: str) -> None:
    assert host_state.name_of(name) == "hub-a"


def units(monkeypatch: pytest.MonkeyPatch, *there: str) -> None:
    """Let the host have these units."""
    loaded = {"LoadState": "loaded"}
    monkeypatch.setattr(kept_files, "show", lambda name: Unit(name, loaded if name in there else {}))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to close directories")
def test_files_that_are_kept_go_to_no_other_hub(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Collaboration was removed from one hub, and another one gets a project of the same name. Its members are others."""
    monkeypatch.setattr(gates, "STATE", str(tmp_path / "gates"))
    units(monkeypatch, "hub-a", "hub-b")
    root = tmp_path / "projects"
    (root / "rain/files").mkdir(parents=True)
    projects = Projects("hub-a")
    projects.add({"name": "rain", "account": "no-such-account", "workspaces": ["files"]}, str(root))
    deletion.retire(projects, "rain")
    wanted = {"_ansible_check_mode": True, "root": str(root)}
    said = run(project_workspaces, **workspaces(tmp_path, "hub-b", "rain") | wanted)["msg"]
    assert f"{root}/rain/files has files that are kept for the hub hub-a" in said
    for service, there in (("hub-a", ["hub-a"]), ("renamed", ["renamed"])):
        units(monkeypatch, *there)
        told = run(project_workspaces, **workspaces(tmp_path, service, "rain") | wanted)
        assert "are kept for the hub" not in told.get("msg", "")


def test_record_of_kept_files_goes_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units(monkeypatch, "hub-a", "hub-b")
    home = tmp_path / "home"
    kept_files.note(str(home), "hub-a")
    assert kept_files.other_hub(str(home), "hub-b") == ""  # moved away
    home.mkdir()
    assert kept_files.other_hub(str(home), "hub-b") == "hub-a"
    assert kept_files.other_hub(str(home), "hub-a") == ""
    assert hub_info.describe_account("no-such-account", "hub-b")["kept_for"] == ""
    kept_files.forget(str(home))
    assert kept_files.other_hub(str(home), "hub-b") == ""
    assert list((tmp_path / "state").iterdir()) == []
