# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the images that test containers start from, if they do not exist or their inputs have changed.

collab-debian:<suite>               a minimal Debian server with python3
collab-hub:<suite>-hub<major>       the same with an existing hub (see hub.yml)
collab-applied:<suite>-hub<major>   that hub after the play, with default variables
collab-<scenario>:<tag>             collab-hub:<tag> after molecule/<scenario>/image.yml, for scenarios that take long to prepare

Images are looked up by a hash of their inputs, which is stored in a label, so different checkouts on a host do not replace each
other's images. Environment variables:

COLLAB_BASE_IMAGE       a Debian image to use instead of mmdebstrap, with {suite} in its name
COLLAB_DEBIAN_MIRROR    a mirror for mmdebstrap
COLLAB_KEEP_IMAGES      use existing images by name, even if their inputs have changed: for work on role jupyterhub
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import containers
from containers import ROOT, podman

IMAGES = Path(__file__).parent
SUITES = ("bookworm", "trixie")
HUB_MAJORS = ("6", "5")
LABEL = "collab.inputs"
KEEP = bool(os.environ.get("COLLAB_KEEP_IMAGES"))
# What a server needs to boot, and what Debian's installer puts on every server. It deliberately lacks python3-venv, python3-pip
# and python3-apt, because the roles promise to work without them.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "sudo", "ca-certificates", "iproute2", "procps")
# A change to any of these rebuilds the hub image.
HUB_INPUTS = (
    "tests/images/hub.yml",
    "tests/images/accounts.yml",
    "tests/images/people.yml",
    "roles/jupyterhub",
    "plugins/module_utils",  # the hub must be as today's modules leave it
    *sorted(
        {
            f"plugins/modules/{name}.py"
            for path in (ROOT / "roles/jupyterhub/tasks").glob("*.yml")
            for name in re.findall(r"^ +collab\.jupyterhub\.(\w+):$", path.read_text(), re.M)
        }
    ),
    "python/jupyterhub_collab/hub/shared_port.py",  # the hub's own configuration runs it
)
# A change to any of these rebuilds the image to which the play was applied.
PLAY = "collab.jupyterhub.jupyter_rtc"
PLAY_INPUTS = ("playbooks/jupyter_rtc.yml", "plugins", "python", "roles")
# Inputs of a scenario's image besides its own files.
RECIPE_INPUTS = ("molecule/resources/tasks", "tests/images/accounts.yml", "tests/images/people.yml")
HUB_VERSIONS = {"5": ">=5.5.4,<6", "6": ">=6.1.1,<7"}


def say(text: str) -> None:
    print(f"image: {text}", file=sys.stderr, flush=True)


def run(*command: str) -> None:
    """Run a command, and exit with its output if it fails."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{' '.join(command)}: failed with {done.returncode}")


def hashed(*words: str, paths: Iterable[str] = ()) -> str:
    """Return a hash of words and of the files and directories at these paths in the checkout."""
    digest = hashlib.sha256(repr(words).encode())
    for path in (ROOT / path for path in paths):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix not in (".md", ".pyc"):
                digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def locked(what: str, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock that all checkouts on this machine share."""
    with (Path(tempfile.gettempdir()) / f"collab-{what}-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield


def find_or_make(name: str, inputs: str, make: Callable[[str], None]) -> str:
    """Return the ID of the image with these inputs. If there is none, call `make` with the label to build it."""
    label = f"{LABEL}={inputs}"

    def find() -> str:
        by = f"reference=localhost/{name}" if KEEP else f"label={label}"
        # podman cannot list images while one of them, whichever it is, is being removed.
        with locked("images-listed", fcntl.LOCK_SH):
            return podman("images", "--no-trunc", "--quiet", f"--filter={by}").partition("\n")[0]

    if not (found := find()):
        # Build one image at a time, across checkouts: a build takes most of a core for a minute.
        with locked("images"):
            if not (found := find()):
                say(f"make {name}")
                make(label)
                found = find()
                # Remove images that lost their name to a newer one, but only after a day: another checkout may be using them.
                with locked("images-listed"):
                    podman("image", "prune", "--force", f"--filter=label={LABEL}", "--filter=until=24h")
    # The name is only for people. Another checkout may have taken it.
    podman("tag", found, f"localhost/{name}")
    return found


def make_debian(suite: str, name: str, label: str) -> None:
    changes = [f"LABEL {label}", 'CMD ["/sbin/init"]']
    with tempfile.TemporaryDirectory() as scratch:
        if base := os.environ.get("COLLAB_BASE_IMAGE"):
            install = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(PACKAGES)}"
            recipe = Path(scratch) / "Containerfile"
            recipe.write_text("\n".join([f"FROM {base.format(suite=suite)}", f"RUN {install}", *changes]))
            run("podman", "build", f"--file={recipe}", f"--tag=localhost/{name}", scratch)
        else:
            tar = f"{scratch}/root.tar"
            as_root = [] if os.getuid() == 0 else ["sudo", "-E"]
            mirror = os.environ.get("COLLAB_DEBIAN_MIRROR", "").split()
            run(
                *as_root,
                "mmdebstrap",
                "--variant=minbase",
                f"--include={','.join(PACKAGES)}",
                suite,
                tar,
                *mirror,
            )
            run("podman", "import", *(f"--change={line}" for line in changes), tar, f"localhost/{name}")


