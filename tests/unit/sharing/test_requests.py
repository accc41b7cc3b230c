# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for access, as users send them and owners answer them, and what attackers try. The hub is real."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup

import plain_http
from attacked_hub import Attacked
from jupyterhub_collab.hub.access_requests import MOST
from local_hub import wait_until

PAGE, ASK = "/services/sharing/", "/hub/request-access"
WITHOUT = "/hub/user/{}/lab"  # a page about a user's server, for visitors without access


def form(page: httpx.Response, label: str) -> dict[str, str] | None:
    """Return the fields of the form whose button has this label; None if the page has none."""
    for each in BeautifulSoup(page.text, "html.parser").select("form"):
        button = each.select_one("button")
        if button is not None and button.get_text(strip=True) == label:
            return {str(field["name"]): str(field["value"]) for field in each.select("input")}
    return None


def words(page: httpx.Response, part: str = "main") -> str:
    (found,) = BeautifulSoup(page.text, "html.parser").select(part)
    for hidden in found.select("script, style"):
        hidden.decompose()
    return " ".join(found.get_text(" ").split())


def send(browser: httpx.Client, owner: str = "alice", path: str = WITHOUT) -> httpx.Response:
    """Press the button for a request on the page about an owner's server, and return the page that follows."""
    fields = form(browser.get(path.format(owner)), "Request access")
    assert fields is not None
    return browser.post(ASK, data=fields)


def answer(browser: httpx.Client, action: str, name: str, **fields: str) -> httpx.Response:
    """Send one of the owner's forms on the sharing page."""
    xsrf = browser.get(PAGE).text.partition('name="_xsrf" value="')[2].partition('"')[0]
    return browser.post(PAGE, data={"_xsrf": xsrf, "server": "", "action": action, "name": name, **fields})


def waiting(hub: Attacked, owner: str = "alice") -> dict[str, str]:
    """Return who asks an owner for access, each with the server."""
    return {each["user"]: each["server"] for each in hub.ask("GET", f"sharing/requests/{owner}")}


def level(hub: Attacked, name: str) -> str | None:
    shares = hub.ask("GET", "shares/alice/")["items"]
    return next((each["level"] for each in shares if each["user"] and each["user"]["name"] == name), None)


def api(hub: Attacked, name: str, method: str, path: str, body: Any = None) -> httpx.Response:
    """Send a request to the hub's API with a token that has all scopes of a user."""
    headers = {"Authorization": f"token {hub.token_of(name)}"}
    return plain_http.request(method, f"{hub.hub_url}/hub/api/{path}", headers=headers, json=body)


def logged(hub: Attacked, name: str) -> list[tuple[str, str, str | None]]:
    """Return what the sharing log says about a user: event, level, and who did it."""
    lines = map(json.loads, (hub.directory / "shares.jsonl").read_text().splitlines())
    return [(each["event"], each.get("level", ""), each["by"]) for each in lines if each.get("user") == name]


def in_database(hub: Attacked, statement: str) -> list[Any]:
    with closing(sqlite3.connect(hub.directory / "hub.sqlite", timeout=30)) as database, database:
        return database.execute(statement).fetchall()


def rows(hub: Attacked, name: str) -> int:
    ((number,),) = in_database(hub, f"SELECT id FROM users WHERE name = '{name}'")
    pattern = f'["asked", {number}, %'
    return len(in_database(hub, f"SELECT id FROM oauth_codes WHERE redirect_uri LIKE '{pattern}'"))


