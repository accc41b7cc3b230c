# SPDX-License-Identifier: GPL-3.0-or-later
"""All users mode: users open each other's running servers, and start only their own."""

import pytest
from testinfra.host import Host

from people import Hub, NotRunning, Person, Refused
from scenario import Credentials, Platform, edit_together, keep_out, kill_server, play


@pytest.fixture
def stopped(host: Host, carol: Person) -> None:
    """Stop alice's server."""
    kill_server(host, "alice")
    carol.stop("alice")


def test_bob_opens_alices_running_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 9 and 4: bob opens alice's server under his own name, and both edit one of her documents."""
    alice.open("alice")
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    alice.open("alice").write_file("hers.txt")
    with alice.open("alice").document("hers.txt") as hers, bob.visit("alice").document("hers.txt") as his:
        his.insert(0, "from bob")
        hers.wait_until(lambda document: document.text == "from bob")


def test_alice_and_bob_meet_on_hers(alice: Person, bob: Person, host: Host) -> None:
    """Requirement 42: edits arrive in both directions, and on disk."""
    alice.open("alice")
    edit_together(alice, bob, "alice", host)


@pytest.mark.usefixtures("stopped")
def test_bob_does_not_start_alices_server(bob: Person) -> None:
    """Requirement 10: bob can start it neither on its page nor through the API, and is told that it is not running."""
    for start in (bob.open, bob.start):
        with pytest.raises(Refused):
            start("alice")
    with pytest.raises(NotRunning):
        bob.visit("alice")
    assert bob.api("GET", "/hub/api/users/alice").status_code in (403, 404)


def test_bob_does_not_stop_alices_server(alice: Person, bob: Person) -> None:
    """Requirement 10: users cannot stop another user's server."""
    alice.open("alice")
    with pytest.raises(Refused):
        bob.stop("alice")
    assert alice.visit("alice").me()["identity"]["username"] == "alice"


def test_rights_are_exactly_these(alice: Person) -> None:
    """Users hold no scope without a filter but access:servers, and none to share servers or for the shared account."""
    scopes = set(alice.api("GET", "/hub/api/user").json()["scopes"])
    assert {scope for scope in scopes if "!" not in scope} == {"access:servers"}
    assert not [scope for scope in scopes if scope.startswith("shares") or "shared" in scope]


def test_there_is_no_shared_account(host: Host, carol: Person) -> None:
    """The shared account exists in the other mode only."""
    assert not host.user("shared").exists
    assert carol.api("GET", "/hub/api/users/shared").status_code == 404


def test_outsiders_stay_out(hub: Hub, mallory: Credentials, alice: Person) -> None:
    """'All users' means the users of the hub, and nobody else."""
    alice.open("alice")
    keep_out(hub, "alice", mallory)


def test_play_warns(platform: Platform) -> None:
    """Requirement 11: every run states plainly what the mode exposes."""
    again = play("jupyter_rtc", platform.name, jupyter_rtc_share_all_users="yes")
    assert (again.code, again.changed) == (0, 0), again.output
    assert "WARNING: All users mode: every hub user can read and change all files of every user" in again.said
    assert "Address for users: http://HOST:8000/hub/home" in again.said
