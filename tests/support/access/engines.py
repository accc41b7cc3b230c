# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply variables to a hub whose servers are units of its host, Slurm jobs or containers, as its administrator would."""

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import testinfra

from scenario import Platform, Play, play
from slurm_cluster import cluster_of, run

RECIPE = "/srv/lab"


@dataclass(frozen=True)
class Engine:
    """What runs the servers of a hub.

    python: the hub's interpreter. apply: runs the playbook `jupyter_rtc` with variables, and does what its report asks for.
    """

    python: str
    apply: Callable[[Platform, dict[str, Any]], Play]


def _on_the_host(platform: Platform, variables: dict[str, Any]) -> Play:
    return play("jupyter_rtc", platform.name, **variables)


def _on_nodes(platform: Platform, variables: dict[str, Any]) -> Play:
    return run(cluster_of(platform), platform, **variables)


def _in_containers(platform: Platform, variables: dict[str, Any]) -> Play:
    """Run the play, then build the image from the recipe that it has written."""
    with tempfile.TemporaryDirectory() as recipe:
        done = play(
            "jupyter_rtc",
            platform.name,
            jupyter_rtc_venv="none",
            jupyterhub_rtc_image_directory=recipe,
            jupyterhub_rtc_image_base="localhost/stacks:1",
            **variables,
        )
        if done.code == 0:
            host = testinfra.get_host(f"podman://{platform.name}")
            host.check_output("rm -rf %s", RECIPE)
            subprocess.run(["podman", "cp", recipe, f"{platform.name}:{RECIPE}"], check=True)
            host.check_output("build-image localhost/lab:latest %s", RECIPE)
    return done


# By the image that the hub's container starts from.
ENGINES = {
    "collab-applied": Engine("/usr/local/jupyterhub/bin/python", _on_the_host),
    "collab-slurm": Engine("/opt/hub/bin/python", _on_nodes),
    "collab-containers": Engine("/opt/hub/bin/python", _in_containers),
}


def engine_of(platform: Platform) -> Engine:
    return ENGINES[platform.image.partition(":")[0]]
