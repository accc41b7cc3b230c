# SPDX-License-Identifier: GPL-3.0-or-later
"""The sharing page lists the servers that belong to a user's groups, with the actions that the user's level allows.

alice manages the server of project-rainfall, bob edits on it and on hers, and erin has access to neither.
"""

import time
from collections.abc import Iterator

import pytest

from people import Hub, Person, Refused
from scenario import wait_until
from sharing import CACHED, PAGE, forge, others, press_beside, told

PROJECT = "project-rainfall"
ADDRESS = f"/user/{PROJECT}/"


@pytest.fixture
def stopped(alice: Person) -> None:
    wait_until(lambda: alice.page(PAGE).status == 200, 60)
    alice.stop(PROJECT)


@pytest.fixture
def running(alice: Person) -> Iterator[None]:
    wait_until(lambda: alice.page(PAGE).status == 200, 60)
    alice.open(PROJECT)
    time.sleep(CACHED)  # a server remembers for this long that a user was refused
    yield


@pytest.mark.usefixtures("stopped")
def test_manager_starts_and_stops(alice: Person, bob: Person) -> None:
    """Requirements 59 to 62, and 73: what the page offers, the hub then does."""
    assert others(alice)[PROJECT].state == "stopped"
    assert others(alice)[PROJECT].buttons == ("Start",)
    # The hub's start page redirects to the server, which may ask whether it may identify the visitor.
    assert PROJECT in press_beside(alice, PROJECT, "Start").url
    wait_until(lambda: others(alice)[PROJECT].state == "running", 60)
    assert others(alice)[PROJECT].buttons == ("Open", "Stop", "Stop server")
    assert others(bob)[PROJECT].buttons == ("Open",)
    page = press_beside(alice, PROJECT, "Stop server")
    assert "The server is stopping" in told(page)
    wait_until(lambda: others(alice)[PROJECT].state == "stopped", 60)
    assert others(bob)[PROJECT].buttons == ()


@pytest.mark.usefixtures("running")
def test_address_is_the_same_in_the_next_session(alice: Person, bob: Person) -> None:
    """Requirements 57 and 58: users with access open it at the address on the page, before and after a stop."""
    for _session in range(2):
        assert others(bob)[PROJECT].address == others(alice)[PROJECT].address == ADDRESS
        assert bob.visit(PROJECT).me()["identity"]["username"] == "bob"
        alice.stop(PROJECT)
        alice.open(PROJECT)


@pytest.mark.usefixtures("stopped")
def test_editor_is_told_who_can_start_it(bob: Person) -> None:
    """An editor is told who can start the server, and gets no button, and no link that ends in an error."""
    row = others(bob)[PROJECT]
    assert row.state == "stopped: its owner or a manager must start it"
    assert row.may == "open it while it runs"
    assert (row.buttons, row.address) == ((), "")
    with pytest.raises(Refused):
        bob.open(PROJECT)


@pytest.mark.usefixtures("running")
def test_page_lists_exactly_what_the_hub_opens(alice: Person, bob: Person, erin: Person) -> None:
    """Requirement 64: the page lists the servers of others that a user can open, and only the shared one for users who belong to no project."""
    assert others(alice).keys() == {PROJECT, "shared"}
    assert others(bob).keys() == {PROJECT, "alice", "shared"}
    assert others(erin).keys() == {"shared"}
    assert "Shared with me (1)" in erin.page(PAGE).text
    with pytest.raises(Refused):
        erin.visit(PROJECT)


@pytest.mark.usefixtures("running")
def test_list_is_right_without_a_new_login(alice: Person, carol: Person, erin: Person) -> None:
    """Users who join a group see its server on the next load, and users who leave do not. Buttons of an older page are refused."""
    students = "/hub/api/groups/students"
    carol.api("POST", students)  # it may already exist
    stop = alice.page(PAGE)
    assert others(erin).keys() == {"shared"}
    assert carol.api("POST", f"{students}/users", {"users": ["erin"]}).status_code == 200
    try:
        assert others(erin)[PROJECT].buttons == ("Open",)
    finally:
        assert carol.api("DELETE", f"{students}/users", {"users": ["erin"]}).status_code == 200
    assert others(erin).keys() == {"shared"}
    assert forge(erin, stop, "Stop server", owner=PROJECT).status == 403


@pytest.mark.usefixtures("running")
def test_forged_forms_change_nothing(alice: Person, bob: Person, erin: Person, hub: Hub) -> None:
    """Users who do not manage a server cannot stop it, under any of its names or from another site."""
    page = alice.page(PAGE)
    for person in (bob, erin):
        for owner in (
            PROJECT,
            f"../users/{PROJECT}",
            f"{PROJECT}/",
            f"{PROJECT}%2F",
            "proje\u0441t-rainfall",
            "",
        ):
            answer = forge(person, page, "Stop server", owner=owner)
            assert answer.status == 403, (person, owner)
            assert "You do not have permission to do that" in told(answer)
    for owner, server in (
        ("carol", ""),
        ("alice", ""),
        (PROJECT, "other"),
        (PROJECT, "../alice"),
    ):
        for button, action in (("Stop server", "stop"), ("Stop server", "start")):
            assert forge(alice, page, button, action=action, owner=owner, server=server).status == 403
    assert alice.press(page, "Stop server", _xsrf="0" * 32).status == 403
    assert others(alice)[PROJECT].state == "running"


@pytest.mark.usefixtures("running")
def test_only_the_page_learns_of_it(alice: Person, bob: Person, hub: Hub) -> None:
    """The additional rights of the page's token belong to no other token, and to no cookie."""
    path = "/hub/api/sharing/servers"
    assert alice.api("POST", path).status_code == 403
    assert hub.stranger.api("POST", path).status_code == 403
    for scopes in (None, ["read:users:name!user"]):
        token = bob.token(scopes)
        assert hub.api("POST", path, token=token).status_code == 403
        assert hub.api("DELETE", f"/hub/api/users/{PROJECT}/server", token=token).status_code in (403, 404)
