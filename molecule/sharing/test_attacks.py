# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks on the sharing page, and failures that nobody causes."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from bs4 import BeautifulSoup
from testinfra.host import Host

from people import Hub, Person
from scenario import wait_until
from sharing import (
    PAGE,
    accept,
    begin,
    code_of,
    crowd,
    guests,
    in_database,
    log,
    make_link,
    shared_with,
    told,
)
from stolen import code_in, exchange, own_token, page_for_code

SCRIPT = "<img src=x onerror=alert(1)>"
ENDED = "This sharing link has expired, was revoked, or is incomplete."


@pytest.fixture
def running(alice: Person) -> None:
    begin(alice)


@pytest.fixture
def zoe(host: Host, carol: Person) -> Iterator[str]:
    """A user of the hub who is deleted and renamed at will."""
    host.check_output("id zoe >/dev/null 2>&1 || useradd --create-home --groups jupyterhub zoe")
    host.check_output("id zoella >/dev/null 2>&1 || useradd --create-home --groups jupyterhub zoella")
    assert carol.api("POST", "/hub/api/users/zoe").status_code == 201
    yield "zoe"
    for name in ("zoe", "zoella"):
        carol.api("DELETE", f"/hub/api/users/{name}")


def link_of_administrator(carol: Person, owner: str) -> str:
    """Return a link to a server. Only its owner and the hub's administrators can create one."""
    made = carol.ask("POST", f"{carol.hub.url}/hub/api/share-codes/{owner}/")
    return f"/hub/accept-share?code={made['code']}"


@contextmanager
def hub_away(host: Host) -> Iterator[None]:
    """Pause the hub, while its proxy and its page keep running."""
    process = host.check_output("systemctl show jupyterhub --property=MainPID --value")
    host.check_output("kill -STOP %s", process)
    try:
        yield
    finally:
        host.check_output("kill -CONT %s", process)


@pytest.mark.usefixtures("running")
def test_code_that_is_no_more_says_so(alice: Person, bob: Person, host: Host) -> None:
    """Expired, revoked, unknown and mangled links show a sentence that says what to do, and grant nobody access."""
    expired, revoked, good = make_link(alice), make_link(alice), make_link(alice)
    codes = alice.api("GET", "/hub/api/share-codes/alice/").json()["items"]
    first, second, _third = sorted(codes, key=lambda code: int(code["id"].removeprefix("sc_")))
    in_database(
        host,
        "from datetime import timedelta",
        f"code = db.get(orm.ShareCode, {first['id'].removeprefix('sc_')})",
        "code.expires_at = code.now() - timedelta(seconds=1)",
    )
    alice.api("DELETE", f"/hub/api/share-codes/alice/?id={second['id']}")
    mangled = good[:-3]
    unknown = good.replace(code_of(good), "A" * len(code_of(good)))
    for link in (expired, revoked, mangled, unknown):
        page = bob.page(link)
        assert page.status == 404
        assert ENDED in page.text
    assert guests(alice.page(PAGE)) == []
    # The links are revoked after the accept page was loaded, and before its button is pressed.
    page = bob.page(good)
    alice.api("DELETE", "/hub/api/share-codes/alice/")
    assert bob.press(page, "Accept").status == 400
    assert guests(alice.page(PAGE)) == []


def test_code_for_an_owner_who_is_no_more(bob: Person, carol: Person, zoe: str) -> None:
    link = link_of_administrator(carol, zoe)
    assert bob.page(link).status == 200
    carol.api("DELETE", f"/hub/api/users/{zoe}")
    page = bob.page(link)
    assert page.status == 404
    assert ENDED in page.text


def test_code_of_an_owner_who_was_renamed(bob: Person, carol: Person, zoe: str, host: Host) -> None:
    """The link stays valid for the same person under the new name, and grants nothing to a later user with the old name."""
    link = link_of_administrator(carol, zoe)
    assert carol.api("PATCH", f"/hub/api/users/{zoe}", {"name": "zoella"}).status_code == 200
    page = bob.page(link)
    assert "zoella" in page.sentence
    accept(bob, link)
    assert carol.api("POST", f"/hub/api/users/{zoe}").status_code == 201
    assert shared_with(bob.page(PAGE)) == ["shared", "zoella"]
    bob.press(bob.page(PAGE), "Leave")
    assert log(host)[-1]["because"] == "left"


@pytest.mark.usefixtures("running")
def test_owner_cannot_invite_herself(alice: Person) -> None:
    page = alice.page(make_link(alice))
    assert page.status == 403
    assert guests(alice.page(PAGE)) == []


@pytest.mark.usefixtures("running")
def test_accept_page_tells_what_it_is_about(alice: Person, bob: Person) -> None:
    """Requirement 29: the page names the owner, what is granted and the dangers, and says whether the server is running."""
    link = make_link(alice)
    page = bob.page(link)
    text = " ".join(BeautifulSoup(page.text, "html.parser").get_text(" ").split())
    assert "alice shares their server with you (bob)" in text
    for word in (
        "read and change the files of alice",
        "as alice",
        "Your access ends when the server stops",
        "trust alice",
    ):
        assert word in text
    assert "is not running" not in text


