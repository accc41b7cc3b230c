# SPDX-License-Identifier: GPL-3.0-or-later
"""Run tests of collaboration servers with another Python, in a container: other_python.py 3.13 trixie [PYTEST'S OPTIONS] TEST...

The Python is that of the container's Debian. Packages for it are installed separately from this machine's environment.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "tests/images/containers.py"
PLACE = "/opt/python"
# The packages of tests/requirements.txt that these tests import or servers consist of.
WANTED = ("pytest", "httpx", "beautifulsoup4", "websockets", "pycrdt", "jupyter")


def fetched(what: str, python: str, *packages: str) -> Path:
    """Install the newest releases of packages into a directory and return it. This machine need not have the Python version."""
    place = ROOT / f".cache/{what}-python{python}"
    options = [f"--python-version={python}", "--only-binary=:all:", "--upgrade", f"--target={place}"]
    overrides = f"--overrides={ROOT}/tests/overrides.txt"
    subprocess.run(["uv", "pip", "install", "--quiet", *options, overrides, *packages], check=True)
    return place


def containers(*words: str) -> None:
    subprocess.run([sys.executable, str(CONTAINERS), *words], check=True)


def inside(name: str, *command: str) -> str:
    """Run a command in the container, print its output, and return the output. Exit if the command fails."""
    done = subprocess.run(
        ["podman", "exec", name, *command],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout, flush=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: failed with {done.returncode}")
    return done.stdout


def main() -> None:
    python, suite, *tests = sys.argv[1:]
    listed = (ROOT / "tests/requirements.txt").read_text().splitlines()
    packages = fetched("servers", python, *(line for line in listed if line.startswith(WANTED)))
    name, label = f"collab-python-{python.replace('.', '-')}", f"collab.python={python}"
    volumes = [f"--option=--volume={ROOT}:{ROOT}:ro", f"--option=--volume={packages}:{packages}"]
    containers("up", name, f"collab-debian:{suite}", f"--label={label}", *volumes)
    try:
        inside(name, "sh", "-c", "apt-get update -qq && apt-get install -qq --no-install-recommends git")
        inside(name, "python3", "-m", "venv", "--without-pip", PLACE)
        for part in ("etc", "share"):  # where Jupyter looks for packages' configuration and data
            inside(name, "ln", "--symbolic", str(packages / part), PLACE)
        path = [packages, *(ROOT / part for part in ("tests", "tests/support", "python"))]
        lines = "\n".join(map(str, path))
        inside(name, "sh", "-c", f"echo '{lines}' > {PLACE}/lib/python{python}/site-packages/tests.pth")
        pytest = [f"{PLACE}/bin/python", "-m", "pytest", "-p", "no:cacheprovider", "--timeout=600"]
        inside(name, "env", f"--chdir={ROOT}", "PYTHONDONTWRITEBYTECODE=1", *pytest, *tests)
    finally:
        containers("down", label)


if __name__ == "__main__":
    main()
