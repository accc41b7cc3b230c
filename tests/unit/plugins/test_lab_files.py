# SPDX-License-Identifier: GPL-3.0-or-later
"""Extensions that are disabled in an environment are off there, and are reported as they were set."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import step
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import lab_files
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.lab_files import (
    NOTHING,
    LabFiles,
    closed_at,
    directories,
)

OFF = {"disabled_extensions": ["@x/a", "@x/b"], "disabled_server_extensions": ["x"]}
MENUS = {"@x/menus:plugin": {"menus": [{"id": "m", "rank": 1}]}}


@pytest.fixture
def files(tmp_path: Path) -> LabFiles:
    tmp_path.chmod(0o755)
    where = ("overrides.d", "labconfig/page_config.d", "jupyter_server_config.d")
    return LabFiles([str(tmp_path / name) for name in where], "collab-rtc")


def write(files: LabFiles, **wanted: Any) -> None:
    for path, text in files.contents(**NOTHING | wanted).items():
        if text is not None:
            Path(path).parent.mkdir(parents=True)
            Path(path).write_bytes(text)


def test_extensions_of_page_and_server_are_off(files: LabFiles, tmp_path: Path) -> None:
    contents = files.contents(**NOTHING | OFF)
    told = {os.path.relpath(path, tmp_path): text and json.loads(text) for path, text in contents.items()}
    assert told == {
        "overrides.d/collab-rtc.json": None,
        "labconfig/page_config.d/collab-rtc.json": {"disabledExtensions": {"@x/a": True, "@x/b": True}},
        "jupyter_server_config.d/zz-collab-rtc.json": {"ServerApp": {"jpserver_extensions": {"x": False}}},
    }


def test_file_of_the_server_is_read_after_those_of_packages(files: LabFiles) -> None:
    """Our server configuration has the last name, because Jupyter reads files in the order of their names, and the last one wins."""
    assert os.path.basename(files.server_config) > "jupyter_server_ydoc.json"


def test_nothing_to_say_is_no_file(files: LabFiles) -> None:
    assert {*files.contents(**NOTHING).values()} == {None}
    assert files.found() == NOTHING


@pytest.mark.parametrize("wanted", [OFF, {"settings": MENUS}, {"settings": MENUS, **OFF}])
def test_what_was_written_is_found(files: LabFiles, wanted: dict[str, Any]) -> None:
    write(files, **wanted)
    assert files.found() == NOTHING | wanted


@pytest.mark.parametrize(
    "text",
    [
        "{}",  # not a file that we would write
        '{"disabledExtensions": {"@x/a": false}}',
        '{"disabledExtensions": {"@x/a": true}, "more": 1}',
        '{"disabledExtensions": 1}',
        "[]",
        "half of {",
    ],
)
def test_what_someone_has_changed_is_not_taken_for_ours(files: LabFiles, text: str) -> None:
    write(files, **OFF)
    Path(files.page_config).write_text(text)
    assert files.found() == {}


def test_environment_without_jupyterlab() -> None:
    with pytest.raises(LookupError, match="/usr/bin/false has no JupyterLab"):
        directories("/usr/bin/false")


@pytest.mark.parametrize(
    "name", ["labconfig", "labconfig/page_config.d", "labconfig/page_config.d/collab-rtc.json"]
)
def test_what_servers_cannot_read_is_not_there(files: LabFiles, tmp_path: Path, name: str) -> None:
    """A file that servers cannot read counts as missing, so that the next run repairs it. A strict umask may have caused it."""
    write(files, **OFF)
    assert files.found() == NOTHING | OFF
    (tmp_path / name).chmod(0o700)
    assert files.found() == {}
    assert closed_at(files.page_config) == [str(tmp_path / name)]


def apply(**options: Any) -> None:
    """Run the step as a module of its own."""
    params = ArgumentSpecValidator(lab_files.ARGUMENTS).validate(options).validated_parameters
    module = SimpleNamespace(check_mode=False, params=params, exit_json=lambda **_result: None)
    step.run(module, lab_files.apply)


def test_settings_are_written_for_everyone_under_a_strict_umask(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    where = ("settings/overrides.d", "labconfig/page_config.d", "jupyter_server_config.d")
    monkeypatch.setattr(lab_files, "directories", lambda _python: [str(tmp_path / each) for each in where])
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path_factory.mktemp("state")))
    umask = os.umask(0o077)
    try:
        for _run in range(2):
            for path in tmp_path.rglob("*"):
                path.chmod(0o700 if path.is_dir() else 0o600)
            arguments = {"python": "/x", "name": "collab-rtc", "settings": MENUS, **OFF}
            apply(**arguments)
            os.umask(0o077)
            modes = {oct(path.stat().st_mode & 0o777) for path in tmp_path.rglob("*")}
            assert modes == {"0o755", "0o644"}
    finally:
        os.umask(umask)


def test_files_are_removed_from_all_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are removed from every environment that had them, whichever the variable names now, even if one no longer has a Python."""
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    where = ("settings/overrides.d", "labconfig/page_config.d", "jupyter_server_config.d")
    monkeypatch.setattr(lab_files, "directories", lambda python: [f"{python}/{each}" for each in where])

    def run(**arguments: Any) -> None:
        apply(name="collab-rtc", **arguments)

    def files() -> list[Path]:
        return [path for path in tmp_path.rglob("*") if path.is_file() and "state" not in path.parts]

    for environment in ("first", "second"):
        run(python=str(tmp_path / environment), settings=MENUS, **OFF)
    run(python=str(tmp_path / "first"), settings=MENUS)
    assert len(files()) == 4
    run(state="absent")
    assert files() == []
    assert not (tmp_path / "state").exists()
