# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded about shared accounts that another role created."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import accounts
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.modules import shared_accounts

Ensure = Callable[..., dict[str, Any]]


@pytest.fixture
def ensure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ensure:
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))

    def run(**options: Any) -> dict[str, Any]:
        arguments = {
            "names": [],
            "comment": "ours",
            "_ansible_remote_tmp": str(tmp_path / "remote"),
            **options,
        }
        capsys.readouterr()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            shared_accounts.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert "failed" not in result
        return result

    return run


def test_account_of_another_role_is_remembered_until_all_goes(ensure: Ensure) -> None:
    """Another role's account is recorded once, next to the created groups, and no group is created for it."""
    host_state_groups = {"groups": ["jupyterhub"]}
    with host_state.lock():
        host_state.remember(accounts.STATE, host_state_groups)
    theirs = {"group": "no-such-group-here", "adopted": ["shared"]}
    assert ensure(**theirs, _ansible_check_mode=True)["changed"]
    assert accounts.adopted_accounts() == []
    assert ensure(**theirs)["changed"]
    assert not ensure(**theirs)["changed"]
    assert accounts.adopted_accounts() == ["shared"]
    assert host_state.recall(accounts.STATE) == {**host_state_groups, "adopted": ["shared"]}
    assert not accounts.group_exists("no-such-group-here")
    ensure(state="absent", remove_groups=True)
    assert accounts.adopted_accounts() == []
