# SPDX-License-Identifier: GPL-3.0-or-later
"""Members start, open and stop a project's server according to their level, and nobody else does."""

from collections.abc import Callable

import pytest
from testinfra.host import Host

from people import Hub, NotRunning, Person, Refused
from scenario import Credentials, Play, edit_together, keep_out, refuse_password, wait_until

Run = Callable[..., Play]

OWNER = "project-rainfall"


def runs(hub: Hub) -> bool:
    return hub.api("GET", f"/user/{OWNER}/api").status_code == 200


@pytest.fixture
def running(alice: Person, hub: Hub) -> None:
    """Start the project's server as its manager."""
    alice.open(OWNER)
    assert runs(hub)


def test_project_has_an_account_and_a_hub_user(host: Host, carol: Person, hub: Hub) -> None:
    """Requirements 59, 83 and 84: a project has an account and a hub user, even if only its name is given."""
    for name in (OWNER, "project-snow"):
        assert "jupyterhub" in host.user(name).groups
        assert carol.ask("GET", f"{hub.url}/hub/api/users/{name}")["roles"] == ["user"]


def test_nobody_logs_in_as_a_project(hub: Hub, host: Host) -> None:
    refuse_password(hub, host, OWNER)


def test_who_manages_starts_and_stops_and_who_edits_does_not(hub: Hub, alice: Person, bob: Person) -> None:
    """Requirement 60: managers start and stop the server, and editors do neither."""
    alice.stop(OWNER)
    with pytest.raises(Refused):
        bob.start(OWNER)
    with pytest.raises(Refused):
        bob.open(OWNER)
    with pytest.raises(NotRunning):
        bob.visit(OWNER)
    alice.start(OWNER)
    assert bob.visit(OWNER).me()["identity"]["username"] == "bob"
    for refused in (
        bob.api("DELETE", f"/hub/api/users/{OWNER}/server"),
        bob.api("POST", f"/hub/api/users/{OWNER}/servers/more"),
        bob.api("DELETE", f"/hub/api/users/{OWNER}"),
        alice.api("POST", f"/hub/api/users/{OWNER}/servers/more"),
        alice.api("DELETE", f"/hub/api/users/{OWNER}"),
    ):
        assert refused.status_code in (403, 404), refused.url
    assert runs(hub)
    alice.stop(OWNER)
    wait_until(lambda: not runs(hub))


@pytest.mark.usefixtures("running")
def test_members_edit_together(alice: Person, bob: Person, host: Host) -> None:
    """Requirement 61: members edit together on the project's server."""
    edit_together(alice, bob, OWNER, host)


@pytest.mark.usefixtures("running")
def test_others_stay_out(hub: Hub, erin: Person, mallory: Credentials) -> None:
    """Requirement 62: users outside the project can neither open nor start its server."""
    for go in (erin.open, erin.visit, erin.start):
        with pytest.raises(Refused):
            go(OWNER)
    known = erin.ask("GET", f"{hub.url}/hub/api/users/{OWNER}")
    # A user who can share by name can find out that a name exists, and no more.
    assert known["name"] == OWNER
    assert not {*known} & {"servers", "server", "groups", "roles", "last_activity"}
    for method, path in (
        ("DELETE", f"/hub/api/users/{OWNER}/server"),
        ("GET", f"/user/{OWNER}/api/contents"),
    ):
        assert erin.api(method, path).status_code in (403, 404), path
    keep_out(hub, OWNER, mallory)


def test_administrator_opens_every_project(carol: Person) -> None:
    for owner in (OWNER, "project-snow"):
        assert carol.open(owner).me()["identity"]["username"] == "carol"
        carol.stop(owner)


@pytest.mark.usefixtures("running")
def test_server_has_the_limits_of_its_project(host: Host) -> None:
    """Requirement 70: the server has the limits of its project."""
    told = host.check_output(
        f"systemctl show jupyter-{OWNER}-singleuser --property=MemoryMax,CPUQuotaPerSecUSec"
    )
    assert {*told.splitlines()} == {f"MemoryMax={2 << 30}", "CPUQuotaPerSecUSec=1.500000s"}


@pytest.mark.usefixtures("running")
def test_member_of_a_group_has_access_at_once_and_as_long(hub: Hub, carol: Person, erin: Person) -> None:
    """Requirement 51: members of a group have access for as long as they are members, without a restart of the hub."""
    group = f"{hub.url}/hub/api/groups/students"
    carol.api("POST", "/hub/api/groups/students")
    carol.ask("POST", f"{group}/users", {"users": ["erin"]})
    assert erin.visit(OWNER).me()["identity"]["username"] == "erin"
    carol.ask("DELETE", f"{group}/users", {"users": ["erin"]})

    def is_out() -> bool:
        return erin.api("GET", f"/user/{OWNER}/api/contents").status_code == 403

    wait_until(is_out)


def test_member_who_comes_later_has_access_then(hub: Hub, host: Host, alice: Person) -> None:
    """Frank is in the list and gets access, although neither the host nor the hub knew him when the play ran."""
    alice.open(OWNER)
    host.check_output("id frank >/dev/null 2>&1 || useradd --create-home --groups jupyterhub frank")
    host.check_output("echo frank:frank-password | chpasswd")
    frank = hub.login("frank", "frank-password")
    assert frank.visit(OWNER).me()["identity"]["username"] == "frank"
    with pytest.raises(Refused):
        frank.stop(OWNER)


@pytest.mark.usefixtures("running")
def test_terminal_there_is_no_way_to_act_at_the_hub_as_the_project(
    bob: Person, hub: Hub, host: Host, erin: Person
) -> None:
    """The token in the environment of the server's programs opens and starts nothing."""
    with bob.visit(OWNER).open_terminal() as terminal:
        terminal.type('echo "$JUPYTERHUB_API_TOKEN" > token; echo $((6 * 7)) is there')
        terminal.wait_for("42 is there")
    token = host.file(f"{host.user(OWNER).home}/token").content_string.strip()
    assert hub.api("GET", "/hub/api/user", token=token).json()["name"] == OWNER
    for method, path, wish in (
        ("POST", f"/hub/api/users/{OWNER}/server", None),
        ("DELETE", f"/hub/api/users/{OWNER}/server", None),
        ("POST", f"/hub/api/share-codes/{OWNER}/", {}),
        ("POST", f"/hub/api/shares/{OWNER}/", {"user": "erin"}),
        ("POST", f"/hub/api/users/{OWNER}/tokens", {}),
        ("GET", "/hub/api/users", None),
    ):
        answer = hub.api(method, path, token=token, json=wish)
        assert answer.status_code in (403, 404), (path, answer.text)
    with pytest.raises(Refused):
        erin.visit(OWNER)


def test_second_run_changes_nothing(run: Run) -> None:
    again = run()
    assert again.code == 0, again.output
    assert again.changed == 0, again.output
    assert "Project rainfall: alice can start, stop and open its server (project-rainfall)" in again.said


def test_play_names_whom_the_hub_does_not_know(run: Run) -> None:
    workspaces = [{"name": "files"}, {"name": "data"}]
    strangers = {"name": "rainfall", "edit": {"users": ["zoe"], "groups": ["lab"]}, "workspaces": workspaces}
    told = run("--check", jupyterhub_projects=[strangers, {"name": "snow"}])
    assert told.code == 0, told.output
    assert "The hub does not know zoe yet" in told.said
    assert "lab yet. Its members get access once the group exists" in told.said
