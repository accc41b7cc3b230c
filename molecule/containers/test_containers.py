# SPDX-License-Identifier: GPL-3.0-or-later
"""DockerSpawner on podman's socket. Servers are containers that are removed when they stop, with volumes for homes and histories."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from people import Failed, Hub, Person
from scenario import Credentials, Platform, Play, keep_out, play, verified, wait_until
from sharing import accept, begin, make_link
from two_tabs import Tabs, carry_on_after_kill, carry_on_after_stop, open_tabs

SHARED = "shared"
IMAGE = "localhost/lab:latest"
UNPREPARED = "localhost/stacks:1"
MAIN = "/usr/local/etc/jupyter/jupyterhub_config.py"
SETTINGS: dict[str, Any] = {
    "jupyter_rtc_venv": "none",
    "jupyterhub_rtc_mem_limit": "1500M",
    "jupyterhub_rtc_cpu_limit": 1.5,
    "jupyterhub_sharing_groups": ["teachers"],
}


def run(platform: Platform, tmp_path: Path, **variables: Any) -> Play:
    """Run the play again, with the scenario's variables and these."""
    image = {"jupyterhub_rtc_image_directory": str(tmp_path), "jupyterhub_rtc_image_base": UNPREPARED}
    return play("jupyter_rtc", platform.name, **(SETTINGS | image | variables))


def inspected(host: Host, owner: str) -> dict[str, Any]:
    """Return what podman says about the container of a user's server."""
    found: dict[str, Any] = json.loads(host.check_output("podman container inspect jupyter-%s", owner))[0]
    return found


def containers(host: Host) -> set[str]:
    return set(host.check_output("podman ps --all --format '{{.Names}}'").split())


def volumes(host: Host) -> set[str]:
    return set(host.check_output("podman volume ls --quiet").split())


def in_home(host: Host, owner: str, path: str) -> str:
    """Return a file on the volume of a user's home directory."""
    place = host.check_output("podman volume inspect --format '{{.Mountpoint}}' home-%s", owner)
    return str(host.file(f"{place}/{path}").content_string)


@pytest.fixture(scope="module", autouse=True)
def teachers(carol: Person, alice: Person) -> None:
    """Make alice a teacher, so that she can share her own server."""
    answer = carol.api("POST", "/hub/api/groups/teachers/users", {"users": [alice.name]})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def both(alice: Person, bob: Person, request: pytest.FixtureRequest) -> Iterator[Tabs]:
    """Two people with one file open on the shared server, in which both have typed."""
    with open_tabs(SHARED, alice, bob, f"{request.node.originalname}.txt") as tabs:
        yield tabs


def test_two_people_edit_in_a_container(both: Tabs, host: Host) -> None:
    """Requirements 3 to 5: the shared server is a container, and the file is on the volume of its home directory."""
    path = both[0].path
    wait_until(lambda: in_home(host, SHARED, path) == "from alice\nfrom bob\n")
    assert inspected(host, SHARED)["ImageName"] == IMAGE


def test_stop_costs_nobody_a_tab(both: Tabs, alice: Person, bob: Person, host: Host) -> None:
    """The container is removed. Tabs that were open carry on in the next one, with all that was typed meanwhile."""
    before = inspected(host, SHARED)["Id"]

    def stop() -> None:
        alice.stop(SHARED)
        assert "jupyter-shared" not in containers(host)

    # Through the API, so that nobody goes through a login of the server again.
    carry_on_after_stop(both, stop, lambda: bob.start(SHARED))
    assert inspected(host, SHARED)["Id"] != before
    wait_until(lambda: in_home(host, SHARED, both[0].path) == both[0].text)


def test_killed_container_loses_nothing(both: Tabs, bob: Person, host: Host) -> None:
    """What people have seen of each other is in the history, on a volume of its own."""

    def kill() -> None:
        host.check_output("podman kill jupyter-shared")
        wait_until(lambda: "jupyter-shared" not in containers(host))

    def start() -> None:
        bob.stop(SHARED)
        bob.start(SHARED)

    carry_on_after_kill(both, kill, start)
    wait_until(lambda: in_home(host, SHARED, both[0].path) == both[0].text)