def test_owner_accepts_a_request_at_a_level(attacked: Attacked) -> None:
    """Requirement V10: a user without access asks, the owner sees it on Home and the sharing page, and accepts it at a level."""
    with attacked.browser("ann") as ann, attacked.browser("alice", page=attacked.page) as alice:
        sent = words(send(ann))
        assert sent.startswith("Request access to alice's server You requested access on ")
        assert waiting(attacked) == {"ann": ""}
        assert "1 user requests access to your servers." in words(alice.get("/hub/home"))
        page = alice.get(PAGE)
        assert "Requests for access ann" in words(page)
        assert "My servers (1 request)" in words(page)
        shown = answer(alice, "accept-request", "ann", level="view")
        assert "Request accepted." in words(shown)
        assert level(attacked, "ann") == "view"
        assert waiting(attacked) == {}
        assert "Requests for access" not in words(alice.get(PAGE))
        assert "access to your servers" not in words(alice.get("/hub/home"))
        # The page that said that she asked leads to the server now, whatever path of it she had opened.
        for query, path in (
            ("owner=alice", ""),
            ("owner=alice&server=lab", "lab/"),
            ("owner=alice&server=a%20b!", "a%20b%21/"),
        ):
            opened = ann.get(f"{ASK}?{query}", follow_redirects=False)
            assert opened.headers["Location"] == f"/user/alice/{path}"
    assert logged(attacked, "ann") == [
        ("access requested", "", "ann"),
        ("access given", "view", "alice"),
        ("request accepted", "", "alice"),
    ]
    attacked.revoke("ann")


def test_request_and_its_answer_tell_nothing_that_the_hub_knows(attacked: Attacked) -> None:
    """Requirement V10: the pages are the same for an owner who declined, one who did not, and one who does not exist."""
    attacked.ask("POST", "users/hanna")
    with attacked.browser("ben") as ben, attacked.browser("alice", page=attacked.page) as alice:
        told: set[tuple[Any, ...]] = set()
        for owner in ("alice", "hanna", "nobody-here"):
            before = ben.get(WITHOUT.format(owner))
            answers = [before, ben.get(f"{ASK}?owner={owner}"), send(ben, owner)]
            if owner == "alice":
                assert "Request declined." in words(answer(alice, "decline-request", "ben"))
            answers += [ben.get(WITHOUT.format(owner)), ben.get(f"{ASK}?owner={owner}")]
            again = {**(form(before, "Request access") or {}), "owner": owner}
            answers.append(ben.post(ASK, data=again))
            told.add(tuple((each.status_code, words(each).replace(owner, "NAME")) for each in answers))
    assert len(told) == 1, told
    assert "Request access" not in words(answers[3]).replace("Request access to", "")


def test_declined_request_cannot_be_repeated_for_a_week(attacked: Attacked) -> None:
    """Requirement V10: its sender is not told, and the owner does not see another one before the first has expired."""
    with attacked.browser("cleo") as cleo, attacked.browser("alice", page=attacked.page) as alice:
        before = form(cleo.get(WITHOUT.format("alice")), "Request access")
        assert before is not None
        send(cleo)
        answer(alice, "decline-request", "cleo")
        for path in ("/hub/user/alice/lab", "/hub/user/alice/other/lab", "/hub/spawn/alice/other"):
            assert form(cleo.get(path), "Request access") is None
        for fields in (before, {**before, "server": "other"}):
            assert cleo.post(ASK, data=fields).status_code == 200
            assert waiting(attacked) == {}
        shown = answer(alice, "accept-request", "cleo", level="edit")
        assert (shown.status_code, "That request was answered, or has ended" in shown.text) == (404, True)
        assert level(attacked, "cleo") is None
        assert [event for event, *_ in logged(attacked, "cleo")] == ["access requested", "request declined"]
        in_database(attacked, "UPDATE oauth_codes SET expires_at = 1 WHERE redirect_uri LIKE '[\"asked\"%'")
        send(cleo)
        assert waiting(attacked) == {"cleo": ""}
        answer(alice, "decline-request", "cleo")


def test_user_has_few_requests_at_a_time(attacked: Attacked) -> None:
    """Whom they ask does not matter, nor whether they exist. What is refused leaves nothing in the database and the log."""
    with attacked.browser("dora") as dora:
        for number in range(MOST):
            assert send(dora, f"nobody-{number}").status_code == 200
        fields = form(dora.get(WITHOUT.format("alice")), "Request access")
        assert fields is not None
        for number in range(50):
            refused = dora.post(ASK, data={**fields, "owner": f"alice{number}" if number else "alice"})
            assert refused.status_code == 429
        assert f"You have asked {MOST} people for access" in words(refused)
        assert waiting(attacked) == {}
        assert rows(attacked, "dora") == len(logged(attacked, "dora")) == MOST


