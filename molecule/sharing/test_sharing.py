# SPDX-License-Identifier: GPL-3.0-or-later
"""What users do on the sharing page, and limits that nobody can bypass."""

import json
import time

import pytest
from testinfra.host import Host

from people import Hub, Person, Refused
from scenario import Credentials, kill_server, wait_until
from sharing import CACHED, PAGE, accept, begin, code_of, guests, log, make_link, shared_with
from stolen import own_token

OUT = CACHED + 3  # seconds: an open websocket is checked once a second, and the machine may be busy


@pytest.fixture
def running(alice: Person) -> None:
    """Start alice's server with nothing shared, and with no memory of users who were refused."""
    begin(alice)


@pytest.mark.usefixtures("running")
def test_one_link_lets_several_in(alice: Person, bob: Person, carol: Person, host: Host) -> None:
    """Requirements 21, 24, 26, 31, 32 and 34: the link leads to the document, and the list shows who has accepted it."""
    alice.visit("alice").write_file("plan.txt", "first")
    link = make_link(alice, document="plan.txt")
    landed = accept(bob, link)
    if not landed.path.startswith("/user/alice/"):  # the hub's authorization page
        landed = bob.press(landed)
    assert (landed.status, landed.path) == (200, "/user/alice/lab/tree/plan.txt")
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    assert guests(alice.page(PAGE)) == ["bob"]
    accept(carol, link)
    assert guests(alice.page(PAGE)) == ["bob", "carol"]
    events = [(line["event"], line.get("user"), line["by"]) for line in log(host)]
    assert ("access given", "bob", "bob") in events
    assert all(code_of(link)[:8] not in json.dumps(line) for line in log(host))


@pytest.mark.usefixtures("running")
def test_who_is_revoked_is_out_in_seconds(alice: Person, bob: Person) -> None:
    """Requirements 35, 39 and 41: a revoked guest is out within seconds, and the page warns that a link is still valid."""
    accept(bob, make_link(alice))
    visit = bob.visit("alice")
    page = alice.page(PAGE)
    assert "A link is still valid" in page.text
    page = alice.press(page, "Revoke")
    assert guests(page) == []
    assert "A link is still valid" in page.text  # bob used it, and could again
    wait_until(lambda: visit.api("GET", "api/contents").status_code == 403, OUT)


@pytest.mark.usefixtures("running")
def test_what_a_revoked_guest_has_open_is_closed(alice: Person, bob: Person, carol: Person) -> None:
    """Requirements 39 and B5: the guest's document and terminal close. The owner's and a bystander's stay open, and no text is harmed."""
    server = alice.visit("alice")
    server.write_file("open.txt")
    link = make_link(alice)
    for guest in (bob, carol):
        accept(guest, link)
    visit = bob.visit("alice")
    with (
        server.document("open.txt") as hers,
        visit.document("open.txt") as his,
        carol.visit("alice").document("open.txt") as bystanders,
        server.open_terminal() as her_terminal,
        visit.open_terminal() as his_terminal,
    ):
        his.insert(0, "<bob>")
        for document in (hers, bystanders):
            document.wait_until(lambda shown: "<bob>" in shown.text)
        his_terminal.type("sleep 60; echo nev''er")
        alice.press(alice.page(PAGE), "Revoke", name="bob")
        wait_until(lambda: his.closed_by_server and his_terminal.closed_by_server, OUT)
        ends = (his.closed_by_server, his_terminal.closed_by_server)
        assert [end and end.code for end in ends] == [1003, 1003]
        with pytest.raises(Refused):
            his.reconnect()
        his.insert(0, "<late>")
        hers.insert(0, "<alice>")
        bystanders.wait_until(lambda shown: "<alice>" in shown.text)
        bystanders.insert(0, "<carol>")
        hers.wait_until(lambda shown: "<carol>" in shown.text)
        assert sorted(hers.text) == sorted("<alice><carol><bob>") == sorted(bystanders.text)
        assert "<alice>" not in his.text
        time.sleep(2 * CACHED)
        her_terminal.type("echo still $((6 * 7))")
        her_terminal.wait_for("still 42")
        assert hers.closed_by_server is bystanders.closed_by_server is her_terminal.closed_by_server is None
        # A program that a guest started belongs to the account, and continues.
        assert his_terminal.name in [each["name"] for each in server.ask("GET", "api/terminals")]
        # In a container, systemd may not notice the end of a shell that is the last process of the server's unit. The unit would stay.
        for each in server.ask("GET", "api/terminals"):
            server.ask("DELETE", f"api/terminals/{each['name']}")


