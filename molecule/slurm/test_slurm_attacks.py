# SPDX-License-Identifier: GPL-3.0-or-later
"""What users get who run jobs, or have a terminal, on the node where another user's server is."""

import re
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from people import Person, Server
from scenario import wait_until
from slurm_cluster import Cluster

SECRET = "only alice and her guests read this"
# Prints the status of an answer, for each of the URLs and headers given.
ASK = (
    "import sys, urllib.request, urllib.error\n"
    "request = urllib.request.Request(sys.argv[1], headers=dict(each.split('=', 1) for each in sys.argv[2:]))\n"
    "try: print(urllib.request.urlopen(request, timeout=20).status)\n"
    "except urllib.error.HTTPError as error: print(error.code)"
)
# As a guest would, with the server's own token: tries to make the hub run a program as its own account.
REPORT = (
    "import json, os, urllib.request, urllib.error\n"
    "body = json.dumps({'batch_query_cmd': 'touch /tmp/owned; true', 'exec_prefix': ''}).encode()\n"
    "token = {'Authorization': 'token ' + os.environ['JUPYTERHUB_API_TOKEN']}\n"
    "request = urllib.request.Request(os.environ['JUPYTERHUB_API_URL'] + '/batchspawner', body, token)\n"
    "try: print('answer', urllib.request.urlopen(request).status)\n"
    "except urllib.error.HTTPError as error: print('answer', error.code)\n"
)


class Neighbour:
    """bob, who has no access to alice's server, and submits jobs to the node where it runs."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.job = cluster.job("alice")
        self.node = cluster.node_of("alice")

    def submit(self, command: str) -> tuple[bool, str]:
        """Run a command in a job on alice's node. Return whether it succeeded, and what it printed."""
        name = self.job["BatchHost"]
        done = self.cluster.controller.run(
            "runuser -u bob -- srun --chdir=/tmp --nodelist=%s --mem=50M sh -c %s 2>&1", name, command
        )
        return done.rc == 0, done.stdout + done.stderr

    def run(self, command: str) -> tuple[bool, str]:
        """Run a command on the hub's host, from which jobs are submitted."""
        done = self.cluster.controller.run("runuser -u bob -- sh -c %s", command)
        return done.rc == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def server(alice: Person, cluster: Cluster) -> Iterator[Server]:
    """alice's server, with a file. It starts before the first test has resumed the nodes."""
    cluster.only_use(*cluster.running())
    server = alice.open(alice.name)
    server.write_file("secret.txt", SECRET)
    yield server
    alice.stop(alice.name)


@pytest.fixture
def bob(server: Server, cluster: Cluster) -> Neighbour:
    assert server
    return Neighbour(cluster)


def process_of(node: Host, account: str) -> str:
    return str(node.check_output("pgrep -o -u %s -f '^/opt/lab/bin/python .*singleuser'", account))


def variables_of(node: Host, account: str) -> dict[str, str]:
    told = node.check_output("tr '\\0' '\\n' </proc/%s/environ", process_of(node, account))
    return dict(line.partition("=")[::2] for line in told.splitlines())


def listeners(node: Host, account: str) -> dict[str, set[str]]:
    """Return the addresses at which an account's processes listen, by the name of the program. Each account sees its own."""
    found: dict[str, set[str]] = {}
    for line in node.check_output("runuser -u %s -- ss -Htlnp", account).splitlines():
        if program := re.search(r'users:\(\("([^"]+)"', line):
            found.setdefault(program[1], set()).add(line.split()[3])
    return found


def open_to_all(node: Host, account: str) -> set[str]:
    """Return the ports of an account that other hosts reach, except those with which Slurm passes on what a job prints."""
    return {
        address.rpartition(":")[2]
        for program, addresses in listeners(node, account).items()
        for address in addresses
        if program != "srun" and not address.startswith(("127.", "[::1]"))
    }


def test_neighbour_runs_there(bob: Neighbour) -> None:
    """Otherwise, the other tests would show nothing."""
    assert bob.submit("id -un; hostname") == (True, f"bob\n{bob.job['BatchHost']}\n")


