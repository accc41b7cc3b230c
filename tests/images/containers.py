# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers that tests run in: each boots systemd, so it is a small Debian server.

up NAME IMAGE       start one from an image that build.py knows and wait until it has booted
down LABEL          remove those with this label
logs LABEL          print the end of the hub's journal of each
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

# Where these are set on the host, downloads inside the containers have to go the same way.
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
    """Packages are downloaded once: all containers share the caches of uv, pip and npm."""
    env = {"UV_LINK_MODE": "copy"}  # the cache is another file system, where uv's hard links do not reach
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
    """Give the containers' bridge the address that it has, for good.

    Without that Linux gives it the lowest address of its ports, which is another one when that container has gone. The
    others go on sending to the old one for up to a minute, so clients get no answer meanwhile.
    """
    bridge = podman("network", "inspect", "podman", "--format={{.NetworkInterface}}")
    address = Path(f"/sys/class/net/{bridge}/address").read_text().strip()
    as_root = [] if os.getuid() == 0 else ["sudo"]
    subprocess.run([*as_root, "ip", "link", "set", "dev", bridge, "address", address], check=True)


def up(name: str, image: str, labels: list[str], options: list[str]) -> None:
    # podman may fail, once in hundreds of times, while it starts or removes another one.
    podman(
        *("run", "--detach", "--replace", f"--name={name}", f"--hostname={name}", "--systemd=always"),
        f"--env=HOSTNAME={name}",  # else an image made from a container hands that one's name on
        *(f"--label={label}" for label in (f"collab.checkout={ROOT}", *labels)),
        *download_options(),
        *options,
        image,
        "/sbin/init",
        tries=TRIES,
    )
    keep_address_of_bridge()
    # Boot clears /tmp, which breaks tests that begin too early. Degraded is up as well: what a test needs
    # to be running it asks for itself.
    deadline = time.monotonic() + 60
    while True:
        # Says nothing at all in the first moments, when there is no bus yet.
        state = podman("exec", name, "systemctl", "is-system-running", "--wait", check=False)
        if state in ("running", "degraded"):
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} did not boot: {state or 'systemd does not answer'}")
        time.sleep(0.1)


def labelled(label: str) -> list[str]:
    """Names of this checkout's containers with the label, running or not; all of them where it is empty."""
    filters = [f"--filter=label=collab.checkout={ROOT}"]
    if label:
        filters.append(f"--filter=label={label}")
    return podman("ps", "--all", "--format={{.Names}}", *filters).split()


def down(label: str) -> None:
    # podman gives up on a container that ends just when it is told to.
    if names := labelled(label):
        podman("rm", "--force", "--time=1", "--volumes", "--ignore", *names, tries=TRIES)


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
    start.add_argument("--option", action="append", default=[], help="one more option for podman run")
    for action in ("down", "logs"):
        actions.add_parser(action).add_argument("label", nargs="?", default="")
    given = parser.parse_args()

    if given.action == "up":
        # build.py starts containers to make images in, so it cannot be imported above.
        from build import image_id  # noqa: PLC0415

        up(given.name, image_id(given.image), given.label, given.option)
    else:
        {"down": down, "logs": logs}[given.action](given.label)


if __name__ == "__main__":
    main()
