# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify has created is removed, whatever the accounts do in which it did so."""

import getpass
import os
import threading
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils import verify_undo

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as an account")


def test_account_that_stops_the_removal_of_files_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user of a shared account stops the program that removes verify's files as that account. The play would wait, with the lock."""
    begun = tmp_path / "begun"
    stopped = f"import os, signal; open({str(begun)!r}, 'w').close(); os.kill(os.getpid(), signal.SIGSTOP)"
    monkeypatch.setattr(verify_undo, "REMOVE", stopped)
    monkeypatch.setattr(verify_undo, "REMOVE_SECONDS", 2)
    undo = verify_undo.Undo({"files": [[getpass.getuser(), "collab-none"]]})
    removal = threading.Thread(target=undo._remove_files, daemon=True)
    removal.start()
    removal.join(15)
    assert begun.exists() and not removal.is_alive()