def test_accept_page_of_a_server_that_does_not_run(bob: Person, carol: Person, zoe: str) -> None:
    """Requirement 29: the page says if the server is not running."""
    assert "is not running" in bob.page(link_of_administrator(carol, zoe)).text


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    "elsewhere",
    ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "javascript:alert(1)"],
)
def test_link_leads_nowhere_else(alice: Person, bob: Person, elsewhere: str) -> None:
    """`next` cannot redirect to another site."""
    link = f"/hub/accept-share?code={code_of(make_link(alice))}&next={quote(elsewhere, safe='')}"
    page = bob.page(link)
    assert not [
        a for a in BeautifulSoup(page.text, "html.parser").select("a[href]") if "elsewhere" in str(a["href"])
    ]
    landed = bob.press(page, "Accept")
    assert urlsplit(landed.url).netloc == urlsplit(bob.hub.url).netloc


@pytest.mark.usefixtures("running")
def test_link_to_a_file_stays_on_the_server(alice: Person, bob: Person) -> None:
    """The link leads to the owner's server, whatever the name of the file is."""
    for document in ("../../../hub/home", "//elsewhere.example/x", f"{SCRIPT}.txt", "a?b=c#d", "ä ö/ü.ipynb"):
        link = make_link(alice, document=document)
        target = parse_qs(urlsplit(link).query)["next"][0]
        assert target.startswith("/user/alice/lab/tree/")
        page = bob.page(link)
        assert SCRIPT not in page.text
        assert page.status == 200
        alice.press(alice.page(PAGE), "Revoke all links")


@pytest.mark.usefixtures("running")
def test_scripts_in_names_are_text(alice: Person, bob: Person, carol: Person) -> None:
    """Scripts in a group's name, and in everything that the page is sent, are shown as text."""
    assert carol.api("POST", f"/hub/api/groups/{quote(SCRIPT, safe='')}").status_code == 201
    try:
        page = alice.press(alice.page(PAGE), "Share", kind="group", name=SCRIPT)
        assert guests(page) == [f"{SCRIPT} (group)"]
        assert SCRIPT not in page.text
        assert SCRIPT not in alice.page(PAGE, done=SCRIPT, server=SCRIPT).text
        for field in ("server", "name", "kind", "action"):
            sent = alice.press(page, "Revoke", **{field: SCRIPT})
            assert SCRIPT not in sent.text
            assert sent.status in (200, 400, 404)
    finally:
        carol.api("DELETE", f"/hub/api/groups/{quote(SCRIPT, safe='')}")


@pytest.mark.usefixtures("running")
def test_forms_reach_nobody_elses_server(alice: Person, bob: Person) -> None:
    """A server name in a form can only mean the user's own server, and users can leave only what was shared with them."""
    accept(bob, make_link(alice))
    page = bob.page(PAGE)
    for name in ("../alice/", "../alice", "alice/", "/alice/"):
        assert bob.press(page, "Leave", action="end-all", server=name).status == 404
        assert bob.press(page, "Leave", action="give", server=name, kind="user", name="carol").status == 404
        # To oneself, whichever server it is.
        assert bob.press(page, "Leave", action="give", server=name, kind="user", name="bob").status == 400
        assert bob.press(page, "Leave", owner=f"../../shares/{name}").status == 404
    assert guests(alice.page(PAGE)) == ["bob"]


@pytest.mark.usefixtures("running")
def test_form_without_its_token_is_refused(alice: Person, bob: Person) -> None:
    """Another site, which has only the cookies, can press neither the page's buttons nor the accept page's."""
    for owner_page, button in (
        (alice.page(PAGE), "Create link"),
        (bob.page(make_link(alice)), "Accept"),
    ):
        who = alice if button == "Create link" else bob
        for token in ("", "0" * 32):
            assert who.press(owner_page, button, _xsrf=token).status == 403
    assert guests(alice.page(PAGE)) == []


def test_script_of_another_page_of_the_hub_does_not_get_the_page(alice: Person) -> None:
    """A server that alice visits may have the hub's origin, but scripts in its pages cannot read the sharing page."""
    page = alice.page(PAGE)
    assert "_xsrf" in page.text
    script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}
    answer = alice.look(PAGE, script)
    assert answer.status_code in (302, 403)
    assert "_xsrf" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("frame-ancestors 'none'")


@pytest.mark.usefixtures("running")
def test_two_hundred_links_and_guests_are_all_there(alice: Person, host: Host) -> None:
    """All links and guests are listed, although the hub returns lists in parts, and one button revokes them all."""
    crowd(host, "alice", 200)
    page = alice.page(PAGE)
    assert guests(page) == [f"guest-{index:03}" for index in range(200)]
    assert page.text.count("Revoke link<") == 200
    page = alice.press(page, "Revoke all links and access")
    assert guests(page) == []
    assert "No active links." in page.text
    in_database(host, "db.query(orm.User).filter(orm.User.name.like('guest-%')).delete()")