def make_from(base: str, playbook: str, variables: dict[str, str], name: str, label: str) -> None:
    """Build an image from another one by applying a playbook to a container."""
    box = f"collab-build-{hashed(name)}"
    connection = {
        "ansible_connection": "containers.podman.podman",
        "ansible_pipelining": True,
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_become_flags": "-H -S -n -E",
    }
    try:
        containers.up(box, base, [], ["--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE"])
        run(
            "ansible-playbook",
            f"--inventory={box},",
            f"--extra-vars={json.dumps(connection | variables)}",
            playbook,
        )
        # Remove traces of the build. Stop the container cleanly, so that databases are closed.
        podman("exec", box, "sh", "-c", "apt-get clean; rm -rf /var/lib/apt/lists/* /var/log/journal/*")
        podman("stop", "--time=30", box)
        run("podman", "commit", "--quiet", f"--change=LABEL {label}", box, f"localhost/{name}")
    finally:
        podman("rm", "--force", "--time=1", "--volumes", box, check=False)


def image_id(name: str) -> str:
    """Return the ID of an image by its name, with or without localhost/, and build it first if necessary."""
    name = name.removeprefix("localhost/")
    if matched := re.fullmatch(r"collab-debian:(\w+)", name):
        suite = matched[1]
        inputs = hashed(suite, *PACKAGES, os.environ.get("COLLAB_BASE_IMAGE", ""))
        return find_or_make(name, inputs, partial(make_debian, suite, name))
    matched = re.fullmatch(r"collab-(\w+):((\w+)-hub(\d))", name)
    if not matched:
        raise SystemExit(f"{name}: unknown image; the docstring of tests/images/build.py lists them")
    kind, tag, suite, major = matched.groups()
    base = image_id(f"collab-debian:{suite}" if kind == "hub" else f"collab-hub:{tag}")
    playbook, paths, variables = {
        "hub": (str(IMAGES / "hub.yml"), HUB_INPUTS, {"jupyterhub_version": f">={major},<{int(major) + 1}"}),
        "applied": (PLAY, PLAY_INPUTS, {}),
    }.get(kind) or (
        str(ROOT / f"molecule/{kind}/image.yml"),
        (f"molecule/{kind}/image.yml", f"molecule/{kind}/files", *RECIPE_INPUTS),
        {"hub_version": HUB_VERSIONS[major]},
    )
    return find_or_make(
        name, hashed(base, tag, paths=paths), partial(make_from, base, playbook, variables, name)
    )


def main() -> None:
    everything = [f"collab-debian:{suite}" for suite in SUITES]
    everything += [f"collab-hub:{suite}-hub{major}" for suite in SUITES for major in HUB_MAJORS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="*", default=everything, help="all known images by default")
    parser.add_argument(
        "--remove", action="store_true", help="remove all images, including those of other checkouts"
    )
    given = parser.parse_args()
    if given.remove:
        with locked("images-listed"):
            if ids := podman("images", "--quiet", f"--filter=label={LABEL}").split():
                podman("rmi", "--force", *set(ids))
        return
    for name in given.images:
        print(image_id(name), name)


if __name__ == "__main__":
    main()
