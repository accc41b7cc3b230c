# SPDX-License-Identifier: GPL-3.0-or-later
"""Users with access to another user's server can open it while it runs, and nothing more."""

from collections.abc import Callable, Iterator

import pytest
from testinfra.host import Host

from people import Hub, NotRunning, Person, Refused
from scenario import Play, edit_together, wait_until

Run = Callable[..., Play]


@pytest.fixture
def hers(alice: Person) -> Iterator[None]:
    """Start alice's server."""
    alice.open("alice")
    yield


@pytest.mark.usefixtures("hers")
def test_viewer_edits_with_the_owner(alice: Person, bob: Person, host: Host) -> None:
    """Requirement 50: users with access edit together with the owner."""
    edit_together(alice, bob, "alice", host)


@pytest.mark.usefixtures("hers")
def test_others_stay_out(erin: Person, hub: Hub) -> None:
    for person in (erin, hub.stranger):
        with pytest.raises(Refused):
            person.visit("alice")


@pytest.mark.usefixtures("hers")
def test_viewer_neither_starts_stops_nor_passes_it_on(bob: Person, alice: Person, hub: Hub) -> None:
    """Requirements 52 to 54: users with access can neither start, stop nor share the server."""
    for method, path, wish in (
        ("POST", "/hub/api/users/alice/server", None),
        ("DELETE", "/hub/api/users/alice/server", None),
        ("DELETE", "/hub/api/users/alice", None),
        ("POST", "/hub/api/share-codes/alice/", {}),
        ("POST", "/hub/api/shares/alice/", {"user": "erin"}),
        ("POST", "/hub/api/users/alice/tokens", {}),
    ):
        answer = bob.api(method, path, wish)
        assert answer.status_code in (403, 404), (path, answer.text)
    assert alice.visit("alice").me()["identity"]["username"] == "alice"


@pytest.mark.usefixtures("hers")
def test_viewer_does_not_end_it_from_inside_and_the_owner_does(bob: Person, alice: Person, hub: Hub) -> None:
    """Requirement 55: only the owner can shut the server down from inside."""
    with pytest.raises(Refused):
        bob.visit("alice").ask("POST", "api/shutdown")
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    alice.visit("alice").ask("POST", "api/shutdown")
    wait_until(lambda: hub.api("GET", "/user/alice/api").status_code != 200)


def test_viewer_of_a_server_that_is_stopped_gets_a_clear_page(bob: Person, alice: Person) -> None:
    """Requirement 56: while the server is stopped, users with access get a page that says so."""
    alice.stop("alice")
    with pytest.raises(NotRunning) as caught:
        bob.visit("alice")
    assert "not running" in caught.value.sentence.lower()
    with pytest.raises(Refused):
        bob.open("alice")


def test_address_is_the_same_in_the_next_session(bob: Person, alice: Person) -> None:
    """Requirement 58: the address stays the same in the next session."""
    alice.open("alice")
    first = bob.visit("alice").url
    alice.stop("alice")
    alice.open("alice")
    assert bob.visit("alice").url == first


@pytest.mark.usefixtures("hers")
def test_group_lets_in_as_long_as_someone_is_in_it(hub: Hub, carol: Person, erin: Person) -> None:
    """Requirement 51: a group grants access for as long as a user is a member."""
    group = f"{hub.url}/hub/api/groups/assistants"
    carol.api("POST", "/hub/api/groups/assistants")
    carol.ask("POST", f"{group}/users", {"users": ["erin"]})
    server = erin.visit("alice")
    server.write_file("of-hers.txt")
    with server.document("of-hers.txt") as document:
        carol.ask("DELETE", f"{group}/users", {"users": ["erin"]})
        wait_until(lambda: document.closed_by_server)
    with pytest.raises(Refused):
        erin.visit("alice")


@pytest.fixture
def as_before(run: Run) -> Iterator[None]:
    """Restore the lists after the test."""
    yield
    back = run()
    assert back.code == 0, back.output


@pytest.mark.usefixtures("as_before")
def test_change_of_the_lists_counts_at_once(run: Run, alice: Person, bob: Person, erin: Person) -> None:
    """Bob loses the project while he edits there, and gets access to erin's server, which is running and does not know of it yet."""
    server = alice.open("project-rainfall")
    server.write_file("list.txt")
    erin.open("erin")
    workspaces = [{"name": "files"}, {"name": "data"}]
    without = {"name": "rainfall", "manage": {"users": ["alice"]}, "workspaces": workspaces}
    with server.document("list.txt") as hers, bob.visit("project-rainfall").document("list.txt") as his:
        changed = run(
            jupyterhub_projects=[without, {"name": "snow"}],
            jupyterhub_server_access=[{"owner": "erin", "users": ["bob"]}],
        )
        assert changed.code == 0, changed.output
        wait_until(lambda: his.closed_by_server)
        assert hers.closed_by_server is None
    with pytest.raises(Refused):
        bob.visit("project-rainfall")
    assert bob.visit("erin").me()["identity"]["username"] == "bob"
    named = changed.said.partition("Restart these servers to pick up the change: ")[2]
    assert "erin" in named.partition('"')[0]
