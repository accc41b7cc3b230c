# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories for tests that involve other accounts of the host. pytest makes its own directories private at the start of each run."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def open_place() -> Iterator[Path]:
    """Yield a directory that every account can enter and read."""
    with tempfile.TemporaryDirectory(prefix="collab-test-", ignore_cleanup_errors=True) as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


def let_only_root_start_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the interpreter where other accounts cannot reach it, so that a program must start as root to become one of them."""
    interpreter = tmp_path / "python"
    interpreter.symlink_to(sys.executable)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(interpreter))
