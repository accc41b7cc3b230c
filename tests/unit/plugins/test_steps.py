# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a plan, their order, and when module `apply` does not run because none would change anything."""

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.collab.jupyterhub.plugins.action import apply as apply_action
from ansible_collections.collab.jupyterhub.plugins.action.plan import Refused
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply import data
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply import kinds as on_host
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import HubPackage
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import image_recipe, wheel
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import plan as plans
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import steps as plan_steps
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import unchanged as unchanged_plan
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import rtc
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.steps import steps

import found_host

HOST = found_host.HOST
RAIN = {"jupyterhub_projects": [{"name": "rain"}]}
OLD: dict[str, Any] = {"shared_accounts": ["team"], "shared_users": ["team"]}
PROJECTS = {"projects": {"rain": "project-rain"}}


def made(host: dict[str, Any] | None = None, **variables: Any) -> dict[str, Any]:
    """Return a plan. host: what differs from HOST."""
    return plans.plan(resolve(variables), HOST | (host or {}), {})


def settled(**variables: Any) -> dict[str, Any]:
    """Return the plan for a host to which these variables were applied."""
    first = made(**variables)
    account = {"name": "shared", "exists": True, "groups": ["jupyterhub"], "comment": rtc.ACCOUNT_COMMENT}
    versions = {"jupyter-collaboration": "5.0.4", "jupyterlab": "4.6.6", "jupyterhub": "6.1.1"}
    menus = json.loads(json.dumps(plans.lab_options(json.loads(first["report"])["policy"], "/")))
    there = {"collab-rtc": first["lab"]["settings"], "collab-sharing": menus["collab-sharing"]}
    lab = HOST["lab"] | {"versions": versions, "settings": there}
    config = HOST["config"] | {"state_directory": "/var/lib/state" if first["live"] else ""}
    remembered = HOST["remembered"] | {"environments": ["/opt/lab"] if first["live"] else []}
    host = {"account": account, "lab": lab, "config": config, "remembered": remembered}
    wanted = made(host, **variables)
    wanted["packages"]["requirements"] = []  # releases of all parts are not of interest here
    return wanted


def names(plan: dict[str, Any]) -> list[str]:
    return [step["name"] for step in steps(plan)]


def test_what_the_hub_needs_comes_before_it_and_what_it_no_longer_needs_after_it() -> None:
    gone = OLD | {"remembered": HOST["remembered"] | PROJECTS}
    assert names(made()) == ["packages", "lab", "accounts", "change", "menu"]
    rain = made(OLD, **RAIN)
    assert names(rain) == ["packages", "lab", "accounts", "made", "change", "retired", "menu"]
    deleted = [{"project": "rain", "workspace": ""}]
    rain["workspaces"]["delete"] = deleted
    assert names(rain)[4:] == ["change", "retired", "deleted", "menu"]
    nothing_live = made(OLD, jupyterhub_rtc_servers="none")
    assert names(nothing_live) == ["change", "retired", "history", "lab", "restored", "menu"]
    absent = made(gone, jupyterhub_rtc_state="absent")
    expected = ["change", "deleted", "records", "retired", "history", "lab", "lab", "restored"]
    assert names(absent) == expected
    assert [each.get("item") for each in steps(absent)][-1] == "/opt/lab"


def test_package_is_compiled_for_the_interpreter_that_runs_servers() -> None:
    (change,) = [step for step in steps(made()) if step["name"] == "change"]
    assert change["options"]["python"] == HOST["lab"]["python"]


def test_options_are_those_of_the_modules() -> None:
    absent = {"jupyterhub_rtc_state": "absent"}
    for plan in (made(OLD), made(OLD, **RAIN), made(OLD, jupyterhub_rtc_servers="none"), made(OLD, **absent)):
        for step in steps(plan):
            arguments, _apply = on_host.KINDS[step["does"]]
            assert step["options"].keys() <= arguments.keys()
            validated = ArgumentSpecValidator(arguments).validate(step["options"])
            assert validated.error_messages == []


@pytest.mark.parametrize(
    "given", [{}, {"jupyterhub_rtc_servers": "none"}, {"jupyter_rtc_share_all_users": True}]
)
def test_first_run_records_what_the_next_plan_has(given: dict[str, Any]) -> None:
    """So the run after a first run needs one task on the host."""
    first, second = steps(made(**given)), steps(settled(**given))
    assert not any("once" in step for step in second)
    assert data.steady(first) == data.steady(second)


