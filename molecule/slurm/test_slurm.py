# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers are Slurm jobs on nodes that the play has prepared."""

from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from people import Failed, Hub, Person
from scenario import (
    PASSWORDS,
    Credentials,
    Platform,
    edit_together,
    installed,
    keep_out,
    run_playbook,
    verified,
)
from sharing import accept, begin, make_link
from slurm_cluster import Cluster, run

LAB = "/opt/lab/bin/python"
PACKAGE = "/usr/local/lib/collab.jupyterhub"
PEOPLE = [{"name": name, "password": PASSWORDS[name]} for name in ("alice", "bob")]


def test_play_prepares_the_nodes(cluster: Cluster, host: Host) -> None:
    """Requirement 140: the nodes have the package, the same jupyter-collaboration as the hub's host, and the account with the same numbers."""
    numbers = host.check_output("id --user shared"), host.check_output("id --group shared")
    for node in cluster.nodes.values():
        assert installed(node, LAB)["jupyter-collaboration"] == installed(host, LAB)["jupyter-collaboration"]
        assert node.check_output(f"ls --ignore=uv {PACKAGE}") == host.check_output(
            f"ls --ignore=uv {PACKAGE}"
        )
        assert (node.check_output("id --user shared"), node.check_output("id --group shared")) == numbers
        assert node.check_output("passwd --status shared").split()[1] == "L"
        disabled = "/opt/lab/etc/jupyter/labconfig/page_config.d/collab-rtc.json"
        assert node.file(disabled).content == host.file(disabled).content


def test_two_people_edit_in_a_job(alice: Person, bob: Person, cluster: Cluster) -> None:
    """Requirements 3 to 5: the shared server is a job on a node, and two people edit there."""
    alice.open("shared")
    assert cluster.job("shared")["JobState"] == "RUNNING"
    node = cluster.node_of("shared")
    assert node.run("pgrep -u shared -f singleuser").rc == 0
    edit_together(alice, bob, "shared", node)


def test_second_run_changes_nothing(cluster: Cluster, platform: Platform) -> None:
    again = run(cluster, platform)
    assert (again.code, again.changed) == (0, 0), again.output


def test_outsiders_stay_out(hub: Hub, mallory: Credentials, alice: Person) -> None:
    alice.open("shared")
    keep_out(hub, "shared", mallory)


def test_login_on_the_node_opens_nothing(alice: Person, cluster: Cluster, mallory: Credentials) -> None:
    """Mallory has an account and a shell on the node, next to the server."""
    server = alice.open("shared")
    server.write_file("secret.txt", "secret")
    node = cluster.node_of("shared")

    def as_mallory(command: str) -> Any:
        return node.run("runuser -u mallory -- sh -c %s", command)

    process = node.check_output("pgrep -u shared -f '^/opt/lab/bin/python .*singleuser'")
    told = node.check_output(f"tr '\\0' '\\n' </proc/{process}/environ")
    environment = dict(line.partition("=")[::2] for line in told.splitlines())
    # Other processes of the job listen, too, but only tornado with this backlog.
    port = node.check_output(
        "ss -Htln | awk '$3 == 128 && $4 ~ /^0.0.0.0:/ { sub(/.*:/, \"\", $4); print $4 }'"
    )
    prefix = environment["JUPYTERHUB_SERVICE_PREFIX"]
    code = (
        "import sys, urllib.request, urllib.error\n"
        "try: print(urllib.request.urlopen(sys.argv[1]).status)\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )
    asked = node.run(
        "runuser -u mallory -- python3 -c %s %s", code, f"http://localhost:{port}{prefix}api/contents"
    )
    assert asked.stdout.strip() == "403", asked
    token = environment["JUPYTERHUB_API_TOKEN"]
    for command in (
        f"cat /proc/{process}/environ",
        "cat /home/shared/secret.txt",
        "ls /home/shared/.local/state/jupyterhub-rtc/default",
    ):
        assert as_mallory(command).rc != 0, command
    told = as_mallory("ps -ef; scontrol show job --details; squeue --long; cat /home/shared/*.log")
    assert token not in told.stdout + told.stderr


def test_guest_may_not_end_the_job(alice: Person, bob: Person, cluster: Cluster) -> None:
    """The guard is in force on a node: a guest cannot end the server from inside."""
    alice.open(alice.name)
    begin(alice)
    accept(bob, make_link(alice))
    refused = bob.visit("alice").api("POST", "api/shutdown")
    assert refused.status_code == 403
    assert cluster.job("alice")["JobState"] == "RUNNING"
    alice.stop(alice.name)


def test_verify_asks_for_accounts_that_nodes_know(cluster: Cluster, platform: Platform) -> None:
    """Nothing is started with accounts that only the hub's host has."""
    wrong = run_playbook("collab.jupyterhub.verify", platform.name, jupyterhub_rtc_nodes=[*cluster.nodes])
    assert wrong.code != 0
    assert "Name two test accounts that all hosts have in jupyterhub_verify_accounts" in wrong.said


def test_verify_finds_nothing_wrong(cluster: Cluster, platform: Platform, tmp_path: Path) -> None:
    """The checks' own accounts would exist on the hub's host only, so they use two that all hosts know."""
    found = verified(platform.name, tmp_path / "report.json", jupyterhub_verify_accounts=PEOPLE)
    assert "two users edit together on the shared server" in found


def test_limits_reach_the_job(alice: Person, cluster: Cluster, platform: Platform) -> None:
    """Requirement 141: the job requests what the variables say, and who starts the server cannot change it."""
    limited = run(cluster, platform, jupyterhub_rtc_mem_limit="1.5G", jupyterhub_rtc_cpu_limit=2)
    assert limited.code == 0, limited.output
    alice.stop("shared")
    options = {
        "memory": "3G",
        "nprocs": "4",
        "runtime": "60 --mem=3G",
        "options": "--mem=3G --cpus-per-task=4",
    }
    assert alice.api("POST", "/hub/api/users/shared/server", options).status_code in (201, 202)
    alice.open("shared")
    job = cluster.job("shared")
    assert (job["MinMemoryNode"], job["NumCPUs"]) == ("1.50G", "2")
    assert job["Requeue"] == "0"
    # What people submit from there is theirs.
    with alice.visit("shared").open_terminal() as terminal:
        terminal.type("echo set:${SBATCH_NO_REQUEUE:-not}:")
        terminal.wait_for("set:not:")


def test_limit_that_slurm_cannot_keep_is_refused(cluster: Cluster, platform: Platform) -> None:
    """Requirement 141: the play names the limit, and changes nothing."""
    wrong = run(cluster, platform, jupyterhub_rtc_cpu_limit=1.5)
    assert wrong.code != 0
    assert "jupyterhub_rtc_cpu_limit cannot be in force for Slurm jobs: Slurm gives whole CPUs" in wrong.said
    assert run(cluster, platform).code == 0


def test_unprepared_node_is_refused(alice: Person, cluster: Cluster) -> None:
    """Requirement 91: a server on a node without the package is stopped before anyone enters, and its user is told why."""
    name, node = next(iter(cluster.nodes.items()))
    alice.stop("shared")
    cluster.only_use(name)
    node.check_output(f"mv {PACKAGE} {PACKAGE}.away")
    try:
        with pytest.raises(Failed, match="its environment lacks the protection"):
            alice.open("shared")
        assert cluster.jobs("shared") == []
    finally:
        node.check_output(f"mv {PACKAGE}.away {PACKAGE}")
    alice.open("shared")
