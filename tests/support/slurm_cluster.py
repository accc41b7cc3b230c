# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of containers, for the tests of servers that are Slurm jobs."""

import subprocess
from dataclasses import dataclass
from typing import Any

import testinfra
from testinfra.host import Host

from scenario import Platform, Play, run_playbook, wait_until

NODES = ("1", "2")


@dataclass(frozen=True)
class Cluster:
    """The cluster of a hub, as its administrator sees it. controller: the hub's host. nodes: the hosts that run jobs, by name."""

    controller: Host
    nodes: dict[str, Host]

    def jobs(self, account: str) -> list[str]:
        """Return the IDs of an account's jobs that are queued or running."""
        return str(self.controller.check_output("squeue --noheader --user=%s --format=%%i", account)).split()

    def job(self, account: str) -> dict[str, str]:
        """Return what Slurm tells about the one job of an account."""
        (number,) = self.jobs(account)
        told = self.controller.check_output("scontrol show job --oneliner %s", number)
        return dict(word.split("=", 1) for word in told.split() if "=" in word)

    def node_of(self, account: str) -> Host:
        """Return the node on which an account's server runs."""
        return self.nodes[self.job(account)["BatchHost"]]

    def only_use(self, *names: str) -> None:
        """Let Slurm start jobs on these nodes only. What runs elsewhere continues."""
        for name in self.nodes:
            state = "resume" if name in names else "drain"
            self.controller.run(f"scontrol update nodename={name} state={state} reason=test")
        wait_until(lambda: {*names} <= self._usable(), timeout=20)

    def _usable(self) -> set[str]:
        told = self.controller.check_output("sinfo --noheader --Node --format='%%N %%T'")
        return {
            line.split()[0] for line in told.splitlines() if line.split()[1] in ("idle", "mixed", "allocated")
        }

    def running(self) -> list[str]:
        """Return the nodes whose containers run."""
        command = ["podman", "ps", "--format={{.Names}}"]
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return [name for name in self.nodes if name in names]


def cluster_of(platform: Platform) -> Cluster:
    """Return the cluster of a hub's container."""
    hosts = {name: testinfra.get_host(f"podman://{name}") for name in (platform.name, *_nodes_of(platform))}
    return Cluster(hosts.pop(platform.name), hosts)


def _nodes_of(platform: Platform) -> list[str]:
    return [f"{platform.name}-{number}" for number in NODES]


def run(cluster: Cluster, platform: Platform, **variables: Any) -> Play:
    """Run the playbook `jupyter_rtc` for the hub, with the nodes that run."""
    nodes = cluster.running()
    return run_playbook(
        "collab.jupyterhub.jupyter_rtc",
        ",".join([platform.name, *nodes]),
        f"--limit={platform.name}",
        jupyter_rtc_venv="auto",
        jupyterhub_rtc_nodes=nodes,
        **variables,
    )
