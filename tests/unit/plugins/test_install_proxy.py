# SPDX-License-Identifier: GPL-3.0-or-later
"""Two plays that install the hub's proxy at once do not remove each other's files."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROGRAM = Path(__file__).parents[3] / "roles/jupyterhub/files/install_proxy.py"
# Takes a moment, and fails if another one is at work.
NPM = """#!/bin/sh
mkdir {busy} || exit 1
sleep 1
touch "${{2#--prefix=}}/installed"
rmdir {busy}
"""


def test_plays_that_install_at_once_wait_for_each_other(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name, text in {"node": "", "npm": NPM.format(busy=tmp_path / "busy")}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    target = tmp_path / "proxy" / "5.0"
    command = [sys.executable, str(PROGRAM), str(target), str(tmp_path / "bin/node"), str(tmp_path / "none")]
    with ThreadPoolExecutor() as pool:
        done = list(
            pool.map(
                lambda _number: subprocess.run(command, capture_output=True, text=True, check=False), range(3)
            )
        )
    assert [each.returncode for each in done] == [0, 0, 0], [each.stderr for each in done]
    assert [path.name for path in target.iterdir()] == ["installed"]