@pytest.mark.long
def test_ten_thousand_requests_leave_five(attacked: Attacked) -> None:
    with attacked.browser("donald") as donald:
        fields = form(donald.get(WITHOUT.format("nobody")), "Request access")
        assert fields is not None
        for number in range(10_000):
            donald.post(ASK, data={**fields, "owner": f"nobody-{number}"}, follow_redirects=False)
        assert rows(attacked, "donald") == len(logged(attacked, "donald")) == MOST


@pytest.mark.parametrize(
    "forged",
    [
        {"data": {"_xsrf": "x"}},
        {"data": {"_xsrf": ""}},
        {"headers": {"Sec-Fetch-Dest": "empty"}},
        {"headers": {"Sec-Fetch-Dest": "iframe"}},
        {"data": {"owner": "emma"}},
        {"data": {"owner": "shared account"}},
        {"data": {"owner": "project-rainfall"}},
        {"data": {"owner": ""}},
    ],
)
def test_request_of_another_page_or_to_nobody_is_refused(attacked: Attacked, forged: dict[str, Any]) -> None:
    with attacked.browser("emma") as emma:
        fields = form(emma.get(WITHOUT.format("alice")), "Request access")
        assert fields is not None
        data, headers = {**fields, **forged.get("data", {})}, forged.get("headers", {})
        refused = emma.post(ASK, data=data, headers=headers, follow_redirects=False)
        assert refused.status_code == 403
        assert rows(attacked, "emma") == 0


def test_request_comes_from_its_sender_alone(attacked: Attacked) -> None:
    """Fields that name another sender have no effect, and tokens send no requests."""
    attacked.ask("POST", "users/victim")
    with attacked.browser("fred") as fred:
        fields = form(fred.get(WITHOUT.format("alice")), "Request access")
        assert fields is not None
        with_token = {"Authorization": f"token {attacked.token_of('victim')}"}
        bare = plain_http.post(f"{attacked.hub_url}{ASK}", data=fields, headers=with_token)
        assert bare.status_code in (302, 403)
        fred.post(ASK, data={**fields, "user": "victim", "requester": "victim", "name": "victim"})
    assert waiting(attacked) == {"fred": ""}
    assert api(attacked, "alice", "DELETE", "sharing/requests/alice?user=fred").status_code == 204


def test_only_who_may_share_the_server_sees_and_answers(attacked: Attacked) -> None:
    """The sender, guests, the server's own token and other owners get the same refusal. An administrator answers in the owner's name."""
    with attacked.browser("gina") as gina:
        send(gina)
    for name in ("gina", "bob", "mallory"):
        for method, path, body in (
            ("GET", "sharing/requests/alice", None),
            ("POST", "sharing/requests/alice", {"user": "gina", "level": "edit"}),
            ("DELETE", "sharing/requests/alice?user=gina", None),
        ):
            told = {
                api(attacked, name, method, path.replace("alice", owner), body).status_code
                for owner in ("alice", "nobody-here")
            }
            assert told in ({403}, {404}), (name, method)
    own = plain_http.get(
        f"{attacked.hub_url}/hub/api/sharing/requests/alice",
        headers={"Authorization": f"token {attacked.own_token}"},
    )
    assert own.status_code in (403, 404)
    assert (waiting(attacked), level(attacked, "gina")) == ({"gina": ""}, None)
    assert api(attacked, "carol", "POST", "sharing/requests/alice", {"user": "gina"}).status_code == 200
    assert logged(attacked, "gina")[-1] == ("request accepted", "", "carol")
    attacked.revoke("gina")


