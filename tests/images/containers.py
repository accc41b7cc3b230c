# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the containers that tests run in. Each boots systemd, like a small Debian server.

up NAME IMAGE       start a container from an image of build.py, and wait until it has booted
down LABEL          remove the containers with this label
logs LABEL          print the end of the hub's journal in each container with this label
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOWNLOADS = ROOT / ".cache/downloads"
INSIDE = "/var/cache/collab-downloads"
BUNDLE_INSIDE = "/etc/collab-test-ca.crt"
TRIES = 3

# If these are set on the host, downloads inside the containers must use them, too.
PASSED_ON = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "npm_config_registry")
BUNDLE_ON_HOST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
BUNDLE_FOR = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def podman(*arguments: str, check: bool = True, tries: int = 1) -> str:
    for left in reversed(range(tries)):
        done = subprocess.run(["podman", *arguments], check=False, capture_output=True, text=True)
        if not check or not done.returncode:
            return done.stdout.strip()
        problem = f"podman {' '.join(arguments)}: {done.stderr.strip()}"
        if left:
            print(f"{problem}\nOnce more.", file=sys.stderr, flush=True)
    raise SystemExit(problem)


def download_options() -> list[str]:
    """Return options that make all containers share the caches of uv, pip and npm, so that packages are downloaded once."""
    env = {"UV_LINK_MODE": "copy"}  # the cache is on another file system, so uv cannot hard-link from it
    for tool, variable in (
        ("uv", "UV_CACHE_DIR"),
        ("pip", "PIP_CACHE_DIR"),
        ("npm", "npm_config_cache"),
    ):
        (DOWNLOADS / tool).mkdir(parents=True, exist_ok=True)
        env[variable] = f"{INSIDE}/{tool}"
    options = [f"--volume={DOWNLOADS}:{INSIDE}"]

    env |= {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    bundle = next((os.environ[name] for name in BUNDLE_ON_HOST if os.environ.get(name)), None)
    if bundle:
        options.append(f"--volume={Path(bundle).resolve()}:{BUNDLE_INSIDE}:ro")
        env |= dict.fromkeys(BUNDLE_FOR, BUNDLE_INSIDE)
    return options + [f"--env={name}={value}" for name, value in env.items()]


def keep_address_of_bridge() -> None:
    """Make the current MAC address of the containers' bridge permanent.

    By default, Linux gives a bridge the lowest address of its ports, which changes when that container is removed. The other
    containers then send to the old address for up to a minute, and clients get no answer.
    """
    bridge = podman("network", "inspect", "podman", "--format={{.NetworkInterface}}")
    address = Path(f"/sys/class/net/{bridge}/address").read_text().strip()
    as_root = [] if os.getuid() == 0 else ["sudo"]
    subprocess.run([*as_root, "ip", "link", "set", "dev", bridge, "address", address], check=True)


def up(name: str, image: str, labels: list[str], options: list[str]) -> None:
    # Once in hundreds of times, podman fails while it starts or removes another container.
    podman(
        *("run", "--detach", "--replace", f"--name={name}", f"--hostname={name}", "--systemd=always"),
        f"--env=HOSTNAME={name}",  # otherwise an image built from a container passes on that container's name
        *(f"--label={label}" for label in (f"collab.checkout={ROOT}", *labels)),
        *download_options(),
        *options,
        image,
        "/sbin/init",
        tries=TRIES,
    )
    keep_address_of_bridge()
    # Booting clears /tmp, which breaks tests that start too early. The state "degraded" is good enough: each test checks the
    # services that it needs.
    deadline = time.monotonic() + 60
    while True:
        # Prints nothing in the first moments, before the bus exists.
        state = podman("exec", name, "systemctl", "is-system-running", "--wait", check=False)
        if state in ("running", "degraded"):
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} did not boot: {state or 'systemd does not answer'}")
        time.sleep(0.1)


def labelled(label: str) -> list[str]:
    """Return the names of this checkout's containers with a label, running or not; of all containers if the label is empty."""
    filters = [f"--filter=label=collab.checkout={ROOT}"]
    if label:
        filters.append(f"--filter=label={label}")
    return podman("ps", "--all", "--format={{.Names}}", *filters).split()


def down(label: str) -> None:
    # podman fails if a container ends at the moment when it is removed.
    if names := labelled(label):
        form = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}'
        volumes = podman("inspect", f"--format={form}", *names).split()
        podman("rm", "--force", "--time=1", "--volumes", "--ignore", *names, tries=TRIES)
        # Those with names, which several containers share.
        if left := {*podman("volume", "ls", "--quiet").split()} & {*volumes}:
            podman("volume", "rm", *left, tries=TRIES)


def logs(label: str, lines: int = 60) -> None:
    for name in labelled(label):
        print(f"\n--- {name}: end of the hub's journal ---", flush=True)
        journal = ["journalctl", "--no-pager", f"--lines={lines}", "--unit=jupyterhub*"]
        subprocess.run(["podman", "exec", name, *journal], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    start = actions.add_parser("up")
    start.add_argument("name")
    start.add_argument("image")
    start.add_argument("--label", action="append", default=[])
    start.add_argument("--option", action="append", default=[], help="an additional option for podman run")
    for action in ("down", "logs"):
        actions.add_parser(action).add_argument("label", nargs="?", default="")
    given = parser.parse_args()

    if given.action == "up":
        # build.py imports this module to start containers, so it cannot be imported at the top.
        from build import image_id  # noqa: PLC0415

        up(given.name, image_id(given.image), given.label, given.option)
    else:
        {"down": down, "logs": logs}[given.action](given.label)


if __name__ == "__main__":
    main()