def found(plan: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the discovery of a host on which the steps of this plan would change nothing."""
    results = {"change": {"hub": {"base_url": "/"}}}
    applied = {
        "digest": data.digest(data.steady(steps(plan))),
        "steps": results,
        "warnings": ["Little space."],
    }
    return {"applied": applied | changes}


def test_plan_that_would_change_nothing_is_recognized() -> None:
    plan = settled()
    told = unchanged_plan.unchanged(plan, found(plan))
    assert told == {"steps": {"change": {"hub": {"base_url": "/"}}}, "warnings": ["Little space."]}
    assert unchanged_plan.unchanged(plan, {}) == {}
    assert unchanged_plan.unchanged(plan, {"applied": {}}) == {}
    assert unchanged_plan.unchanged(plan, found(plan, digest="")) == {}
    assert unchanged_plan.unchanged(plan, found(plan, digest=data.digest([]))) == {}


@pytest.mark.parametrize(
    "given",
    [
        {"jupyter_rtc_share_all_users": True},
        {"jupyterhub_sharing_longest_link_seconds": 7200},
        {"jupyterhub_rtc_mem_limit": "4G"},
        {"jupyterhub_rtc_service": "other"},
        {"jupyterhub_rtc_config_path": "/etc/other.py"},
        RAIN,
    ],
)
def test_other_variables_are_another_plan(given: dict[str, Any]) -> None:
    applied = found(settled())
    plan = settled(**given)
    assert unchanged_plan.unchanged(plan, applied) == {}
    assert unchanged_plan.unchanged(plan, found(plan))


def test_what_the_discovery_finds_missing_is_done() -> None:
    """Packages, accounts, settings and menus are not in the record, because each discovery looks at them."""
    plan = settled()
    for change in (
        {"packages": plan["packages"] | {"requirements": ["jupyter-collaboration"]}},
        {"accounts": plan["accounts"] | {"create": ["shared"]}},
        {"accounts": plan["accounts"] | {"retire": ["team"]}},
        {"lab": plan["lab"] | {"settings": {"disabled_extensions": ["x"]}}},
        {"lab": plan["lab"] | {"menus_there": "null"}},
        {"workspaces": plan["workspaces"] | {"delete": [{"project": "rain"}]}},
    ):
        assert unchanged_plan.unchanged(plan | change, found(plan)) == {}, change
    base_url = {"change": {"hub": {"base_url": "/dev/"}}}
    assert unchanged_plan.unchanged(plan, found(plan, steps=base_url)) == {}


def test_another_release_of_the_package_is_another_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = settled()
    applied = found(plan)
    assert unchanged_plan.unchanged(plan, applied)
    monkeypatch.setattr(plan_steps, "package_files", lambda: {"jupyterhub_collab/__init__.py": ""})
    assert unchanged_plan.unchanged(plan, applied) == {}


def test_answer_to_another_question_is_no_answer() -> None:
    question = {"root": "/srv", "projects": []}
    host = {"applied": {"question": data.digest(question), "found": {"missing": []}}}
    assert unchanged_plan.found(host, question) == {"missing": []}
    assert unchanged_plan.found(host, question | {"root": "/mnt"}) == {}
    assert unchanged_plan.found({}, question) == {}


class Applied(apply_action.ActionModule):
    """The plugin with the answer of the module. The scenarios run it with real hosts."""

    def __init__(self, plan: dict[str, Any], check_mode: bool = False) -> None:
        self._templar = Templar(DataLoader())
        task = {"args": {"plan": {"question": "{}", "unchanged": "{}", **plan}}, "check_mode": check_mode}
        self._task = type("Task", (), task)
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {
            "changed": True,
            "diff": [{"after": "a"}],
            "steps": {"change": CHANGE},
        }

    def _ask(self, module: str, arguments: dict[str, Any], *_others: Any) -> dict[str, Any]:
        assert module == "apply"
        if self.answer.get("failed"):
            raise Refused(result=self.answer)
        self.asked.append(arguments)
        return self.answer


CHANGE = {"changed": False, "hub": {"base_url": "/dev/"}, "in_force_since": 1}


def test_module_runs_only_if_anything_would_change() -> None:
    plan = settled()
    result: dict[str, Any] = {}
    action = Applied(plan)
    done = action._plan({"jupyterhub_rtc_environment": {"PIP_INDEX_URL": "x"}}, result)
    assert (done["changed"], done["diff"]) == (True, [{"after": "a"}])
    assert done["report"][0] == "Changed: nothing."
    assert action.asked[0]["environment"] == {"PIP_INDEX_URL": "x"}
    assert action.asked[0]["package"]
    told = {"steps": {"change": CHANGE}, "warnings": ["Little space."]}
    action = Applied(plan | {"unchanged": json.dumps(told)})
    done = action._plan({}, result)
    assert (done["changed"], done["diff"], action.asked) == (False, [], [])
    assert done["report"][0] == "Changed: nothing."
    assert result["warnings"] == ["Little space."]


def test_recipe_is_written_when_the_hub_is_done(tmp_path: Path) -> None:
    """The recipe of the servers' image has the hub's prefix, the package that a host gets, and a place for histories. Requirement 132."""
    place = tmp_path / "some/image"
    plan = settled(
        jupyterhub_rtc_venv="none",
        jupyterhub_rtc_image_directory=str(place),
        jupyterhub_rtc_image_base="lab:7",
    )
    assert Applied(plan, check_mode=True)._plan({}, {})["changed"]
    assert not place.exists()
    action = Applied(plan)
    action.answer["changed"] = False
    done = action._plan({}, {})
    assert (done["changed"], done["report"][0]) == (True, f"Changed: recipe of an image written to {place}.")
    name, content = wheel.wheel()
    assert {each.name for each in place.iterdir()} == {"Dockerfile", "prepare.py", name}
    assert (place / name).read_bytes() == content
    recipe = (place / "Dockerfile").read_text()
    assert "ARG BASE=lab:7\n" in recipe
    assert f"--target={HubPackage(package_files()).path} /tmp/collab/{name}" in recipe
    assert "install -d -m 1777 /var/lib/jupyterhub-rtc" in recipe
    program = (place / "prepare.py").read_text()
    compile(program, "prepare.py", "exec")
    assert "/dev/services/sharing/" in program and "@BASE_URL@" not in program
    (command,) = [line for line in done["report"] if "podman build" in line]
    tag = image_recipe.tag({each.name: each.read_bytes() for each in place.iterdir()})
    assert command.endswith(f"podman build --tag localhost/jupyterhub-collab-singleuser:{tag} {place}")
    assert not action._plan({}, {})["changed"]
    (place / "Dockerfile").write_text("FROM lab:6\n")
    assert action._plan({}, {})["changed"]
    assert (place / "Dockerfile").read_text() == recipe


def test_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "image").write_text("a file in its place")
    plan = settled(jupyterhub_rtc_venv="none", jupyterhub_rtc_image_base="lab:7")
    plan["image"] = settled(
        jupyterhub_rtc_venv="none",
        jupyterhub_rtc_image_base="lab:7",
        jupyterhub_rtc_image_directory=str(tmp_path / "new"),
    )["image"] | {"directory": str(tmp_path / "image")}
    with pytest.raises(AnsibleActionFail, match=r"Failed to write the image's recipe to .*/image: "):
        Applied(plan)._plan({}, {})


def test_snippet_is_written_when_the_hub_is_done(tmp_path: Path) -> None:
    path = tmp_path / "snippet.sh"
    plan = settled(jupyterhub_rtc_venv="none", jupyterhub_rtc_snippet=str(path))
    failing = Applied(plan)
    failing.answer = {"failed": True, "msg": "It failed."}
    with pytest.raises(Refused):
        failing._plan({}, {})
    assert Applied(plan, check_mode=True)._plan({}, {})["changed"]
    assert not path.exists()
    action = Applied(plan)
    action.answer["changed"] = False
    done = action._plan({}, {})
    assert (done["changed"], done["report"][0]) == (True, f"Changed: snippet {path} written.")
    assert (path.stat().st_mode & 0o777, path.read_text()) == (
        0o755,
        plan["snippet"]["text"].replace("@BASE_URL@", "/dev/"),
    )
    assert not action._plan({}, {})["changed"]
    path.chmod(0o644)
    assert action._plan({}, {})["changed"]
    assert path.stat().st_mode & 0o777 == 0o755
    assert [each.name for each in tmp_path.iterdir()] == ["snippet.sh"]
