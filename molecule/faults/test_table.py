# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of faults in the documentation shows what these tests have seen; `make reliability` writes it. Runs after them."""

import subprocess
import sys

from scenario import ROOT


def test_document_tells_what_this_run_has_seen() -> None:
    """The document agrees with this run. If only some tests ran, only their rows are compared."""
    command = [sys.executable, str(ROOT / "tests/tools/reliability.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
