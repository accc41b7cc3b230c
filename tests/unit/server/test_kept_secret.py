# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that are open stay known to their server after a restart, also if its home directory is lost."""

import os
from pathlib import Path

import pytest
from traitlets.config import Config

from jupyterhub_collab.server.configure import configure
from jupyterhub_collab.server.settings import Settings

NAME = "jupyter_cookie_secret"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in the home directory where Jupyter keeps the secret."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTERHUB_COLLAB", f'{{"state_directory": "{tmp_path}/state"}}')
    (tmp_path / "runtime").mkdir()
    return tmp_path / "runtime"


def secret_of(c: Config | None = None) -> str | None:
    c = Config() if c is None else c
    configure(c)
    found: str | None = c.ServerApp.get("cookie_secret_file")
    return found


def test_secret_is_next_to_the_history(runtime: Path, tmp_path: Path) -> None:
    """A container that is removed takes its home directory with it, but not the history. Requirement 133."""
    kept = str(tmp_path / "state" / NAME)
    assert secret_of() == kept
    Path(kept).write_text("kept")
    # A server without live collaboration has written its own.
    (runtime / NAME).write_text("of another start")
    assert secret_of() == kept


def test_secret_in_use_stays(runtime: Path) -> None:
    """Open pages are known by it, and on a host the home directory stays."""
    (runtime / NAME).write_text("in use")
    assert secret_of() is None


@pytest.mark.usefixtures("runtime")
def test_administrators_file_stays() -> None:
    c = Config()
    c.ServerApp.cookie_secret_file = "/etc/secret"
    assert secret_of(c) == "/etc/secret"


def test_directory_that_cannot_be_written_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as a volume that belongs to root, in an image that was not built from the recipe. Root, as which tests may run, can write anywhere."""
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path / "state")
    (tmp_path / "state").mkdir(mode=0o500)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTERHUB_COLLAB", f'{{"state_directory": "{tmp_path}/state"}}')
    assert Settings.from_environment().state == tmp_path / "home/jupyterhub-rtc/default"
    assert f"Cannot write to {tmp_path}/state, so the document history is in" in caplog.text
