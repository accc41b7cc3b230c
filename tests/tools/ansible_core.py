# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the collection with one release of ansible-core, in a container: ansible_core.py RELEASE SUITE HUB_MAJOR, such as 2.18 bookworm 5

Installs the archive into an empty path and tests it there (try_installed.py). With COLLAB_ALL=1, the container has a hub, and the
collection runs on the hub's host as README.md describes: it adds collaboration, runs again without a change, and verifies the hub.

Everything runs with the container's Python, so releases that this machine's Python is too old for can be tested, too.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from other_python import ROOT, containers, fetched, inside

PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
PLACE = "/opt/ansible"
PYTHON = f"{PLACE}/bin/python"
LONG = os.environ.get("COLLAB_ALL") == "1"


@contextmanager
def host(release: str, suite: str, major: str) -> Iterator[str]:
    """Run a container that has this release in an environment outside every PATH, and yield the container's name."""
    release_directory = fetched(f"ansible-core/{release}", PYTHONS[suite], f"ansible-core=={release}.*")
    name = f"collab-core-{release.replace('.', '-')}"
    label = f"collab.ansible-core={release}"
    image = f"collab-hub:{suite}-hub{major}" if LONG else f"collab-debian:{suite}"
    # Writable: Python caches its bytecode next to the source, which saves every later program a second.
    volumes = [
        f"--option=--volume={ROOT}:{ROOT}:ro",
        f"--option=--volume={release_directory}:{release_directory}",
    ]
    containers("up", name, image, f"--label={label}", *volumes)
    try:
        inside(name, "python3", "-m", "venv", "--without-pip", PLACE)
        packages = f"{PLACE}/lib/python{PYTHONS[suite]}/site-packages/ansible-core.pth"
        inside(name, "sh", "-c", f"echo {release_directory} > {packages}")
        yield name
    finally:
        containers("down", label)


def main() -> None:
    release, suite, major = sys.argv[1:]
    build = [sys.executable, str(ROOT / "tests/tools/build_collection.py")]
    archive = subprocess.run(build, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    with host(release, suite, major) as name:

        def ansible(program: str, *words: str) -> str:
            return inside(name, PYTHON, "-m", "ansible", program, *words)

        if not re.search(rf"\[core {re.escape(release)}\.", ansible("playbook", "--version")):
            raise SystemExit(f"ansible-core {release} was requested, but another release ran")
        inside(name, PYTHON, str(ROOT / "tests/tools/try_installed.py"), archive)
        if LONG:
            ansible("galaxy", "collection", "install", archive)
            here = ["--inventory=localhost,", "--connection=local"]
            ansible("playbook", *here, "collab.jupyterhub.jupyter_rtc")
            if " changed=0 " not in ansible("playbook", *here, "collab.jupyterhub.jupyter_rtc"):
                raise SystemExit("the second run made changes")
            ansible("playbook", *here, "collab.jupyterhub.verify")


if __name__ == "__main__":
    main()