def test_acceptance_is_refused_as_any_other_share(attacked: Attacked) -> None:
    """Levels that do not exist, other scopes, and users who have not asked get nothing, and the request stays."""
    with attacked.browser("hugo") as hugo:
        send(hugo)
    for body in (
        {"user": "hugo", "level": "manage"},
        {"user": "hugo", "level": ""},
        {"user": "hugo", "level": ["edit"]},
        {"user": "hugo", "scopes": ["servers!server=alice/"]},
        {"user": "hugo", "group": "teachers"},
        {"user": ["hugo"]},
        {"user": ""},
        {"user": "hugo", "server": 1},
        ["hugo"],
    ):
        assert api(attacked, "alice", "POST", "sharing/requests/alice", body).status_code == 400, body
    for body in (
        {"user": "mallory"},
        {"user": "HUGO"},
        {"user": "nobody-here"},
        {"user": "hugo", "server": "other"},
    ):
        assert api(attacked, "alice", "POST", "sharing/requests/alice", body).status_code == 404
    assert api(attacked, "alice", "PATCH", "sharing/requests/alice", {"user": "hugo"}).status_code == 405
    assert (waiting(attacked), level(attacked, "hugo")) == ({"hugo": ""}, None)
    # Twice: the second finds no request, so it gives nothing to who was revoked in between.
    accepted = [api(attacked, "alice", "POST", "sharing/requests/alice", {"user": "hugo"}).status_code]
    attacked.revoke("hugo")
    accepted.append(api(attacked, "alice", "POST", "sharing/requests/alice", {"user": "hugo"}).status_code)
    assert (accepted, level(attacked, "hugo")) == ([200, 404], None)


def test_who_has_access_sends_no_request(attacked: Attacked) -> None:
    """Neither with a page from before, nor with one that another user saw."""
    with attacked.browser("mark") as mark:
        fields = form(mark.get(WITHOUT.format("alice")), "Request access")
        assert fields is not None
        attacked.share("mark")
        assert mark.post(ASK, data=fields, follow_redirects=False).status_code == 303
        assert rows(attacked, "mark") == 0
        assert [event for event, *_ in logged(attacked, "mark")] == ["access given"]
    attacked.revoke("mark")


def test_text_of_an_address_stays_text(attacked: Attacked) -> None:
    """What follows the owner in an address comes back as a field of the form, and nowhere else."""
    with attacked.browser("nora") as nora:
        page = nora.get("/hub/user/alice/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E/lab")
        fields = form(page, "Request access")
        assert fields is not None
        assert fields["server"].startswith('"><script>alert(1)<')
        assert "<script>alert" not in page.text
        sent = nora.post(ASK, data={**fields, "server": "x" * 50_000})
        assert sent.status_code == 200
    assert waiting(attacked) == {"nora": ""}
    assert api(attacked, "alice", "DELETE", "sharing/requests/alice?user=nora").status_code == 204


def test_servers_own_refusal_leads_to_the_request(attacked: Attacked) -> None:
    """Requirement V10: a guest whose access ended reads it on the server's own page, which leads to the hub's page with the button."""
    with attacked.browser("olaf", page=attacked.page) as olaf:
        attacked.end_visit(olaf, "olaf")
        page = BeautifulSoup(olaf.get("/user/alice/files/none").text, "html.parser")
        (link,) = [each for each in page.select("a") if each.get_text() == "Request access"]
        assert link["href"] == f"{ASK}?owner=alice&server="
        assert form(olaf.get(str(link["href"])), "Request access") is not None


@pytest.mark.parametrize("way", ["name", "link", "group"])
def test_request_ends_when_access_is_given_another_way(attacked: Attacked, way: str) -> None:
    """It does not return when that access ends."""
    name = f"ida-{way}"
    with attacked.browser(name) as ida:
        send(ida)
        assert waiting(attacked) == {name: ""}
        if way == "name":
            attacked.share(name)
        elif way == "link":
            made = attacked.ask("POST", "share-codes/alice/", {})
            fields = form(ida.get(made["accept_url"]), "Accept")
            assert fields is not None
            ida.post(made["accept_url"], data=fields, follow_redirects=False)
            attacked.ask("DELETE", "share-codes/alice/")
        else:
            attacked.ask("POST", "groups/team/users", {"users": [name]})
            assert waiting(attacked) == {}  # noticed when its owner looks
            attacked.ask("DELETE", "groups/team/users", {"users": [name]})
        attacked.revoke(name)
    assert waiting(attacked) == {}


