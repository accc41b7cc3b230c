# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the host that never end are given up with one sentence."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import lab, lab_files
from ansible_collections.collab.jupyterhub.plugins.module_utils.projects import accounts as project_accounts


@pytest.fixture
def sleeps(tmp_path: Path) -> Path:
    """Return a directory whose programs never end."""
    (tmp_path / "bin").mkdir()
    for name in ("systemd-sysusers", "python"):
        program = tmp_path / "bin" / name
        program.write_text("#!/bin/sh\nexec sleep 20\n")
        program.chmod(0o755)
    return tmp_path / "bin"


def test_accounts_that_another_program_has_locked(sleeps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd-sysusers waits for the lock of /etc/passwd as long as it takes."""
    monkeypatch.setattr(project_accounts, "SECONDS", 0.5, raising=False)
    monkeypatch.setattr(project_accounts, "Numbers", lambda: SimpleNamespace(remember=lambda: None))
    monkeypatch.setenv("PATH", f"{sleeps}:/usr/bin:/bin")
    with pytest.raises(project_accounts.NotMade, match="which process has locked"):
        project_accounts.make([], [], [("nobody-here", "nogroup")], "")


def test_environment_that_does_not_answer(sleeps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_files, "SECONDS", 0.5, raising=False)
    monkeypatch.setattr(lab, "PROBE_SECONDS", 0.5)
    with pytest.raises(LookupError, match=r"has not told within 0\.5 s"):
        lab_files.directories(str(sleeps / "python"))
    assert lab.describe_lab(str(sleeps.parent), [])["python"] == ""
