# SPDX-License-Identifier: GPL-3.0-or-later
"""`jupyterhub_rtc_state: absent` cleans the nodes, too."""

from testinfra.host import Host

from people import Person
from scenario import Platform, installed
from slurm_cluster import Cluster, run

LAB = "/opt/lab/bin/python"
OURS = (
    "find /usr/local/lib /opt/lab -path '*collab*jupyterhub*' -o -name 'collab-*.json' -o -name 'zz-collab-*'"
)


def test_nothing_is_left_on_the_nodes(
    alice: Person, cluster: Cluster, host: Host, platform: Platform
) -> None:
    """Requirement 142: the package, JupyterLab's settings, the packages and the account are gone, and the account's files are kept."""
    alice.open("shared")
    gone = run(cluster, platform, jupyterhub_rtc_state="absent")
    assert gone.code == 0, gone.output
    assert cluster.jobs("shared") == []
    for name in cluster.running():
        node = cluster.nodes[name]
        assert node.check_output(OURS) == ""
        assert "jupyter-collaboration" not in installed(node, LAB)
        assert node.run("getent passwd shared").rc != 0
    assert host.file("/home/shared").exists
    assert installed(host, LAB).keys() == installed(cluster.nodes[cluster.running()[0]], LAB).keys()
    again = run(cluster, platform, jupyterhub_rtc_state="absent")
    assert (again.code, again.changed) == (0, 0), again.output