@pytest.mark.usefixtures("running")
def test_restart_of_the_hub_closes_nothing(alice: Person, bob: Person, host: Host) -> None:
    """A hub that does not answer disconnects nobody."""
    alice.visit("alice").write_file("open.txt")
    accept(bob, make_link(alice))
    with alice.visit("alice").document("open.txt") as hers, bob.visit("alice").document("open.txt") as his:
        host.check_output("systemctl stop jupyterhub")
        time.sleep(3 * CACHED)
        his.insert(0, "<without a hub>")
        hers.wait_until(lambda shown: "<without a hub>" in shown.text)
        host.check_output("systemctl start jupyterhub")
        wait_until(lambda: alice.hub.is_up, 60)
        time.sleep(2 * CACHED)
        hers.insert(0, "<with it>")
        his.wait_until(lambda shown: "<with it>" in shown.text)
        assert hers.closed_by_server is his.closed_by_server is None


@pytest.mark.usefixtures("running")
def test_one_button_ends_links_and_guests(alice: Person, bob: Person) -> None:
    """Requirements 28, 36 and 41: one button revokes all links and guests."""
    link = make_link(alice)
    accept(bob, link)
    page = alice.press(alice.page(PAGE), "Revoke all links and access")
    assert guests(page) == []
    assert bob.page(link).status == 404


@pytest.mark.usefixtures("running")
def test_everything_ends_with_the_server_however_it_stops(
    alice: Person, bob: Person, carol: Person, host: Host
) -> None:
    """Requirements 37, 38 and 40: after a stop or a crash, a new session has no shares or links. A restart of the hub ends none."""
    for crash in (False, True):
        alice.open("alice")
        link = make_link(alice)
        accept(bob, link)
        host.check_output("systemctl restart jupyterhub")
        wait_until(lambda: alice.hub.is_up, 60)
        assert bob.visit("alice").me()["identity"]["username"] == "bob"
        if crash:
            kill_server(host, "alice")
        alice.stop("alice")
        with pytest.raises(Refused):
            bob.visit("alice")
        alice.open("alice")
        page = alice.page(PAGE)
        assert guests(page) == []
        assert "No active links." in page.text
        assert bob.page(link).status == 404


@pytest.mark.usefixtures("running")
def test_guest_lists_what_is_shared_and_leaves(alice: Person, bob: Person) -> None:
    """Requirement 64: guests see what is shared with them, and can leave."""
    alice.press(alice.page(PAGE), "Share", name="bob")
    page = bob.page(PAGE)
    assert shared_with(page) == ["alice", "shared"]
    page = bob.press(page, "Leave")
    assert shared_with(page) == ["shared"]


@pytest.mark.usefixtures("running")
def test_raw_requests_get_past_no_limit(alice: Person) -> None:
    """Requirement 25: whatever a program requests, the maximum lifetime holds, and nothing but access is granted."""
    wish = {"expires_in": 31536000, "scopes": ["servers!server=alice/", "access:servers!server=alice/"]}
    made = alice.api("POST", "/hub/api/share-codes/alice/", wish).json()
    assert made["scopes"] == ["access:servers!server=alice/"]
    assert made["expires_at"][:10] <= time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 + 60))
    assert (
        alice.api("POST", "/hub/api/share-codes/alice/", {"scopes": ["servers!server=alice/"]}).status_code
        == 403
    )
    assert alice.api("GET", "/hub/api/share-codes/alice").status_code == 200  # the hub's session works