def test_request_ends_with_its_sender(attacked: Attacked) -> None:
    """Another user who later gets the same name, and the same user under another name, have asked for nothing."""
    for name in ("jane", "jill"):
        with attacked.browser(name) as browser:
            send(browser)
    assert waiting(attacked) == {"jane": "", "jill": ""}
    attacked.ask("DELETE", "users/jill")
    attacked.ask("POST", "users/jill")
    attacked.ask("PATCH", "users/jane", {"name": "jana"})
    assert waiting(attacked) == {}
    for name in ("jane", "jana", "jill"):
        body = {"user": name, "level": "edit"}
        assert api(attacked, "alice", "POST", "sharing/requests/alice", body).status_code == 404
        assert level(attacked, name) is None


def test_request_ends_with_its_owner(attacked: Attacked) -> None:
    """The sender is not told, and can ask the owner's successor only when the first request has expired."""
    for owner in ("kate", "kurt"):
        attacked.ask("POST", f"users/{owner}")
    with attacked.browser("leo") as leo:
        for owner in ("kate", "kurt"):
            send(leo, owner)
            assert waiting(attacked, owner) == {"leo": ""}
        attacked.ask("DELETE", "users/kate")
        attacked.ask("POST", "users/kate")
        attacked.ask("PATCH", "users/kurt", {"name": "kuno"})
        attacked.ask("POST", "users/kurt")
        for owner in ("kate", "kurt"):
            assert form(leo.get(WITHOUT.format(owner)), "Request access") is None
    assert [waiting(attacked, owner) for owner in ("kate", "kurt", "kuno")] == [{}, {}, {}]


def test_page_of_a_shared_account_or_a_project_offers_no_request(attacked: Attacked) -> None:
    """Nobody logs in as them, so nobody could answer. The page is the same for projects that do not exist."""
    with attacked.browser("mia") as mia:
        assert form(mia.get(WITHOUT.format("alice")), "Request access") is not None
        for path in (WITHOUT.format("project-none"), WITHOUT.format("my name"), "/hub/none"):
            assert form(mia.get(path), "Request access") is None
        assert mia.get(f"{ASK}?owner=project-none").status_code == 404


NAMED = """
c.JupyterHub.allow_named_servers = True
of_ours = c.Spawner.pre_spawn_hook


async def apart(spawner):
    spawner.port = 0 if spawner.name else spawner.port
    await of_ours(spawner)


c.Spawner.pre_spawn_hook = apart
"""


# Another hub: only teachers share, by link, at level view, and until the server stops.


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    hub = Attacked(
        tmp_path_factory.mktemp("strict"), level="view", highest="view", ends_with_server=True, revocation=1
    )
    config = hub.directory / "jupyterhub_config.py"
    text = config.read_text().replace("groups=[], by_name=True", 'groups=["teachers"], by_name=False')
    text = text.replace('{"team": {', '{"teachers": {"users": ["alice"]}, "team": {')
    config.write_text(text + NAMED)
    with hub.running():
        names = ("lab1", "lab2", "lab3")
        for name in names:
            hub.ask("POST", f"users/alice/servers/{name}")
        wait_until(lambda: all(stopped(hub, name) for name in names))
        yield hub


def stopped(hub: Attacked, name: str) -> bool:
    """Stop one of alice's named servers, and return whether it no longer runs."""
    with suppress(httpx.HTTPStatusError):  # it is still starting
        hub.ask("DELETE", f"users/alice/servers/{name}")
    server = hub.ask("GET", "users/alice?include_stopped_servers")["servers"][name]
    return not server["ready"] and not server["pending"]


def test_hubs_limits_hold_for_requests(strict: Attacked) -> None:
    """Requirement V10: the level is at most the hub's highest, and an owner who cannot share names can answer those who ask."""
    with strict.browser("ann") as ann, strict.browser("alice", page=strict.page) as alice:
        send(ann)
        assert api(strict, "alice", "POST", "shares/alice/", {"user": "ann"}).status_code == 403
        assert api(strict, "alice", "POST", "share-codes/alice/", {}).status_code == 200
        body = {"user": "ann", "level": "edit"}
        assert api(strict, "alice", "POST", "sharing/requests/alice", body).status_code == 403
        assert answer(alice, "accept-request", "ann", level="edit").status_code == 400
        assert (waiting(strict), level(strict, "ann")) == ({"ann": ""}, None)
        answer(alice, "accept-request", "ann")
    assert level(strict, "ann") == "view"


