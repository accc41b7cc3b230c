# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people edit while Slurm, an administrator or a node ends their server's job. Nothing that either has seen is lost."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from testinfra.host import Host

from people import Person
from scenario import wait_until
from slurm_cluster import Cluster

SEEN = "what both have seen\n"
AWAY = "typed while the server was away\n"
# Comes before Slurm's own for sudo. The job is there before the command says so.
SUBMITS_SLOWLY = """#!/bin/sh
job=$(/usr/bin/sbatch "$@") && sleep 3 && echo "$job"
"""


class Pair:
    """Two people who have one text file open on the shared server."""

    def __init__(
        self, first: Person, second: Person, administrator: Person, path: str, belongings: ExitStack
    ) -> None:
        self.first, self.second, self.administrator, self.path = first, second, administrator, path
        server = first.open("shared")
        server.write_file(path)
        self.one = belongings.enter_context(server.document(path))
        self.other = belongings.enter_context(second.visit("shared").document(path))

    def type(self, text: str) -> None:
        """The first person types, and the second has seen it."""
        self.one.append(text)
        self.other.wait_until(lambda document: document.text.endswith(text))

    def lose_server(self, end: Callable[[], object]) -> None:
        """End the server right after the second person has seen a change, then type on both sides, and start it again."""
        self.type(SEEN)
        end()
        self.one.disconnect()
        self.other.disconnect()
        self.one.append(AWAY)
        self.other.insert(0, AWAY)
        model = "/hub/api/users/shared"
        wait_until(lambda: not self.administrator.api("GET", model).json()["server"], 90)

    def find_everything(self) -> None:
        """Start the server. Both tabs reconnect and have all text, once."""
        self.first.open("shared")
        self.one.reconnect()
        self.other.reconnect()
        whole = f"{AWAY}{SEEN}{AWAY}"
        for document in (self.one, self.other):
            document.wait_until(lambda document: document.text == whole)
        self.type("and after that\n")


@pytest.fixture
def pair(alice: Person, bob: Person, carol: Person, request: pytest.FixtureRequest) -> Iterator[Pair]:
    with ExitStack() as belongings:
        yield Pair(alice, bob, carol, f"{request.node.originalname}.txt", belongings)


def test_scancel(pair: Pair, cluster: Cluster) -> None:
    """The server saves when its job is canceled."""
    (job,) = cluster.jobs("shared")
    pair.lose_server(lambda: cluster.controller.check_output("scancel %s", job))
    pair.find_everything()
    assert cluster.jobs("shared") != [job]


def test_job_that_is_killed_at_once(pair: Pair, cluster: Cluster) -> None:
    """What people have seen is in the history, however suddenly the server ends."""
    node = cluster.node_of("shared")
    pair.lose_server(lambda: node.run("pkill -KILL -u shared"))
    pair.find_everything()


def test_drain(pair: Pair, cluster: Cluster) -> None:
    """A server on a node that is drained continues, and the next one starts on another node."""
    before = cluster.job("shared")["BatchHost"]
    (other,) = {*cluster.nodes} - {before}
    cluster.only_use(other)
    pair.type("while the node drains\n")
    pair.one.delete(0, len(pair.one.text))
    pair.other.wait_until(lambda document: document.text == "")
    pair.lose_server(lambda: pair.first.stop("shared"))
    pair.find_everything()
    assert cluster.job("shared")["BatchHost"] == other


@pytest.fixture
def slow_submission(host: Host) -> Iterator[None]:
    host.check_output(
        "printf %%s %s >/usr/local/bin/sbatch && chmod 755 /usr/local/bin/sbatch", SUBMITS_SLOWLY
    )
    yield
    host.check_output("rm /usr/local/bin/sbatch")


@pytest.mark.usefixtures("slow_submission")
def test_stop_while_the_job_is_submitted(alice: Person, carol: Person, cluster: Cluster) -> None:
    """Requirement 145: no job is left that nobody knows. It would hold the history, and the next server would begin a new one."""
    alice.stop("shared")
    with ThreadPoolExecutor() as other:
        starting = other.submit(alice.api, "POST", "/hub/api/users/shared/server")
        wait_until(lambda: cluster.jobs("shared"))
        carol.stop("shared")
        starting.result()
    wait_until(lambda: cluster.jobs("shared") == [])


def test_requeue(pair: Pair, cluster: Cluster) -> None:
    """Slurm does not start a server again where the hub would not find it. It says so, and the server continues."""
    (job,) = cluster.jobs("shared")
    refused = cluster.controller.run("scontrol requeue %s", job)
    assert refused.rc != 0
    assert cluster.jobs("shared") == [job]
    pair.type(SEEN)


def test_node_fails(pair: Pair, cluster: Cluster) -> None:
    """The node is gone at once. The server starts on another node, with the history that the first one has left."""
    name = cluster.job("shared")["BatchHost"]
    (other,) = {*cluster.nodes} - {name}
    pair.lose_server(
        lambda: subprocess.run(["podman", "kill", name], check=True, capture_output=True) and None
    )
    pair.find_everything()
    assert cluster.job("shared")["BatchHost"] == other
