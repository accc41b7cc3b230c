# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded on a host, and the lock. Neither leaves a trace once nothing is recorded."""

import os
import threading
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "state"
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(path))
    return path


def test_directory_lasts_as_long_as_there_is_something_in_it(directory: Path) -> None:
    with host_state.lock():
        host_state.remember("hub.json", {"stale": "x"})
    with host_state.lock():
        assert host_state.recall("hub.json") == {"stale": "x"}
        assert sorted(os.listdir(directory)) == ["hub.json", "lock"]
    assert os.listdir(directory) == ["hub.json"]
    with host_state.lock():
        host_state.remember("hub.json", {})
        assert host_state.recall("hub.json") == {}
        assert directory.exists()
    assert not directory.exists()


def test_directory_is_for_nobody_else(directory: Path) -> None:
    with host_state.lock():
        assert directory.stat().st_mode & 0o777 == 0o700


def test_lock_that_is_held_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_state, "LOCK_SECONDS", 0)
    with host_state.lock(), pytest.raises(host_state.Busy, match="Wait for it to end"), host_state.lock():
        pass


def test_two_never_hold_it_though_its_file_comes_and_goes() -> None:
    """Two runs never hold the lock at once, although each removes the lock's file at its end.

    A run that waited for a removed file must not enter together with one that holds the new file.
    """
    inside: list[int] = []
    together = []

    def work() -> None:
        for _turn in range(30):
            with host_state.lock():
                inside.append(1)
                together.append(len(inside))
                os.sched_yield()
                inside.pop()

    threads = [threading.Thread(target=work) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [1] * 120


def test_hubs_are_those_that_have_fragments() -> None:
    """Only units with fragments are hubs: other records are in the same place, and a hub may be about to lose its last fragment."""
    with host_state.lock():
        one = {"path": "/etc/one.py", "runs_with": {"50-rtc": {}}}
        host_state.remember("one.json", one)
        host_state.remember("two.json", {"stale": "x", "runs_with": {}})
        host_state.remember("packages.json", {"environment": "/opt/lab"})
        assert host_state.hubs() == {"one": one}


def test_another_hub_with_its_configuration_in_the_same_directory(tmp_path: Path) -> None:
    """A unit of another name with the same file is the same hub, and a file that is gone has none."""
    mains = {unit: str(tmp_path / f"{unit}.py") for unit in ("hub-a", "hub-b")}
    Path(mains["hub-a"]).touch()
    with host_state.lock():
        host_state.remember("hub-a.json", {"path": mains["hub-a"], "runs_with": {"10-jupyterhub": {}}})
    assert host_state.beside("hub-b", mains["hub-b"]) == "hub-a"
    assert host_state.beside("hub-b", str(tmp_path / "own/hub.py")) == ""
    assert host_state.beside("hub-b", mains["hub-a"]) == host_state.beside("hub-a", mains["hub-a"]) == ""
    Path(mains["hub-a"]).unlink()
    assert host_state.beside("hub-b", mains["hub-b"]) == ""
