# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's hub in a container, as `make demo` starts it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import evidence
from build import image_id
from containers import down, download_options, podman
from scenario import ROOT

IMAGE = "collab-debian:trixie"  # built in advance; without it, the demo builds the same
# Initial content of the home directories of the shared account, alice and bob: notebooks, and a setting that disables the prompt
# about news.
HOME = Path(__file__).parent / "home"


def in_container(hub: str, *command: str, given: str = "") -> str:
    """Run a command on the hub's host with `given` as its standard input, and return its output."""
    inside = ["podman", "exec", "--interactive", hub, *command]
    return subprocess.run(inside, check=True, capture_output=True, text=True, input=given).stdout


@contextmanager
def demo_hub(hub: str, port: int, *, keep: bool = False, **settings: Any) -> Iterator[str]:
    """Start the demo in a container named `hub`, and yield its output. No server has been started on its hub yet.

    port: the hub's port on this machine. keep: leaves the container running. settings: variables of the roles.
    """
    label = f"collab.scenario={hub}"
    variables = {
        "demo_name": hub,
        "demo_port": port,
        "demo_image": image_id(IMAGE),
        # Use the same download caches as other test hubs.
        "demo_volumes": [f"--label=collab.checkout={ROOT}", f"--label={label}", *download_options()],
        "demo_environment": {},
        **settings,
    }
    try:
        # The demo reuses an existing container, which a run of another checkout may have left.
        podman("rm", "--force", "--time=1", "--volumes", "--ignore", hub)
        command = ["ansible-playbook", "collab.jupyterhub.demo", "--extra-vars", json.dumps(variables)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            evidence.keep_journals(hub, evidence.FAILURES / "browser")  # before the container is removed
        assert done.returncode == 0, done.stdout + done.stderr
        for owner in ("shared", "alice", "bob"):
            subprocess.run(["podman", "cp", f"{HOME}/.", f"{hub}:/home/{owner}"], check=True)
            in_container(hub, "chown", "-R", f"{owner}:", f"/home/{owner}")
        yield done.stdout
    finally:
        if not keep:
            down(label)
