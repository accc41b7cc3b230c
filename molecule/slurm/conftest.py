# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the hub, and what Slurm does with servers."""

import pytest

from scenario import Platform
from slurm_cluster import Cluster, cluster_of


@pytest.fixture(scope="session")
def cluster(platform: Platform) -> Cluster:
    return cluster_of(platform)


@pytest.fixture(autouse=True)
def all_nodes_in_use(cluster: Cluster) -> None:
    """Every test begins with all nodes that run."""
    cluster.only_use(*cluster.running())
