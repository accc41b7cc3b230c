# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify has created is removed, whatever the accounts do in which it did so."""

import getpass
import os
import threading
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils import host_state, hub_package, verify_undo

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as an account")


def test_account_that_stops_the_removal_of_files_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user of a shared account stops the program that removes verify's files as that account. The play would wait, with the lock."""
    begun = tmp_path / "begun"
    stopped = f"import os, signal; open({str(begun)!r}, 'w').close(); os.kill(os.getpid(), signal.SIGSTOP)"
    monkeypatch.setattr(verify_undo, "REMOVE", stopped)
    monkeypatch.setattr(verify_undo, "REMOVE_SECONDS", 2)
    undo = verify_undo.Undo("hub", {"files": [[getpass.getuser(), "collab-none"]]})
    removal = threading.Thread(target=undo._remove_files, daemon=True)
    removal.start()
    removal.join(15)
    assert begun.exists() and not removal.is_alive()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def test_what_is_left_at_one_hub_is_not_looked_for_at_another(state: Path) -> None:
    """The other hub has other users of these names. Their servers and shares stay, and what was left can still be removed."""
    left = {"people": ["alice"], "servers": [["alice", 0.0]], "shares": [["alice", "bob"]]}
    verify_undo.Undo("hub-a", {}).set("people", ["alice"])
    for kind in ("servers", "shares"):
        verify_undo.Undo.recall("hub-a").set(kind, left[kind])
    assert verify_undo.Undo.recall("hub-a").what == left
    assert verify_undo.Undo.recall("hub-b").what == {}
    assert verify_undo.Undo.recall("hub-b").run(None, list) == []
    assert verify_undo.Undo.recall("hub-a").what == left
    assert host_state.hubs() == {}


def test_what_an_earlier_release_has_left_is_found(state: Path) -> None:
    host_state.remember(verify_undo.OLD_STATE, {"accounts": ["no-such-account"]})
    assert verify_undo.Undo.recall("hub").run(None, list) == []
    assert list(state.iterdir()) == []


def test_package_that_a_hub_got_since_stays(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verify installed it and was killed, and then a play configured a hub with it. The hub would not start without it."""
    monkeypatch.setattr(hub_package, "DIRECTORY", str(tmp_path / "lib"))
    package = tmp_path / "lib/0123456789ab"
    package.mkdir(parents=True)
    fragments = tmp_path / "jupyterhub_collab.d"
    fragments.mkdir()
    (fragments / "50-rtc.py").write_text(f'sys.path.insert(0, "{package}")\n')
    host_state.remember("hub-a.json", {"path": str(tmp_path / "hub.py"), "runs_with": {"50-rtc": {}}})
    assert verify_undo.Undo("hub-b", {"package": str(package)}).run(None, list) == []
    assert package.exists()
    (fragments / "50-rtc.py").unlink()
    assert verify_undo.Undo("hub-b", {"package": str(package)}).run(None, list) == []
    assert not package.parent.exists()
