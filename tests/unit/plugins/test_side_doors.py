# SPDX-License-Identifier: GPL-3.0-or-later
"""What `verify` finds if UIDs or GIDs were used again. Needs root."""

import grp
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import account_numbers
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.verify import side_doors
from ansible_collections.collab.jupyterhub.plugins.module_utils.workspaces import gates

from child import Child
from unused_accounts import FIRST

NUMBER, MEMBER = FIRST + 101, FIRST + 102
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change file owners")


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("state", "home", "gates"):
        (tmp_path / name).mkdir(mode=0o700)
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr(account_numbers, "HOMES", str(tmp_path / "home"))
    monkeypatch.setattr(gates, "STATE", str(tmp_path / "gates"))
    return tmp_path


def test_host_on_which_all_is_well(host: Path) -> None:
    (host / "servers" / "daemon" / "default").mkdir(parents=True)
    os.chown(host / "servers" / "daemon" / "default", 1, 1)
    assert side_doors.reused_groups() == []
    assert side_doors.left_to_others(str(host / "servers")) == []
    assert side_doors.left_to_others("") == []
    assert side_doors.closed_workspaces("jupyterhub") == []


def test_session_with_the_number_of_a_group_that_is_another_by_now(monkeypatch: pytest.MonkeyPatch) -> None:
    account_numbers.note([NUMBER])
    program = f"import os, time; os.setgroups([{NUMBER}]); os.setgid({MEMBER}); os.setuid({MEMBER}); print(flush=True); time.sleep(60)"
    with Child([sys.executable, "-I", "-c", program], stdout=subprocess.PIPE) as session:
        assert session.stdout and session.stdout.readline()
        for name, told in (("newcomer", 1), (f"gone-{NUMBER}", 0)):
            group = grp.struct_group((name, "x", NUMBER, []))
            monkeypatch.setattr(grp, "getgrall", lambda group=group: [group])
            found = side_doors.reused_groups()
            assert len(found) == told
            assert not told or f"process {session.pid} still has from a deleted group" in found[0]


def test_what_belongs_to_the_next_account(host: Path) -> None:
    private = host / "servers" / "gone" / "default"
    private.mkdir(parents=True)
    os.chown(private, 1, 1)
    home = host / "home" / "gone"
    home.mkdir()
    account_numbers.close_home("gone", str(home), NUMBER)
    os.chown(home, NUMBER, NUMBER)
    found = side_doors.left_to_others(str(host / "servers"))
    assert f"{home}, the kept home directory of a deleted account, belongs to UID {NUMBER}" in found[0]
    assert f"{private}, the state of servers of gone, belongs to account daemon" in found[1]


def test_jobs_that_former_users_of_an_account_may_have_left(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CRONTABS", "AT_JOBS", "LINGER"):
        (host / name).mkdir()
        monkeypatch.setattr(side_doors, name, str(host / name) if name == "LINGER" else (str(host / name),))
    (host / "AT_JOBS/.SEQ").touch()
    os.chown(host / "AT_JOBS/.SEQ", 1, 1)
    assert side_doors.jobs(["daemon", "bin"]) == []
    (host / "CRONTABS/daemon").touch()
    (host / "AT_JOBS/a00001").touch()
    os.chown(host / "AT_JOBS/a00001", 1, 1)
    (host / "LINGER/bin").touch()
    (host / "LINGER/other").touch()
    assert side_doors.jobs(["daemon", "bin"]) == [
        "account daemon has a crontab and jobs of at",
        "account bin has services of its own",
    ]


def test_workspace_that_is_closed() -> None:
    closed = gates.Gate(by_name=True, closed="no room")
    gates.update({}, {"rain/files": closed, "rain/data": gates.Gate()})
    closed_too = gates.Gate(by_name=True, closed="it does not answer")
    gates.update({}, {"snow/files": closed_too})
    host_state.remember("projects.json", {"snow": {"unit": "hub-b"}})
    assert side_doors.closed_workspaces("hub-a") == ["workspace rain/files is closed to everyone: no room"]
    assert len(side_doors.closed_workspaces("hub-b")) == 2
