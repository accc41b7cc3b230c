# SPDX-License-Identifier: GPL-3.0-or-later
"""All steps of a plan run in one process. What a run has applied is recorded, and the record hides no difference."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.testing import patch_module_args
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply import data, kinds, record, steps
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.step import Step, StepFailed
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import compare as hub_compare
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import package as hub_package
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import lab_files
from ansible_collections.collab.jupyterhub.plugins.modules import apply as apply_module

HUB = {"LoadState": "loaded", "ActiveState": "active", "MainPID": "1", "InvocationID": "one"}
FILES = {"jupyterhub_collab/__init__.py": ""}
Change = Callable[["Host"], object]


class Host:
    """A host whose hub runs with the fragment since an earlier run, which has recorded its steps."""

    def __init__(self, place: Path) -> None:
        self.main = place / "etc/jupyterhub_config.py"
        self.fragment = place / "etc/jupyterhub_collab.d/50-rtc.py"
        self.state = place / "state"
        self.menus = place / "lab/overrides.d/collab-rtc.json"
        self.package = hub_package.HubPackage(FILES)
        options = {"service": "hub", "path": str(self.main), "fragment": "50-rtc", "create": True}
        options |= {"content": 'sys.path.insert(0, "@PACKAGE@")\n', "package_path": self.package.path}
        lab = {"name": "collab-rtc", "state": "absent", "python": "/x"}
        self.steps: data.Steps = [
            {"name": "change", "does": "hub_config", "options": options},
            {"name": "lab", "does": "lab_settings", "options": lab},
        ]
        self.module = SimpleNamespace(check_mode=False, warn=print)
        self.package.install()
        for directory in (self.fragment.parent, self.state):
            directory.mkdir(parents=True)
        step = Step(
            self.module,
            ArgumentSpecValidator(hub_compare.ARGUMENTS)
            .validate(
                {name: value for name, value in options.items() if name != "package_path"}
                | {"package": FILES}
            )
            .validated_parameters,
        )
        comparison = hub_compare.Comparison(step)
        comparison.compare()
        for each in comparison.changes:
            Path(each.path).write_bytes(each.content or b"")
        self.write(
            {"hub": {"api_url": "", "base_url": "/"}, "path": str(self.main), "runs_with": {"50-rtc": {}}}
        )
        record.keep("hub", self.steps, {})

    def write(self, state: dict[str, Any]) -> None:
        host_state.remember("hub.json", state)

    @property
    def record(self) -> Path:
        return self.state / "hub.applied"

    def is_unchanged(self) -> bool:
        """Return whether the discovery says that these steps would change nothing."""
        return record.look(self.module, "hub").get("digest") == data.digest(data.steady(self.steps))

    def edit_record(self, **changes: Any) -> None:
        self.record.write_text(json.dumps(json.loads(self.record.read_text()) | changes))


@pytest.fixture
def unit(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the properties of the hub's unit, which a test may change."""
    told = dict(HUB)
    for module in (hub_compare, record):
        monkeypatch.setattr(module, "show", lambda name: Unit(name, told))
    monkeypatch.setattr(hub_compare, "account_of", lambda unit: (0, 0, []))
    return told


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: dict[str, str]) -> Host:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr(hub_package, "DIRECTORY", str(tmp_path / "package"))
    where = [str(tmp_path / "lab" / each) for each in ("overrides.d", "page_config.d", "server.d")]
    monkeypatch.setattr(lab_files, "directories", lambda python: where)
    return Host(tmp_path)


def test_host_that_nobody_has_changed_is_recognized(host: Host) -> None:
    assert host.is_unchanged()
    assert host.is_unchanged()
    assert {path.name for path in host.state.iterdir()} == {"hub.json", "hub.applied"}
    assert record.look(host.module, "hub")["steps"]["change"]["hub"] == {"api_url": "", "base_url": "/"}


def edit_with_the_same_times(path: Path) -> None:
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"sys", b"SYS"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def replace_record_with_link(host: Host) -> None:
    host.record.rename(host.state / "elsewhere")
    host.record.symlink_to("elsewhere")


def write_menus(host: Host) -> None:
    host.menus.parent.mkdir(parents=True)
    host.menus.write_text("{}")


