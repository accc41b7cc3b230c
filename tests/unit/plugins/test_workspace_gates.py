# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of who can enter which workspace, which the hub and plays change at the same time."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.workspaces import gates
from ansible_collections.collab.jupyterhub.plugins.module_utils.workspaces.gates import Gate

from scenario import ROOT

WRITERS, ROUNDS = 6, 60
PATIENCE = 60  # seconds for anything, because the machine may be busy
# Each writer has workspaces of its own, and adds and removes one of them again and again.
WRITER = """
import sys
from jupyterhub_collab.workspaces import gates
gates.STATE, name = sys.argv[1:]
stays = {f"{name}/stays": gates.Gate({1: 7}, by_name=True)}
gates.update({}, stays, 60)
for number in range(%d):
    comes = stays | {f"{name}/files": gates.Gate({number: 7})}
    gates.update(stays, comes, 60)
    assert gates.recall()[f"{name}/files"] == comes[f"{name}/files"]
    gates.forget(f"{name}/files")
    gates.write(gates.GIVEN, {name: {"shares": {}}})
    gates.once_given(f"{name}/files")
    assert f"{name}/files" not in gates.recall()
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(gates, "STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_many_change_the_record_at_once(state: Path) -> None:
    """Nobody reads half a file, finds the other's file gone, or undoes the other's change."""
    command = [sys.executable, "-c", WRITER % ROUNDS, str(state)]
    running = [
        subprocess.Popen(
            [*command, f"writer-{number}"], stderr=subprocess.PIPE, text=True, cwd=ROOT / "python"
        )
        for number in range(WRITERS)
    ]
    said = [each.communicate(timeout=PATIENCE)[1] for each in running]
    assert [each.returncode for each in running] == [0] * WRITERS, said
    assert {*gates.recall()} == {f"writer-{number}/stays" for number in range(WRITERS)}
    assert sorted(os.listdir(state)) == ["gates.json", "given.json", "lock"]
    assert {path.stat().st_mode & 0o777 for path in state.iterdir()} == {0o600}


def test_hub_brings_back_nothing_that_a_play_has_forgotten() -> None:
    """The hub knows a workspace that is deleted now. Its record would admit the former users to a new one of the same name."""
    before = {"rain/files": Gate({7: 7}), "snow/files": Gate()}
    gates.update({}, before)
    gates.forget("rain/files")
    gates.update(before, before | {"snow/files": Gate({8: 7})})
    assert gates.recall() == {"snow/files": Gate({8: 7})}


def test_stopped_process_keeps_nobody_waiting(state: Path) -> None:
    """A process that was stopped while it changed the record. The hub must answer, and a play must end."""
    state.mkdir()
    hold = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(flush=True); time.sleep(600)"
    command = [sys.executable, "-c", hold, str(state / gates.LOCK)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(gates.Busy, match="has been changing"):
            gates.update({}, {"rain/files": Gate()}, 0.1)
        assert time.monotonic() - begun < 5
        assert gates.recall() == {}
        holder.kill()
    gates.update({}, {"rain/files": Gate()}, PATIENCE)
    assert gates.recall() == {"rain/files": Gate()}


def test_what_a_killed_process_has_left_goes(state: Path) -> None:
    state.mkdir()
    (state / f".gates.json.x{gates.NEW}").write_text("{")
    (state / "unavailable.txt").touch()
    gates.sweep()
    assert sorted(os.listdir(state)) == ["lock", "unavailable.txt"]


def test_record_that_is_damaged_is_written_again(state: Path) -> None:
    state.mkdir()
    (state / gates.NAME).write_text("")
    known = {"rain/files": Gate({7: 7}, by_name=True)}
    gates.update(known, known)
    assert gates.recall() == known


def test_host_without_workspaces_gets_no_record(state: Path) -> None:
    gates.forget("rain/files")
    assert not state.exists()


def test_lock_is_free_after_an_error(state: Path) -> None:
    with pytest.raises(ZeroDivisionError), gates.locked():
        raise ZeroDivisionError
    with open(state / gates.LOCK) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
