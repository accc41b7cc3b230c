# SPDX-License-Identifier: GPL-3.0-or-later
"""Run tests with the newest JupyterHub of another major release: other_hub.py 5 [PYTEST'S OPTIONS] TEST...

The environment in .cache has the packages of tests/requirements.txt, except JupyterHub.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make_environment(release: str) -> Path:
    """Create or update the environment, and return its directory of programs."""
    place = ROOT / f".cache/hub{release}"
    if not place.exists():
        subprocess.run(["uv", "venv", "--quiet", f"--python={sys.executable}", place], check=True)
    options = [
        f"--python={place}",
        "--requirements=tests/requirements.txt",
        "--overrides=tests/overrides.txt",
    ]
    wanted = f"jupyterhub<{int(release) + 1}"
    subprocess.run(["uv", "pip", "install", "--quiet", *options, wanted], cwd=ROOT, check=True)
    (paths,) = place.glob("lib/python3*/site-packages")
    (kept,) = (ROOT / ".cache/venv").glob("lib/python3*/site-packages/collab-tests.pth")
    (paths / kept.name).write_text(kept.read_text())
    return place / "bin"


def main() -> None:
    release, *tests = sys.argv[1:]
    programs = make_environment(release)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(programs.parent),
    }
    found = subprocess.run(
        [programs / "python", "-c", "import jupyterhub; print(jupyterhub.__version__)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    print(f"JupyterHub {found}", flush=True)
    if found.partition(".")[0] != release:
        raise SystemExit(f"This is not JupyterHub {release}. Delete {programs.parent}, then rerun")
    os.execve(programs / "pytest", ["pytest", *tests], environment)


if __name__ == "__main__":
    main()
