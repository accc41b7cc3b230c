# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the images that test containers start from, when they are not there or their inputs have changed.

collab-debian:<suite>               a minimal Debian server with python3, nothing that a bare one does not have
collab-hub:<suite>-hub<major>       the same with a hub on it that people use already (see hub.yml)

An image is found by a hash of its inputs, kept in a label, so checkouts on one host that differ do not take each
other's images away. COLLAB_BASE_IMAGE names an ordinary Debian image to start from instead of mmdebstrap, with
{suite} in it; COLLAB_DEBIAN_MIRROR a mirror for mmdebstrap.
"""

import argparse
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import containers
from containers import ROOT, podman

IMAGES = Path(__file__).parent
SUITES = ("bookworm", "trixie")
HUB_MAJORS = ("6", "5")
LABEL = "collab.inputs"
# To boot, and what Debian's installer puts on every server besides. Not in it, because the roles promise to work
# without: python3-venv, python3-pip, python3-apt.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "sudo", "ca-certificates", "iproute2", "procps")
# What a change in has to reach the hub image.
HUB_INPUTS = ("tests/images/hub.yml", "roles/jupyterhub")


def say(text: str) -> None:
    print(f"image: {text}", file=sys.stderr, flush=True)


def run(command: list[str]) -> None:
    """Runs a command and shows what it said only if it fails."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{' '.join(command)}: failed with {done.returncode}")


def hashed(parts: Iterable[str | Path]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        files = sorted(path for path in part.rglob("*") if path.is_file()) if isinstance(part, Path) else []
        if isinstance(part, Path) and part.is_file():
            files = [part]
        digest.update(str(part).removeprefix(str(ROOT)).encode())
        for path in files:
            if path.suffix not in (".md", ".pyc"):
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def find_or_make(name: str, inputs: str, make: Callable[[str, str], None]) -> str:
    """The id of the image with these inputs; `make` gets its name and label where there is none."""
    label = f"{LABEL}={inputs}"
    find = (
        "images",
        "--no-trunc",
        "--quiet",
        f"--filter=label={label}",
        f"--filter=label=collab.name={name}",
    )
    # One at a time, also between checkouts: making one takes the better part of a core for a minute.
    with (Path(tempfile.gettempdir()) / f"collab-images-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = podman(*find).split()
        if not found:
            say(f"make {name}")
            make(name, label)
            found = podman(*find).split()
        podman("tag", found[0], f"localhost/{name}")
    return found[0]


def make_debian(suite: str) -> Callable[[str, str], None]:
    def make(name: str, label: str) -> None:
        base = os.environ.get("COLLAB_BASE_IMAGE")
        changes = [
            f"LABEL {LABEL}={label.partition('=')[2]}",
            f"LABEL collab.name={name}",
            'CMD ["/sbin/init"]',
        ]
        if base:
            lines = [
                f"FROM {base.format(suite=suite)}",
                "ENV DEBIAN_FRONTEND=noninteractive",
                f"RUN apt-get update && apt-get install -y --no-install-recommends {' '.join(PACKAGES)}",
                *changes,
            ]
            with tempfile.TemporaryDirectory() as empty:
                recipe = Path(empty) / "Containerfile"
                recipe.write_text("\n".join(lines) + "\n")
                run(["podman", "build", f"--file={recipe}", f"--tag=localhost/{name}", empty])
            return
        with tempfile.TemporaryDirectory() as scratch:
            tar = Path(scratch) / "root.tar"
            command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(tar)]
            if mirror := os.environ.get("COLLAB_DEBIAN_MIRROR"):
                command.append(mirror)
            run(command if os.getuid() == 0 else ["sudo", "-E", *command])
            run(
                ["podman", "import", *(f"--change={line}" for line in changes), str(tar), f"localhost/{name}"]
            )

    return make


def make_hub(base: str, suite: str, major: str) -> Callable[[str, str], None]:
    def make(name: str, label: str) -> None:
        box = f"collab-build-{suite}-hub{major}"
        try:
            containers.up(box, base, ["collab.build=1"], [])
            variables = [
                "ansible_connection=containers.podman.podman",
                "ansible_pipelining=true",
                "ansible_python_interpreter=/usr/bin/python3",
                f"jupyterhub_version='>={major},<{int(major) + 1}'",
            ]
            run(
                ["ansible-playbook", f"--inventory={box},", f"--extra-vars={' '.join(variables)}"]
                + [str(IMAGES / "hub.yml")]
            )
            # Nothing of the making stays but the result; stopped in order, so that databases are closed.
            podman("exec", box, "sh", "-c", "apt-get clean; rm -rf /var/lib/apt/lists/* /var/log/journal/*")
            podman("stop", "--time=30", box)
            run(
                [
                    "podman",
                    "commit",
                    "--quiet",
                    f"--change=LABEL {label}",
                    f"--change=LABEL collab.name={name}",
                ]
                + [box, f"localhost/{name}"]
            )
        finally:
            podman("rm", "--force", "--time=1", "--volumes", box, check=False)

    return make


def image_id(name: str) -> str:
    """The id of an image by its name, with or without localhost/, which is made first where it has to be."""
    name = name.removeprefix("localhost/")
    if matched := re.fullmatch(r"collab-debian:(\w+)", name):
        suite = matched[1]
        inputs = hashed([suite, *PACKAGES, os.environ.get("COLLAB_BASE_IMAGE", "")])
        return find_or_make(name, inputs, make_debian(suite))
    if matched := re.fullmatch(r"collab-hub:(\w+)-hub(\d)", name):
        suite, major = matched.groups()
        base = image_id(f"collab-debian:{suite}")
        inputs = hashed([base, major, *(ROOT / path for path in HUB_INPUTS)])
        return find_or_make(name, inputs, make_hub(base, suite, major))
    raise SystemExit(f"{name}: no such image; collab-debian:SUITE and collab-hub:SUITE-hubMAJOR are known")


def main() -> None:
    everything = [f"collab-debian:{suite}" for suite in SUITES]
    everything += [f"collab-hub:{suite}-hub{major}" for suite in SUITES for major in HUB_MAJORS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "images", nargs="*", default=everything, help="all that are known where none is given"
    )
    parser.add_argument("--remove", action="store_true", help="remove all of them, of all checkouts")
    given = parser.parse_args()
    if given.remove:
        if ids := podman("images", "--quiet", f"--filter=label={LABEL}").split():
            podman("rmi", "--force", *set(ids))
        return
    for name in given.images:
        print(image_id(name), name)


if __name__ == "__main__":
    main()