def test_history_has_a_volume(alice: Person, host: Host) -> None:
    """Only a part of the home directory is on a volume, so the history has one of its own, where it is private."""
    alice.open(SHARED)
    (mount,) = [
        each for each in inspected(host, SHARED)["Mounts"] if each["Destination"] == "/var/lib/jupyterhub-rtc"
    ]
    assert (mount["Type"], mount["Name"]) == ("volume", "jupyter-collab-history-shared")
    assert host.check_output("find %s -name '*.sqlite*' -o -name '*.db'", mount["Source"])


def test_limits_reach_the_container(alice: Person, host: Host) -> None:
    """Requirement 70: memory and processors of the shared server are limited, and of other servers as before."""
    alice.open(SHARED)
    alice.open(alice.name)
    limits = inspected(host, SHARED)["HostConfig"]
    assert limits["Memory"] == 1500 * 1024**2
    assert limits["CpuQuota"] / limits["CpuPeriod"] == 1.5
    assert inspected(host, alice.name)["HostConfig"]["Memory"] == 0


def test_container_gets_time_to_save(alice: Person, host: Host) -> None:
    alice.open(SHARED)
    assert inspected(host, SHARED)["Config"]["StopTimeout"] == 30


def test_guest_may_not_end_a_container(alice: Person, bob: Person) -> None:
    """The guard is in force where the recipe has installed it."""
    begin(alice)
    accept(bob, make_link(alice))
    refused = bob.visit("alice").api("POST", "api/shutdown")
    assert refused.status_code == 403


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused."""
    keep_out(hub, SHARED, mallory)


@pytest.fixture
def unprepared(host: Host, alice: Person) -> Iterator[None]:
    """The image that the hub names lacks what the recipe installs."""
    for owner in (SHARED, alice.name):
        alice.stop(owner)
    prepared = host.check_output("podman image inspect --format '{{.Id}}' %s", IMAGE)
    host.check_output("podman tag %s %s", UNPREPARED, IMAGE)
    yield
    alice.stop(alice.name)
    host.check_output("podman tag %s %s", prepared, IMAGE)


@pytest.mark.usefixtures("unprepared")
def test_image_without_the_package_is_closed_to_others(
    alice: Person, host: Host, platform: Platform, tmp_path: Path
) -> None:
    """Requirement 91: the hub stops the server and tells its user, refuses to share others, and verify names it."""
    with pytest.raises(Failed, match="its environment lacks the protection"):
        alice.open(SHARED)
    wait_until(lambda: "jupyter-shared" not in containers(host))
    alice.open(alice.name)
    refused = alice.api("POST", f"/hub/api/share-codes/{alice.name}/", {})
    assert refused.status_code == 409
    report = tmp_path / "report.json"
    found = play("verify", platform.name, jupyterhub_verify_report=str(report))
    assert found.code != 0
    failed = [row for row in json.loads(report.read_text())["rows"] if row["result"] == "failed"]
    assert any("lacks the protection" in row["says"] for row in failed), failed


def test_verify_leaves_nothing_behind(alice: Person, host: Host, platform: Platform, tmp_path: Path) -> None:
    """Verify finds nothing wrong, and removes the containers and volumes of its users."""
    alice.open(SHARED)
    before = containers(host), volumes(host)
    passed = verified(platform.name, tmp_path / "report.json")
    assert "two users edit together on the shared server" in passed
    wait_until(lambda: (containers(host), volumes(host)) == before)


@pytest.fixture
def kept(host: Host, hub: Hub) -> Iterator[None]:
    """Containers stay when their servers stop, which is DockerSpawner's default."""
    for before, after in (("True", "False"), ("False", "True")):
        host.check_output(
            "sed -i 's/^c.DockerSpawner.remove = %s/c.DockerSpawner.remove = %s/' %s", before, after, MAIN
        )
        host.check_output("systemctl restart jupyterhub")
        wait_until(lambda: hub.is_up)
        if after == "False":
            yield


