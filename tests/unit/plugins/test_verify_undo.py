# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify has created is removed, whatever the accounts do in which it did so."""

import getpass
import os
import pwd
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import package as hub_package
from ansible_collections.collab.jupyterhub.plugins.module_utils.verify import undo as verify_undo

from open_place import let_only_root_start_python, open_place
from unused_accounts import FIRST

ACCOUNT = FIRST + 47


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of the package's versions, on a host of which nothing is recorded."""
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr(hub_package, "DIRECTORY", str(tmp_path / "package"))
    (tmp_path / "state").mkdir()
    (tmp_path / "jupyterhub_collab.d").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["50-rtc.py", ".50-rtc.py.collab-old"])
def test_package_that_a_hub_has_begun_to_use_stays(place: Path, name: str) -> None:
    """Verify could not remove all, so its record still has the package when a play finds and uses it, or is interrupted after that."""
    package = hub_package.HubPackage({"jupyterhub_collab/__init__.py": ""})
    undo = verify_undo.Undo("hub")
    undo.set("package", package.path)
    undo.note("users", "verify-a")
    package.install()
    main = str(place / "jupyterhub_config.py")
    assert undo.run(None, list, host_state.fragments(main)) != []
    fragment = place / "jupyterhub_collab.d" / name
    fragment.write_text(f'sys.path.insert(0, "{package.path}")\n')
    undo.set("users", [])
    assert undo.run(None, list, host_state.fragments(main)) == []
    assert os.path.isdir(package.path)
    assert verify_undo.Undo.recall("hub").what == {}


def test_package_that_no_fragment_uses_goes(place: Path) -> None:
    package = hub_package.HubPackage({"jupyterhub_collab/__init__.py": ""})
    package.install()
    undo = verify_undo.Undo("hub", {"package": package.path})
    assert undo.run(None, list, host_state.fragments(str(place / "jupyterhub_config.py"))) == []
    assert not (place / "package").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as an account")
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


@pytest.mark.usefixtures("place")
def test_what_is_left_at_one_hub_is_not_looked_for_at_another() -> None:
    """The other hub has other users of these names. Their servers and shares stay, and what was left can still be removed."""
    left = {"people": ["alice"], "servers": [["alice", 0.0]], "shares": [["alice", "bob"]]}
    verify_undo.Undo("hub-a", {}).set("people", ["alice"])
    for kind in ("servers", "shares"):
        verify_undo.Undo.recall("hub-a").set(kind, left[kind])
    assert verify_undo.Undo.recall("hub-a").what == left
    assert verify_undo.Undo.recall("hub-b").what == {}
    assert verify_undo.Undo.recall("hub-b").run(None, list, b"") == []
    assert verify_undo.Undo.recall("hub-a").what == left
    assert host_state.hubs() == {}


def test_what_an_earlier_release_has_left_is_found(place: Path) -> None:
    host_state.remember(verify_undo.OLD_STATE, {"accounts": ["no-such-account"]})
    assert verify_undo.Undo.recall("hub").run(None, list, b"") == []
    assert list((place / "state").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as an account")
def test_files_are_removed_with_the_rights_of_their_owner_by_a_program_that_root_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account's processes stop every process of it, and the play would wait until the program has started.

    Here, only root can start it.
    """
    let_only_root_start_python(tmp_path, monkeypatch)
    with open_place() as home, open_place() as roots:
        os.chown(home, ACCOUNT, ACCOUNT)
        homes = {"ann": home, "bob": roots}
        monkeypatch.setattr(
            pwd,
            "getpwnam",
            lambda name: SimpleNamespace(pw_uid=ACCOUNT, pw_gid=ACCOUNT, pw_dir=str(homes[name])),
        )
        for place in homes.values():
            (place / "collab-1.txt").touch()
        verify_undo.Undo("hub", {"files": [["ann", "collab-1"], ["bob", "collab-1"]]})._remove_files()
        assert [(place / "collab-1.txt").exists() for place in homes.values()] == [False, True]
