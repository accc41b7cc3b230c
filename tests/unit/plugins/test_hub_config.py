# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rerun of the play repairs on a running hub. Scenarios test the rest of the transaction."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.step import Step
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import change as hub_change
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import compare as hub_compare
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import package as hub_package

TEXT = 'import sys\n\nsys.path.insert(0, "@PACKAGE@")\n'


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module of a run in check mode, on a host whose hub runs with the fragment since an earlier run."""
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(hub_package, "DIRECTORY", str(tmp_path / "package"))
    told = {"LoadState": "loaded", "ActiveState": "active", "MainPID": "1", "InvocationID": "one"}
    monkeypatch.setattr(hub_compare, "show", lambda name: Unit(name, told))
    monkeypatch.setattr(hub_compare, "account_of", lambda unit: (0, 0, []))
    params = {
        "path": str(tmp_path / "jupyterhub_config.py"),
        "fragment": "50-rtc",
        "content": TEXT,
        "others": {},
        "state": "present",
        "mode": "0644",
        "create": True,
        "supersedes": [],
        "service": "hub",
        "runs_with": {},
        "timeout": 1,
        "settle": 0,
        "retired": [],
        "package": {"jupyterhub_collab/__init__.py": ""},
    }
    module = Step(SimpleNamespace(check_mode=True, warn=print), params)
    change = hub_change.HubConfig(module)
    change.package.install()
    change.compare()
    for each in change.changes:
        Path(each.path).parent.mkdir(exist_ok=True)
        Path(each.path).write_bytes(each.content or b"")
    host_state.remember(
        "hub.json", {"hub": {"api_url": ""}, "path": params["path"], "runs_with": {"50-rtc": {}}}
    )
    return module


def test_hub_that_runs_as_wanted_is_left_alone(module: Any) -> None:
    assert not hub_change.HubConfig(module).run()["restarted"]


def test_missing_package_is_installed_again(module: Any) -> None:
    """Someone has removed the package of a running hub. New servers have no collaboration, and the hub does not start again."""
    Path(hub_change.HubConfig(module).package.path).rename(f"{module.params['path']}.removed")
    assert hub_change.HubConfig(module).run()["restarted"]


def test_package_that_no_fragment_uses_can_be_missing(module: Any) -> None:
    module.params["content"] = "c.JupyterHub.bind_url = 'http://:8000'\n"
    change = hub_change.HubConfig(module)
    Path(change.fragment).write_text(module.params["content"])
    Path(change.package.path).rename(f"{module.params['path']}.removed")
    assert not change.run()["restarted"]


def test_package_is_compiled_meanwhile_and_not_removed_before(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_package, "SECONDS", 10)
    python = tmp_path / "python"
    goes_on = tmp_path / "goes on"
    python.write_text(
        f"#!/bin/sh\nuntil [ -e '{goes_on}' ]; do sleep 0.05; done\necho no such file >&2\nexit 1\n"
    )
    python.chmod(0o755)
    module.params["python"] = str(python)
    warnings: list[str] = []
    module.module.warn = warnings.append
    change = hub_change.HubConfig(module)
    change.compile()  # or it would wait until the compilation is given up, which is another warning
    assert warnings == []
    goes_on.touch()
    for _time in range(2):
        change.tidy()
        (warning,) = warnings
        assert "failed to compile: no such file. Fix it, then rerun." in warning
