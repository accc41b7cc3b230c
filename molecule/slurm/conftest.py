# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the hub, and what Slurm does with servers."""

import pytest
import testinfra
from testinfra.host import Host

from scenario import Platform
from slurm_cluster import Cluster

NODES = ("1", "2")


@pytest.fixture(scope="session")
def cluster(platform: Platform, host: Host) -> Cluster:
    names = [f"{platform.name}-{number}" for number in NODES]
    return Cluster(host, {name: testinfra.get_host(f"podman://{name}") for name in names})


@pytest.fixture(autouse=True)
def all_nodes_in_use(cluster: Cluster) -> None:
    """Every test begins with all nodes that run."""
    cluster.only_use(*cluster.running())