DIFFERENCES: dict[str, Change] = {
    "a fragment was edited": lambda host: host.fragment.write_text("# mine\n"),
    "a fragment was edited, and has the same size and times": lambda host: edit_with_the_same_times(
        host.fragment
    ),
    "a fragment was removed": lambda host: host.fragment.unlink(),
    "the mode of a fragment was changed": lambda host: host.fragment.chmod(0o600),
    "the block was removed from the main file": lambda host: host.main.write_text("c.A.b = 1\n"),
    "the package was removed": lambda host: os.rename(host.package.path, f"{host.package.path}.old"),
    "users cannot read the package": lambda host: os.chmod(host.package.path, 0o700),
    "a restart is due": lambda host: host.write({**host_state.recall("hub.json"), "stale": "one"}),
    "the hub's configuration was never loaded": lambda host: host.write(
        {"path": str(host.main), "runs_with": {}}
    ),
    "a run was interrupted": lambda host: (host.state / "hub.undo").mkdir(),
    "a killed run has left a file": lambda host: (host.main.parent / ".50-rtc.py.collab-new").touch(),
    "the record is another hub's": lambda host: host.edit_record(hub_start="two"),
    "the record has no start of the hub": lambda host: host.edit_record(hub_start=""),
    "the record is empty": lambda host: host.record.write_text(""),
    "the record is no JSON": lambda host: host.record.write_text("{"),
    "the record is a link": replace_record_with_link,
    "the record was writable by others": lambda host: host.record.chmod(0o666),
    "others can write to the state": lambda host: host.state.chmod(0o777),
    "JupyterLab has settings that the plan removes": write_menus,
    "the record has steps that cannot be compared here": lambda host: host.edit_record(
        steps=[*host.steps, {"name": "made", "does": "project_workspaces", "options": {}}]
    ),
    "the record has a question that cannot be asked here": lambda host: host.edit_record(
        question={"root": "/"}
    ),
    "the list of files that were written is out of date": lambda host: lab_files.record(
        "collab-rtc", {"/x": b""}
    ),
}