@pytest.mark.usefixtures("kept")
def test_verify_removes_containers_that_others_keep(host: Host, platform: Platform, tmp_path: Path) -> None:
    """The container of the shared server stays, as those of all other users."""
    verified(platform.name, tmp_path / "report.json")
    wait_until(lambda: not [name for name in containers(host) | volumes(host) if "verify" in name])


def test_volume_of_a_history_goes_with_its_user(carol: Person, host: Host) -> None:
    """Home directories are the administrator's, and stay."""
    host.check_output("useradd --groups jupyterhub dave")
    assert carol.api("POST", "/hub/api/users/dave").status_code == 201
    assert carol.api("POST", "/hub/api/groups/teachers/users", {"users": ["dave"]}).status_code == 200
    carol.start("dave")
    assert {"home-dave", "jupyter-collab-history-dave"} <= volumes(host)
    carol.stop("dave")
    assert carol.api("DELETE", "/hub/api/users/dave").status_code == 204
    wait_until(lambda: "jupyter-collab-history-dave" not in volumes(host))
    assert "home-dave" in volumes(host)


def test_workspaces_are_refused_by_name(host: Host, platform: Platform, tmp_path: Path) -> None:
    """Containers do not have the accounts and groups that workspaces need, so nothing is created on the host."""
    projects = [
        {"name": "rainfall", "manage": {"users": ["alice"]}, "workspaces": [{"name": "data"}]},
        {"name": "soil", "manage": {"users": ["bob"]}},
    ]
    refused = run(platform, tmp_path, jupyterhub_projects=projects)
    assert refused.code != 0
    assert "The project rainfall has workspaces, which need accounts and groups" in refused.said
    assert "The project soil" not in refused.said
    assert refused.changed == 0
    assert not host.file("/srv/jupyterhub-projects").exists


def test_project_has_a_container(
    alice: Person, bob: Person, host: Host, platform: Platform, tmp_path: Path
) -> None:
    """Projects work without workspaces: members start the project's container, and others do not."""
    projects = [
        {"name": "soil", "manage": {"users": ["alice"]}, "edit": {"users": ["bob"]}, "mem_limit": "1200M"}
    ]
    done = run(platform, tmp_path, jupyterhub_projects=projects)
    assert done.code == 0, done.output
    server = alice.open("project-soil")
    server.write_file("both.txt")
    with server.document("both.txt") as hers, bob.visit("project-soil").document("both.txt") as his:
        hers.insert(0, "from alice\n")
        his.wait_until(lambda document: document.text == "from alice\n")
    found = inspected(host, "project-2dsoil")
    assert found["HostConfig"]["Memory"] == 1200 * 1024**2
    mounted = {each["Name"] for each in found["Mounts"]}
    assert mounted == {"home-project-2dsoil", "jupyter-collab-history-project-2dsoil"}
    alice.stop("project-soil")
    again = run(platform, tmp_path, jupyterhub_projects=projects)
    assert (again.code, again.changed) == (0, 0), again.output


def test_removal_names_what_stays(alice: Person, host: Host, platform: Platform) -> None:
    """Images and volumes are the administrator's to delete. Servers are plain again."""
    alice.stop(SHARED)
    gone = play("jupyter_rtc", platform.name, jupyterhub_rtc_state="absent")
    assert gone.code == 0, gone.output
    assert "podman volume ls --quiet --filter name=-collab-history-" in gone.said
    listed = host.check_output("podman volume ls --quiet --filter name=-collab-history-").split()
    assert "jupyter-collab-history-shared" in listed
    alice.stop(alice.name)
    alice.open(alice.name)
    assert not [each for each in inspected(host, alice.name)["Mounts"] if "collab" in each["Name"]]