@pytest.mark.usefixtures("running")
def test_guest_may_only_come_in(alice: Person, bob: Person) -> None:
    """A guest can neither share, list, revoke nor stop, nor read the owner's tokens or shut down (requirements 52, 54 and 55)."""
    accept(bob, make_link(alice))
    for method, path in (
        ("POST", "/hub/api/share-codes/alice/"),
        ("GET", "/hub/api/share-codes/alice/"),
        ("GET", "/hub/api/shares/alice/"),
        ("DELETE", "/hub/api/shares/alice/"),
        ("DELETE", "/hub/api/users/alice/server"),
        ("GET", "/hub/api/users/alice/tokens"),
    ):
        assert bob.api(method, path).status_code in (403, 404), (method, path)
    refused = bob.visit("alice").api("POST", "api/shutdown")
    assert refused.status_code == 403
    assert "Only the owner, managers and administrators of the hub can shut down this server." in refused.text
    assert alice.visit("alice").me()["identity"]["username"] == "alice"


@pytest.mark.usefixtures("running")
def test_token_of_the_server_shares_nothing(alice: Person, bob: Person, hub: Hub) -> None:
    """Every guest can read this token in a terminal. It can neither share, open nor stop the server, nor read tokens."""
    accept(bob, make_link(alice))
    token = own_token(bob.visit("alice"))
    assert hub.api("GET", "/hub/api/user", token=token).json()["name"] == "alice"
    for method, path in (
        ("POST", "/hub/api/share-codes/alice/"),
        ("POST", "/hub/api/shares/alice/"),
        ("GET", "/hub/api/shares/alice/"),
        ("DELETE", "/hub/api/shares/alice/"),
        ("DELETE", "/hub/api/users/alice/server"),
        ("GET", "/hub/api/users/alice/tokens"),
        ("POST", "/hub/api/users/alice/tokens"),
    ):
        wish = {"user": "mallory"} if path.endswith("shares/alice/") else None
        answer = hub.api(method, path, token=token, json=wish)
        assert answer.status_code in (403, 404), (method, path, answer.text)
    assert hub.api("GET", "/user/alice/api/contents", token=token).status_code == 403
    assert hub.api("POST", "/user/alice/api/shutdown", token=token).status_code == 403


@pytest.mark.usefixtures("running")
def test_names_are_text(alice: Person) -> None:
    """A name that is a script is shown as text, if at all, and the answer is a sentence."""
    page = alice.press(alice.page(PAGE), "Share", name="<script>alert(1)</script>")
    assert page.status == 404
    assert "<script>alert(1)" not in page.text
    assert "This hub has no user or group with that name" in page.text


def test_form_of_another_site_is_refused(alice: Person) -> None:
    """A session cookie is not enough: the form must have the page's token."""
    page = alice.page(PAGE)
    sent = alice.press(page, "Create link", _xsrf="0" * 32)
    assert sent.status == 403
    assert "Reload and try again" in sent.text


def test_outsiders_stay_out(hub: Hub, mallory: Credentials, alice: Person) -> None:
    """Requirement 27: a stranger gets the login page, even with a link."""
    alice.open("alice")
    link = make_link(alice)
    for address in (PAGE, link):
        assert hub.stranger.page(address).asks_for_login


def test_share_button_makes_no_links_with_tokens(host: Host) -> None:
    """Requirements 76 and 77: the button is turned off. The browser tests check that it is not there."""
    off = host.file(
        "/usr/local/jupyterhub/etc/jupyter/labconfig/page_config.d/collab-rtc.json"
    ).content_string
    assert json.loads(off)["disabledExtensions"]["@jupyter/collaboration-extension:shared-link"] is True
