# SPDX-License-Identifier: GPL-3.0-or-later
"""The administrator's variables: who can share, how and for how long, and whether visitors are asked."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from testinfra.host import Host

from people import Hub, LoginRefused, NotRunning, Person, Refused
from scenario import PASSWORDS, Platform, play, wait_until
from sharing import PAGE, SETTINGS, accept, begin, guests, log, make_link, shared_with

OTHERS = SETTINGS | {
    "jupyterhub_sharing_groups": ["teachers"],
    "jupyterhub_sharing_by_name": False,
    "jupyterhub_sharing_link_seconds": 120,
    "jupyterhub_sharing_longest_link_seconds": 1800,
    "jupyterhub_sharing_lifetime": "persistent",
    "jupyterhub_sharing_authorize_page": False,
    "jupyterhub_rtc_impersonation_links": True,
}
SHARE_BUTTON = "@jupyter/collaboration-extension:shared-link"
TURNED_OFF = "/usr/local/jupyterhub/etc/jupyter/labconfig/page_config.d/collab-rtc.json"
Arrive = Callable[[str], Person]


@pytest.fixture(scope="module")
def before(alice: Person, bob: Person) -> None:
    """Alice and bob share with each other while all users can."""
    for owner, guest in ((alice, bob), (bob, alice)):
        begin(owner)
        accept(guest, make_link(owner))


@pytest.fixture(scope="module")
def changed(platform: Platform, before: None, carol: Person, hub: Hub) -> Iterator[str]:
    """Apply other settings than usual, with alice as a teacher and bob not. Yield the play's output."""
    carol.ask("POST", f"{hub.url}/hub/api/groups/teachers")
    carol.ask("POST", f"{hub.url}/hub/api/groups/teachers/users", {"users": ["alice"]})
    switched = play("jupyter_rtc", platform.name, **OTHERS)
    assert switched.code == 0, switched.output
    yield switched.output
    carol.ask("DELETE", f"{hub.url}/hub/api/groups/teachers")
    back = play("jupyter_rtc", platform.name, **SETTINGS)
    assert back.code == 0, back.output


@pytest.fixture(scope="module")
def arrive(hub: Hub, changed: str) -> Arrive:
    """Return a function that logs users in to the changed hub: rights from a group apply no later than the next login."""
    return lambda name: hub.login(name, PASSWORDS[name])


def test_right_that_ends_ends_what_was_shared_by_it(changed: str, alice: Person, bob: Person) -> None:
    """Bob's share and link end with his right, alice's stay with hers, and the play says so."""
    assert "removed 1 share and 1 link of users who can no longer share" in changed
    assert "Members of teachers can share their own server on the hub's sharing page, by link;" in changed
    assert alice.api("GET", "/hub/api/shares/alice/").json()["items"][0]["user"]["name"] == "bob"
    with pytest.raises(Refused):
        alice.visit("bob")
    assert bob.visit("alice").me()["identity"]["username"] == "bob"


def test_links_with_tokens_are_there_when_they_are_asked_for(changed: str, host: Host) -> None:
    """Requirements 76 and 77: links with tokens need a variable that is named for the danger, and the play warns."""
    assert "acts as that user" in changed
    assert SHARE_BUTTON not in json.loads(host.file(TURNED_OFF).content_string)["disabledExtensions"]


def test_only_members_share(arrive: Arrive, hub: Hub) -> None:
    """Requirement 52: only those whom the administrator allows can share, on the page and through the API."""
    bob = arrive("bob")
    page = bob.page(PAGE)
    assert "You cannot share your own server on this hub." in page.text
    assert "Create link" not in page.text
    assert shared_with(page) == ["alice", "shared"]
    for kind, wish in (("share-codes", None), ("shares", {"user": "alice"})):
        assert bob.api("POST", f"/hub/api/{kind}/bob/", wish).status_code in (403, 404)
        answer = hub.api("POST", f"/hub/api/{kind}/bob/", token=bob.token(), json=wish)
        assert answer.status_code in (403, 404)


def test_nobody_is_named_where_that_is_off(arrive: Arrive, hub: Hub) -> None:
    """If sharing by name is off, it is refused on the page and through the API."""
    alice = arrive("alice")
    page = alice.page(PAGE)
    assert "Share with a user or group" not in page.text
    forged = alice.press(page, "Create link", action="give", kind="user", name="carol")
    assert forged.status == 403
    wish = {"user": "carol"}
    assert hub.api("POST", "/hub/api/shares/alice/", token=alice.token(), json=wish).status_code in (400, 403)
    assert guests(alice.page(PAGE)) == ["bob"]


def test_links_live_as_long_as_the_administrator_lets_them(arrive: Arrive, host: Host) -> None:
    """Requirement 25: links expire no later than the administrator allows."""
    alice = arrive("alice")
    make_link(alice)
    alice.api("POST", "/hub/api/share-codes/alice/", {"expires_in": 31536000})
    lines = [line for line in log(host) if line["event"] == "link made"][-2:]
    assert [seconds(line["time"], line["expires_at"]) for line in lines] == [120, 1800]


def test_authorize_page_is_left_out(arrive: Arrive) -> None:
    """Requirement 30: the authorization page can be turned off, and then one button leads to the server."""
    carol = arrive("carol")
    landed = accept(carol, make_link(arrive("alice")))
    assert urlsplit(landed.url).path.startswith("/user/alice/")
    assert landed.status == 200


def test_what_is_shared_outlives_the_session(arrive: Arrive) -> None:
    """Requirements 57 and 58: the same address works in later sessions, without a new link."""
    alice, bob = arrive("alice"), arrive("bob")
    address = f"/user/{alice.name}/"
    assert f'value="{alice.hub.url}{address}"' in alice.page(PAGE).text
    link = make_link(alice)
    alice.stop("alice")
    with pytest.raises(NotRunning):
        bob.visit("alice")
    alice.open("alice")
    assert f'value="{alice.hub.url}{address}"' in alice.page(PAGE).text
    wait_until(lambda: bob.page(address).status == 200)
    assert "bob" in guests(alice.page(PAGE))
    assert bob.page(link).status == 200
    alice.press(alice.page(PAGE), "Revoke all links and access")


def test_strangers_stay_out(hub: Hub, changed: str) -> None:
    """Strangers are refused with these settings, too."""
    with pytest.raises(LoginRefused):
        hub.login("mallory", PASSWORDS["mallory"])
    assert hub.stranger.page(PAGE).asks_for_login


def seconds(start: str, end: str) -> int:
    """Return the seconds between two times, rounded to ten."""
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 10) * 10