def test_owner_without_the_right_to_share_gets_no_requests(strict: Attacked) -> None:
    """The page for their visitors is the same. What they were asked is theirs if they get the right."""
    with strict.browser("ben") as ben, strict.browser("mallory", page=strict.page) as mallory:
        assert words(send(ben, "mallory")).replace("mallory", "") == words(send(ben, "nobody")).replace(
            "nobody", ""
        )
        assert "access to your servers" not in words(mallory.get("/hub/home"))
        assert "Requests for access" not in words(mallory.get(PAGE))
        assert answer(mallory, "accept-request", "ben").status_code == 403
        assert api(strict, "mallory", "POST", "sharing/requests/mallory", {"user": "ben"}).status_code == 403
        strict.ask("POST", "groups/teachers/users", {"users": ["mallory"]})
        assert "1 user requests access" in words(mallory.get("/hub/home"))
        strict.ask("DELETE", "groups/teachers/users", {"users": ["mallory"]})


def test_owner_answers_the_request_that_the_page_showed(strict: Attacked) -> None:
    """Its sender, who holds a link, ends it and asks for another server. Access to one server leaves requests for others as they are."""
    with strict.browser("rita") as rita, strict.browser("alice", page=strict.page) as alice:
        send(rita, path="/hub/user/{}/lab1/lab")
        strict.ask("POST", "shares/alice/lab1", {"user": "rita"})
        strict.ask("PATCH", "shares/alice/lab1", {"user": "rita"})
        assert waiting(strict) == {}
        send(rita, path="/hub/user/{}/lab3/lab")
        assert answer(alice, "accept-request", "rita", server="lab1", level="view").status_code == 404
        strict.ask("POST", "shares/alice/lab1", {"user": "rita"})
        assert waiting(strict) == {"rita": "lab3"}
        assert "Request accepted" in answer(alice, "accept-request", "rita", server="lab3").text
    shares = strict.ask("GET", "shares/alice")["items"]
    given = {each["server"]["name"] for each in shares if each["user"]["name"] == "rita"}
    assert given == {"lab1", "lab3"}


def test_request_outlives_the_server_and_the_hub(strict: Attacked) -> None:
    """A stopped server cannot be shared, so the page offers to start it. The request is about the named server that the address named."""
    with strict.browser("cleo") as cleo, strict.browser("alice", page=strict.page) as alice:
        send(cleo, path="/hub/user/{}/lab2/lab")
        assert waiting(strict) == {"cleo": "lab2"}
        strict.ask("DELETE", "users/alice/server")
        wait_until(lambda: not strict.runs)
        strict.kill()
        strict.start()
        wait_until(lambda: strict.page_runs)
        assert waiting(strict) == {"cleo": "lab2"}
        page = BeautifulSoup(alice.get(PAGE).text, "html.parser")
        (card,) = [each for each in page.select("section") if "Server lab2" in each.get_text()]
        assert "Requests for access" in card.get_text()
        assert [each.get_text() for each in card.select("button")] == ["Decline"]
        strict.ask("DELETE", "users/alice/servers/lab2", {"remove": True})
        assert waiting(strict) == {}
        strict.start_server()


def test_hub_without_requests_has_none_of_it(tmp_path: Path) -> None:
    hub = Attacked(tmp_path / "hub", requests=False)
    hub.start()
    try:
        with hub.browser("ann") as ann, hub.browser("alice", page=hub.page) as alice:
            assert form(ann.get(WITHOUT.format("alice")), "Request access") is None
            assert ann.get(f"{ASK}?owner=alice").status_code == 404
            assert alice.get("/hub/home").status_code == 200
    finally:
        hub.kill()