def test_neighbour_reads_nothing_of_the_server(bob: Neighbour) -> None:
    """Files, environment and memory of the server, what Slurm keeps of its job, and what it says about it."""
    process = process_of(bob.node, "alice")
    token = variables_of(bob.node, "alice")["JUPYTERHUB_API_TOKEN"]
    assert len(token) > 20
    job = bob.job["JobId"]
    for command in (
        "cat /home/alice/secret.txt",
        "ls -R /home/alice",
        f"cat /proc/{process}/environ",
        f"head -c 1 /proc/{process}/mem",
        f"ls /proc/{process}/fd",
        "cat /home/alice/*.log",
        f"cat /var/lib/slurm/slurmd/job*{job}/slurm_script",
        "cat /etc/munge/munge.key",
    ):
        succeeded, told = bob.submit(command)
        assert not succeeded, f"{command}: {told}"
    # This one refuses without a status.
    _, script = bob.submit(f"scontrol write batch_script {job} -")
    assert "#SBATCH" not in script
    _, told = bob.submit(
        f"scontrol show job --details {job}; squeue --long; squeue --Format=all; ps -efww; sstat --jobs={job}; cat /proc/*/cmdline; "
        "grep -ra JUPYTERHUB_API_TOKEN= /tmp /var/lib/slurm /var/log /run /dev/shm"
    )
    _, at_the_hub = bob.run(
        "ps -efww; grep -ra JUPYTERHUB_API_TOKEN= /tmp /var/lib/slurm /var/log /run /dev/shm"
    )
    assert "alice" in told
    assert token not in told + at_the_hub
    assert SECRET not in told


def test_neighbour_does_not_control_the_job(bob: Neighbour, server: Server, cluster: Cluster) -> None:
    """Nor submits jobs in alice's name."""
    job = bob.job["JobId"]
    for command in (
        f"scancel {job}",
        f"scontrol requeue {job}",
        f"scontrol suspend {job}",
        f"scontrol update jobid={job} timelimit=1",
        f"srun --jobid={job} --overlap --immediate=10 id",
        "sbatch --uid=alice --wrap id",
    ):
        succeeded, told = bob.run(command)
        assert not succeeded, f"{command}: {told}"
    _, told = bob.run(f"timeout 10 sattach {job}.0")
    assert "Jupyter" not in told, told
    assert server.me()["identity"]["username"] == "alice"
    assert cluster.job("alice")["JobId"] == job


def test_port_of_the_server_opens_only_with_access(bob: Neighbour, server: Server) -> None:
    """The server listens for all hosts of the network, because the proxy runs on another one. The guard asks the hub about everyone."""
    (port,) = open_to_all(bob.node, "alice")
    start = (
        f"http://{bob.job['BatchHost']}:{port}{variables_of(bob.node, 'alice')['JUPYTERHUB_SERVICE_PREFIX']}"
    )
    for header in (
        "X=1",
        "Authorization=token none",
        "X-Forwarded-User=alice",
        "Cookie=jupyterhub-user-alice=x",
    ):
        for path in ("api/contents", "api/kernels", "api/terminals"):
            told = bob.submit(f"python3 -c \"{ASK}\" {start}{path} '{header}'")
            assert told == (True, "403\n"), (header, path)
    assert server.me()["identity"]["username"] == "alice"


def test_kernels_listen_on_their_node_only(bob: Neighbour, server: Server) -> None:
    before = open_to_all(bob.node, "alice")
    kernel = server.start_kernel()["id"]
    wait_until(lambda: len(set().union(*listeners(bob.node, "alice").values())) > 5)
    assert open_to_all(bob.node, "alice") == before
    server.ask("DELETE", f"api/kernels/{kernel}")


def test_own_token_of_a_server_does_not_command_the_hub(alice: Person, host: Host, cluster: Cluster) -> None:
    """Requirement 143: batchspawner's endpoint would set any attribute of the spawner, such as the commands that the hub runs as root."""
    server = alice.open("shared")
    (job,) = cluster.jobs("shared")
    server.write_file("report.py", REPORT)
    with server.open_terminal() as terminal:
        terminal.type("python3 report.py")
        terminal.wait_for("answer 400")
    alice.stop("shared")
    assert not host.file("/tmp/owned").exists
    wait_until(lambda: job not in cluster.jobs("shared"))
    alice.open("shared")
