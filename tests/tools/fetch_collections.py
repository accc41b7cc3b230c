# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill .cache/collections: link this checkout under its collection name, and install containers.podman, which connects to test containers.

Older releases of containers.podman do not support pipelining, so every task takes three times as long.
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".cache/collections/ansible_collections"
PODMAN = COLLECTIONS / "containers/podman"
LEAST = (1, 21)


def link_checkout() -> None:
    link = COLLECTIONS / "collab/jupyterhub"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.resolve() != ROOT:
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT, target_is_directory=True)


def podman_version() -> tuple[int, ...]:
    try:
        info = json.loads((PODMAN / "MANIFEST.json").read_text())["collection_info"]
    except OSError:
        return ()
    return tuple(int(part) for part in info["version"].split(".")[:2])


def from_server() -> None:
    """Install from Galaxy. The timeout is short: if Galaxy is out of reach, there is another source."""
    command = [
        str(Path(sys.executable).with_name("ansible-galaxy")),
        "collection",
        "install",
        "--timeout=5",
        f"--collections-path={COLLECTIONS.parent}",
        f"containers.podman:>={LEAST[0]}.{LEAST[1]}.0",
    ]
    subprocess.run(command, check=False, timeout=120, capture_output=True)


def from_wheel() -> None:
    """Extract the collection from the `ansible` wheel, which bundles it."""
    with tempfile.TemporaryDirectory() as scratch:
        options = [
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version=3.12",
            f"--dest={scratch}",
        ]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, "ansible>=14,<15"], check=True)
        (wheel,) = Path(scratch).glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            prefix = "ansible_collections/containers/podman/"
            archive.extractall(
                COLLECTIONS.parent, [name for name in archive.namelist() if name.startswith(prefix)]
            )


def main() -> None:
    link_checkout()
    for source in (from_server, from_wheel):
        if podman_version() >= LEAST:
            return
        print(f"env: containers.podman {source.__name__.replace('_', ' ')}", flush=True)
        source()
    if podman_version() < LEAST:
        sys.exit(f"containers.podman {LEAST[0]}.{LEAST[1]} or newer could not be installed")


if __name__ == "__main__":
    main()
