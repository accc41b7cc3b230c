# SPDX-License-Identifier: GPL-3.0-or-later
"""KubeSpawner's pods, run by podman: the hub and the servers have the images and values that the playbook has written."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from testinfra.host import Host

from people import Failed, Hub, Person, Refused
from scenario import wait_until
from sharing import accept, begin, make_link
from two_tabs import Tabs, carry_on_after_kill, carry_on_after_stop, open_tabs

SHARED = "shared"
UNPREPARED = "localhost/stacks:1"
STATE = ".local/state/jupyterhub-rtc/default"


def pod_of(host: Host, owner: str) -> dict[str, Any]:
    """Return the manifest of a user's pod, as KubeSpawner has made it and podman has run it."""
    found: dict[str, Any] = yaml.safe_load(host.file(f"/srv/cluster/jupyter-{owner}.yaml").content_string)
    return found


def container_of(host: Host, owner: str) -> dict[str, Any]:
    """Return what podman says about the container of a user's server."""
    (name,) = host.check_output(
        "podman ps --all --filter=pod=jupyter-%s --filter=name=notebook --format='{{.Names}}'", owner
    ).split()
    found: dict[str, Any] = json.loads(host.check_output("podman container inspect %s", name))[0]
    return found


def volume_of(host: Host, owner: str) -> str:
    """Return where the host has the volume of a user's home directory."""
    (claim,) = (
        each["persistentVolumeClaim"]["claimName"]
        for each in pod_of(host, owner)["spec"]["volumes"]
        if "persistentVolumeClaim" in each
    )
    return str(host.check_output("podman volume inspect --format '{{.Mountpoint}}' %s", claim))


def in_home(host: Host, owner: str, path: str) -> str:
    return str(host.file(f"{volume_of(host, owner)}/{path}").content_string)


@pytest.fixture
def both(alice: Person, bob: Person, request: pytest.FixtureRequest) -> Iterator[Tabs]:
    """Two people with one file open on the shared server, in which both have typed."""
    with open_tabs(SHARED, alice, bob, f"{request.node.originalname}.txt") as tabs:
        yield tabs


def test_two_people_edit_in_a_pod(both: Tabs, host: Host, images: dict[str, str]) -> None:
    """Requirements 3 to 5: the shared server is a pod of the image from the recipe, and the file is on its volume."""
    wait_until(lambda: in_home(host, SHARED, both[0].path) == "from alice\nfrom bob\n")
    assert container_of(host, SHARED)["ImageName"] == images["singleuser"]
    assert host.check_output("podman inspect --format '{{.ImageName}}' hub") == images["hub"]


def test_stop_costs_nobody_a_tab(both: Tabs, alice: Person, bob: Person, host: Host) -> None:
    """The pod is deleted. Tabs that were open carry on in the next one, with all that was typed meanwhile."""
    before = container_of(host, SHARED)["Id"]

    def stop() -> None:
        alice.stop(SHARED)
        assert "jupyter-shared" not in host.check_output("podman pod ps --format '{{.Name}}'").split()

    # Through the API, so that nobody goes through a login of the server again.
    carry_on_after_stop(both, stop, lambda: bob.start(SHARED))
    assert container_of(host, SHARED)["Id"] != before
    wait_until(lambda: in_home(host, SHARED, both[0].path) == both[0].text)


def test_killed_pod_loses_nothing(both: Tabs, bob: Person, host: Host) -> None:
    """As when a node fails: what people have seen of each other is in the history, on the volume."""

    def start() -> None:
        bob.stop(SHARED)
        bob.start(SHARED)

    carry_on_after_kill(both, lambda: host.check_output("podman pod kill jupyter-shared"), start)
    wait_until(lambda: in_home(host, SHARED, both[0].path) == both[0].text)
    assert host.file(f"{volume_of(host, SHARED)}/{STATE}/documents.db").size


def test_limits_reach_the_pod(alice: Person, host: Host) -> None:
    """Memory is limited, and the server runs as the account of the chart, without root."""
    alice.open(SHARED)
    found = container_of(host, SHARED)
    assert found["HostConfig"]["Memory"] == 1500 * 1024**2
    assert host.check_output("podman exec %s id -u", found["Name"]) == "1000"


def test_project_has_a_pod(alice: Person, bob: Person, hub: Hub) -> None:
    """Members start the project's server and edit there, and others do not get in."""
    server = alice.open("project-soil")
    server.write_file("both.txt")
    with server.document("both.txt") as hers, bob.visit("project-soil").document("both.txt") as his:
        hers.insert(0, "from alice\n")
        his.wait_until(lambda document: document.text == "from alice\n")
    with pytest.raises(Refused):
        hub.login("mallory", "any").visit("project-soil")
    alice.stop("project-soil")


def test_sharing_page_is_reached_through_the_proxy(alice: Person, bob: Person) -> None:
    """The page runs in the hub's pod. A guest arrives on the owner's pod, and cannot end it."""
    begin(alice)
    accept(bob, make_link(alice))
    refused = bob.visit("alice").api("POST", "api/shutdown")
    assert refused.status_code == 403


def test_hub_that_restarts_leaves_pods_alone(both: Tabs, host: Host, hub: Hub) -> None:
    hers, his = both
    before = container_of(host, SHARED)["Id"]
    host.check_output("podman restart hub")
    wait_until(lambda: hub.is_up)
    hers.append("after the hub\n")
    his.wait_until(lambda document: "after the hub" in document.text)
    assert container_of(host, SHARED)["Id"] == before


def test_image_without_the_package_is_closed_to_others(
    alice: Person, host: Host, images: dict[str, str]
) -> None:
    """Requirement 91: the hub stops the pod, and tells its user."""
    alice.stop(SHARED)
    prepared = host.check_output("podman image inspect --format '{{.Id}}' %s", images["singleuser"])
    host.check_output("podman tag %s %s", UNPREPARED, images["singleuser"])
    try:
        with pytest.raises(Failed, match="its environment lacks the protection"):
            alice.open(SHARED)
    finally:
        host.check_output("podman tag %s %s", prepared, images["singleuser"])
    alice.open(SHARED)