@pytest.mark.usefixtures("running")
@pytest.mark.long
def test_hub_away_is_said(alice: Person, bob: Person, host: Host) -> None:
    """If the hub stops answering while the page is open, the page says what the user can do."""
    accept(bob, make_link(alice))
    page = alice.page(PAGE)
    with hub_away(host):
        for answer in (alice.press(page, "Revoke"), alice.page(PAGE)):
            assert answer.status == 503
            assert "The hub does not answer at the moment." in told(answer)
    wait_until(lambda: alice.hub.is_up)
    # The hub may handle the request later. Then it has done what was asked for, and nothing else.
    assert guests(alice.page(PAGE)) in ([], ["bob"])
    assert bob.page(PAGE).status == 200
    assert "sharing: WARNING" in host.check_output("journalctl -u jupyterhub --since=-60s --no-pager")


@pytest.mark.usefixtures("running")
def test_what_a_guest_has_read_opens_nothing_after_the_next_start(
    alice: Person, bob: Person, hub: Hub
) -> None:
    """A guest reads the server's own token in a terminal, and the owner's sign-in in the server's memory."""
    accept(bob, make_link(alice))
    own = own_token(bob.visit("alice"))
    tab = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    stolen = exchange(hub.url, "alice", own, code_in(alice.look(page_for_code("alice"), tab)))
    files = "/user/alice/api/contents"
    assert hub.api("GET", files, token=stolen).status_code == 200
    alice.press(alice.page(PAGE), "Revoke all links and access")
    alice.stop("alice")
    alice.start("alice")
    for token in (stolen, own):
        assert hub.api("GET", files, token=token).status_code == 403
    assert alice.visit("alice").me()["identity"]["username"] == "alice"


@pytest.mark.usefixtures("running")
def test_flood_on_one_code_makes_one_guest(alice: Person, bob: Person, carol: Person) -> None:
    """Guessing codes opens nothing, and locks out nobody else."""
    link = make_link(alice)
    page = bob.page(link)
    code = bob.page(make_link(alice)).url
    with ThreadPoolExecutor(20) as pool:
        accepted = [pool.submit(bob.press_only, page, "Accept") for _ in range(100)]
    with ThreadPoolExecutor(20) as pool:
        guessed = [pool.submit(bob.page, f"{code[:-4]}{index:04}") for index in range(100)]
    assert {each.result().status for each in accepted} == {302}
    assert {each.result().status for each in guessed} == {404, 429}
    assert carol.page(link).status == 200
    assert guests(alice.page(PAGE)) == ["bob"]
    assert alice.hub.is_up


def test_page_is_nobodys_process(hub: Hub, alice: Person, host: Host) -> None:
    """The page's process is not root, and has a port that only root can open. If it dies, or the hub does, it is restarted."""
    health = "/services/sharing/health"

    def process() -> str:
        return str(host.run("pgrep --full 'jupyterhub_[c]ollab.sharing import'").stdout).strip()

    first = process()
    assert host.check_output("ps -o user= -p %s", first) == "nobody"
    status = host.file(f"/proc/{first}/status").content_string
    assert "\nCapEff:\t0000000000000000\n" in status
    assert "\nGroups:\t \n" in status
    assert json.loads(hub.api("GET", health).text)["port"] < 1024
    host.check_output("kill -KILL %s", first)
    wait_until(lambda: process() not in ("", first) and hub.api("GET", health).status_code == 200, 60)
    host.check_output("systemctl kill --signal=KILL --kill-whom=main jupyterhub")
    second = process()
    wait_until(lambda: process() not in ("", second) and "\n" not in process(), 60)
    wait_until(lambda: hub.is_up and alice.page(PAGE).status == 200, 60)


@pytest.mark.usefixtures("running")
def test_log_says_who_is_gone(alice: Person, host: Host, carol: Person) -> None:
    """What a group was given ends when the group is deleted, and the log says so."""
    assert carol.api("POST", "/hub/api/groups/leavers").status_code == 201
    assert guests(alice.press(alice.page(PAGE), "Share", kind="group", name="leavers")) == ["leavers (group)"]
    carol.api("DELETE", "/hub/api/groups/leavers")
    assert guests(alice.page(PAGE)) == []
    wait_until(lambda: log(host)[-1].get("group") == "leavers")
    assert (log(host)[-1]["because"], log(host)[-1]["by"]) == ("deleted", "carol")


@pytest.mark.usefixtures("running")
def test_administrator_who_acts_for_someone_is_named(alice: Person, carol: Person, host: Host) -> None:
    """The log records who granted it, not only who owns it."""
    carol.ask("POST", f"{carol.hub.url}/hub/api/shares/alice/", {"user": "bob"})
    line = log(host)[-1]
    assert (line["event"], line["owner"], line["user"], line["by"]) == (
        "access given",
        "alice",
        "bob",
        "carol",
    )
    assert host.file("/var/log/jupyterhub-sharing.jsonl").mode == 0o640