@pytest.mark.parametrize("change", DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_difference_means_a_full_run(host: Host, change: Change) -> None:
    change(host)
    assert not host.is_unchanged()


@pytest.mark.parametrize("change", [{"InvocationID": "two"}, {"ActiveState": "inactive", "MainPID": "0"}])
def test_hub_that_was_started_again_or_stopped(
    host: Host, unit: dict[str, str], change: dict[str, str]
) -> None:
    unit |= change
    assert not host.is_unchanged()


def test_record_of_another_account_is_not_used(host: Host) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(host.record, 65534, 65534)
    assert not host.is_unchanged()


def test_forged_record_stands_for_nothing_but_itself(host: Host) -> None:
    """It can only make the discovery compare other steps, and the plan has other ones then."""
    wanted = data.digest(data.steady(host.steps))
    host.edit_record(steps=[])
    assert record.look(host.module, "hub").get("digest") != wanted
    host.edit_record(steps=host.steps[1:])
    assert record.look(host.module, "hub").get("digest") != wanted
    host.fragment.write_text("# mine\n")
    forged = json.loads(json.dumps(host.steps))
    forged[0]["options"]["content"] = "# mine\n"
    host.edit_record(steps=forged)
    assert record.look(host.module, "hub").get("digest") not in ("", None, wanted)


UNUSABLE: dict[str, Change] = {
    name: DIFFERENCES[name]
    for name in (
        "the record is empty",
        "the record is no JSON",
        "the record is a link",
        "the record was writable by others",
    )
}


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_full_run_replaces_a_record_that_cannot_be_used(host: Host, change: Change) -> None:
    change(host)
    record.keep("hub", host.steps, {})
    assert host.is_unchanged()


def test_another_version_of_the_package_is_another_plan(host: Host) -> None:
    assert host.is_unchanged()
    host.steps[0]["options"]["package_path"] = "/usr/local/lib/collab.jupyterhub/0123456789ab"
    assert not host.is_unchanged()


def test_run_that_is_active_is_not_overlooked(host: Host) -> None:
    with host_state.lock():
        assert record.look(host.module, "hub") == {}
    assert host.is_unchanged()


def test_what_happens_once_is_not_recorded(host: Host) -> None:
    once = {"name": "restored", "does": "python_packages", "options": {"environment": "/x"}, "once": True}
    record.keep("hub", [*host.steps, once], {})
    assert host.is_unchanged()


def test_record_goes_with_the_collaboration(host: Host) -> None:
    gone = [{"name": "change", "does": "hub_config", "options": {"state": "absent"}}]
    record.keep("hub", gone, {})
    assert not host.record.exists()
    assert record.look(host.module, "hub") == {}


# All steps in one process


class Done:
    """Steps of a test: what was called, in order, with the environment of that moment."""

    def __init__(self) -> None:
        self.called: list[tuple[str, str | None]] = []
        arguments: dict[str, Any] = {
            "name": {"type": "str"},
            "fails": {"type": "bool"},
            "settings": {"type": "dict"},
        }
        self.kinds: steps.Kinds = dict.fromkeys(
            ("hub_config", "python_packages", "lab_settings"), (arguments, self.apply)
        )

    def apply(self, step: Step) -> dict[str, Any]:
        self.called.append((step.params["name"], os.environ.get("PIP_INDEX_URL")))
        if step.params["fails"]:
            raise StepFailed("It failed. Nothing was changed.", log=["last"])
        return {
            "changed": True,
            "diff": {"before": "", "after": step.params["name"]},
            "hub": {"base_url": "/a/"},
        }

    def run(self, *wanted: dict[str, Any]) -> dict[str, Any]:
        module = SimpleNamespace(check_mode=False)
        start = lambda params: Step(module, params)  # noqa: E731
        return steps.apply_all(
            self.kinds, [*wanted], start, {"PIP_INDEX_URL": "https://me:secret@pypi.example.org"}
        )


def one(name: str, does: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "does": does, "options": {"name": name, **options}}


def test_environment_reaches_installers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    done = Done()
    before = dict(os.environ)
    done.run(one("a", "lab_settings"), one("packages", "python_packages"), one("change", "hub_config"))
    assert [name for name, seen in done.called if seen] == ["packages"]
    with pytest.raises(StepFailed):
        done.run(one("packages", "python_packages", fails=True))
    assert dict(os.environ) == before


def test_failure_ends_the_run_and_names_what_was_done_before() -> None:
    done = Done()
    with pytest.raises(StepFailed, match=r"^It failed\. Nothing was changed\.$") as told:
        done.run(one("change", "hub_config", fails=True), one("a", "lab_settings"))
    assert told.value.result == {"log": ["last"]}
    with pytest.raises(StepFailed, match=r"^It failed\. Only earlier steps made changes: lab\.$") as told:
        done.run(
            one("lab", "lab_settings"), one("change", "hub_config", fails=True), one("b", "lab_settings")
        )
    assert told.value.result == {"log": ["last"], "changed": True}
    assert [name for name, _seen in done.called] == ["change", "lab", "change"]


def test_menu_gets_the_prefix_of_the_hub() -> None:
    done = Done()
    menu = one("menu", "lab_settings", settings={"url": f"{data.BASE_URL}page"})
    result = done.run(one("change", "hub_config"), menu | {"unless": '{"url": "/page"}'})
    assert [each["after"] for each in result["diff"]] == ["change", "menu"]
    assert (
        "menu" not in done.run(one("change", "hub_config"), menu | {"unless": '{"url": "/a/page"}'})["steps"]
    )


def test_passwords_are_in_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However the module ends. A short value does not spoil the result."""
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr(record, "show", lambda name: Unit(name, HUB))
    done = Done()
    monkeypatch.setattr(apply_module, "KINDS", done.kinds)
    environment = {"PIP_INDEX_URL": "https://me:secret@pypi.example.org", "UV_OFFLINE": "1"}
    for fails in (False, True):
        wanted = [one("6.1.1", "python_packages", fails=fails)]
        arguments = {"steps": wanted, "environment": environment, "_ansible_remote_tmp": str(tmp_path)}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            apply_module.main()
        said = capsys.readouterr()
        assert "secret" not in said.out + said.err
        told = json.loads(said.out)
        assert told.get("failed", False) is fails
        assert fails or told["diff"][0]["after"] == "6.1.1"
    assert [seen for _name, seen in done.called] == [environment["PIP_INDEX_URL"]] * 2
    assert "secret" not in (tmp_path / "state/jupyterhub.applied").read_text()


def test_what_is_removed_is_what_is_there(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "file").mkdir(parents=True)
    (tmp_path / "link").symlink_to(kept)
    for check_mode in (True, False):
        for name, changed in (("link", True), ("kept", True), ("missing", False)):
            step = Step(SimpleNamespace(check_mode=check_mode), {"path": str(tmp_path / name)})
            assert kinds.remove(step)["changed"] is changed
            assert kept.exists() is (check_mode or name == "link")
