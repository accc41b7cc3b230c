# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab of the sharing page for administrators, and everyone who would like to have it. The hub and its servers are real."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

import plain_http
from attacked_hub import SERVER, Attacked
from local_hub import wait_until

PAGE = "/services/sharing/"
TAB = f"{PAGE}?tab=all"
ENDPOINT = "/hub/api/sharing/overview"
MARKUP = "\"><script>alert(1)</script>'{{ 7 * 7 }}"


@pytest.fixture(autouse=True)
def nothing_shared(attacked: Attacked) -> Iterator[None]:
    """Begin with guests of this test only. What other tests have shared is theirs."""
    for name in ("yara", "yves", "yoko"):
        if name not in users(attacked):
            attacked.ask("POST", f"users/{name}")
    yield
    for kind in ("share-codes", "shares"):
        attacked.ask("DELETE", f"{kind}/alice/")


@pytest.fixture
def carol(attacked: Attacked) -> Iterator[httpx.Client]:
    with attacked.browser("carol", page=attacked.page) as browser:
        yield browser


@pytest.fixture
def mallory(attacked: Attacked) -> Iterator[httpx.Client]:
    with attacked.browser("mallory", page=attacked.page) as browser:
        yield browser


def users(hub: Attacked) -> set[str]:
    return {each["name"] for each in hub.ask("GET", "users")}


def guests(hub: Attacked) -> set[str]:
    return {each["user"]["name"] for each in hub.ask("GET", "shares/alice/")["items"] if each["user"]}


def make_administrator(hub: Attacked, name: str, is_one: bool) -> None:
    plain_http.request(
        "PATCH",
        f"{hub.hub_url}/hub/api/users/{name}",
        headers={"Authorization": f"token {hub.token_of('carol')}"},
        json={"admin": is_one},
        timeout=60,
    ).raise_for_status()


def links(hub: Attacked) -> int:
    return len(hub.ask("GET", "share-codes/alice/")["items"])


def events(hub: Attacked) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (hub.directory / "shares.jsonl").read_text().splitlines()]


def rows(page: httpx.Response) -> list[Tag]:
    return BeautifulSoup(page.text, "html.parser").select("#all tbody tr")


def text(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())


def form(page: httpx.Response | Tag, action: str) -> dict[str, str]:
    """Return what the first form of an action sends."""
    soup = page if isinstance(page, Tag) else BeautifulSoup(page.text, "html.parser")
    (found, *_more) = [
        each for each in soup.select("form") if each.select(f'[name=action][value="{action}"]')
    ]
    return {str(each["name"]): str(each["value"]) for each in found.select("input")}


def row_of(page: httpx.Response, *parts: str) -> Tag:
    (found,) = [row for row in rows(page) if all(part in text(row) for part in parts)]
    return found


def page_token(browser: httpx.Client) -> str:
    """Return the token that the page has from a browser's cookie."""
    browser.get(PAGE)
    cookie = next(each.value or "" for each in browser.cookies.jar if each.name == "service-sharing")
    value = cookie.strip('"').split("|")[4].partition(":")[2]
    return base64.b64decode(value).decode()


def call(hub: Attacked, token: str, body: Any = None) -> httpx.Response:
    method = "GET" if body is None else "POST"
    headers = {"Authorization": f"token {token}"}
    return plain_http.request(method, hub.hub_url + ENDPOINT, headers=headers, json=body, timeout=60)


def test_administrator_sees_everything(attacked: Attacked, carol: httpx.Client) -> None:
    """Requirement 125: every share, link and visitor, each with its level."""
    attacked.ask("POST", "shares/alice/", {"user": "yara", "level": "view"})
    attacked.ask("POST", "shares/alice/", {"group": "team"})
    attacked.ask("POST", "share-codes/alice/", {"level": "view"})
    with (
        attacked.browser("yara", page=attacked.page) as yara,
        attacked.browser("dave", page=attacked.page) as dave,
    ):
        for browser in (yara, dave):
            browser.get(f"{SERVER}files/none")
        page = carol.get(f"{TAB}&of=alice")
    assert "can view" in text(row_of(page, "alice yara", "Revoke", "since"))
    assert "can edit" in text(row_of(page, "alice team", "(group)"))
    assert "can view" in text(row_of(page, "a link, used 0 times"))
    assert "Revoke" in text(row_of(page, "yara", "is there", "can view"))
    by_role = row_of(page, "dave", "is there")
    assert "Cannot be ended here: a role opens the server. Change the role or its members." in text(by_role)
    assert by_role.select("form") == []


def test_others_have_no_such_tab(attacked: Attacked, mallory: httpx.Client) -> None:
    """Requirement 126: not even an owner, or someone who may do everything with a group's servers."""
    attacked.share("yara")
    with attacked.browser("alice", page=attacked.page) as alice:
        for browser in (mallory, alice):
            for path in (TAB, f"{TAB}&confirm=1", f"{TAB}&of=alice&page=2"):
                page = browser.get(path)
                assert page.status_code == 200
                assert 'id="all"' not in page.text
                assert "Whole hub" not in page.text
                assert BeautifulSoup(page.text, "html.parser").select(".tab-pane.active")[0]["id"] == "mine"


def test_others_end_nothing(attacked: Attacked, carol: httpx.Client, mallory: httpx.Client) -> None:
    """Requirement 126: forms of an administrator, sent by another user, and calls of the hub's endpoint with any token."""
    attacked.share("yara")
    one = form(row_of(carol.get(f"{TAB}&of=alice&what=share"), "yara"), "end-one")
    everything = form(carol.get(f"{TAB}&confirm=1"), "end-shown")
    with attacked.browser("alice", page=attacked.page) as alice:
        for browser in (mallory, alice):
            own = re.findall('name="_xsrf" value="([^"]+)"', browser.get(PAGE).text)[0]
            for sent in (one, everything):
                assert browser.post(PAGE, data=sent).status_code == 403  # with an administrator's _xsrf
                answer = browser.post(PAGE, data={**sent, "_xsrf": own})
                assert answer.status_code == 403
                assert "You do not have permission to do that" in answer.text
        wish = {"end": one["key"]}
        tokens = [page_token(mallory), page_token(alice), attacked.token, attacked.own_token, "none"]
        # An administrator's own token could do it in another way. It is not the page's.
        tokens += [attacked.token_of("carol"), attacked.token_of("alice"), attacked.sign_in_of("carol")]
        for token in tokens:
            assert call(attacked, token).status_code == 403
            assert call(attacked, token, wish).status_code == 403
        assert carol.post(ENDPOINT, json=wish).status_code == 403  # with cookies
    assert "yara" in guests(attacked)


def test_forged_forms_end_nothing(attacked: Attacked, carol: httpx.Client) -> None:
    """What another site or a script sends in an administrator's browser does nothing, and reads nothing."""
    attacked.share("yara")
    sent = form(row_of(carol.get(f"{TAB}&of=alice&what=share"), "yara"), "end-one")
    assert carol.post(PAGE, data={**sent, "_xsrf": ""}).status_code == 403
    assert (
        carol.post(PAGE, data={name: text for name, text in sent.items() if name != "_xsrf"}).status_code
        == 403
    )
    for dest in ("empty", "iframe", "image"):
        answer = carol.post(PAGE, data=sent, headers={"Sec-Fetch-Dest": dest})
        assert answer.status_code == 403
        assert "yara" not in carol.get(TAB, headers={"Sec-Fetch-Dest": dest}).text
    # An address alone ends nothing.
    carol.get(PAGE, params=sent)
    carol.get(f"{TAB}&confirm=1")
    assert "yara" in guests(attacked)


def test_page_token_of_an_administrator_opens_nothing(attacked: Attacked, carol: httpx.Client) -> None:
    """The page's token of an administrator does not have their scopes, so anyone who has it opens no server and shares none."""
    carol.get(TAB)
    token = page_token(carol)
    assert call(attacked, token).status_code == 200
    assert not attacked.opens(token)
    for path in ("shares/alice/", "users/alice/tokens", "share-codes/alice/"):
        headers = {"Authorization": f"token {token}"}
        assert plain_http.get(f"{attacked.hub_url}/hub/api/{path}", headers=headers).status_code in (403, 404)


def test_ended_share_ends_as_for_its_owner(attacked: Attacked, carol: httpx.Client) -> None:
    """Requirement 125: the guest is out, the log names the administrator, and others keep what they have."""
    attacked.share("yara")
    attacked.share("yves")
    token = attacked.sign_in_of("yara")
    assert attacked.opens(token)
    page = carol.post(PAGE, data=form(row_of(carol.get(f"{TAB}&who=yara&what=share"), "yara"), "end-one"))
    assert page.status_code == 200
    assert "Revoked. Users who had access by it lose it" in page.text
    assert page.url.params["who"] == "yara"  # the list stays as it was
    wait_until(lambda: not attacked.opens(token))
    assert guests(attacked) >= {"yves"}
    assert "yara" not in guests(attacked)
    last = events(attacked)[-1]
    assert (last["event"], last["by"], last["user"]) == ("access ended", "carol", "yara")
    assert last["because"] == "revoked"


def test_ended_link_gives_access_to_nobody(attacked: Attacked, carol: httpx.Client) -> None:
    code = attacked.ask("POST", "share-codes/alice/", {})["code"]
    carol.post(PAGE, data=form(row_of(carol.get(f"{TAB}&of=alice&what=link"), "a link"), "end-one"))
    assert links(attacked) == 0
    with attacked.browser("yoko") as yoko:
        assert "This sharing link is not valid" in yoko.get(f"/hub/accept-share?code={code}").text
    assert (events(attacked)[-1]["event"], events(attacked)[-1]["by"]) == ("link ended", "carol")


def test_all_that_match_end_after_a_question(attacked: Attacked, carol: httpx.Client) -> None:
    """Requirement 125: the question says how many, and what does not match stays."""
    for name in ("yara", "yves"):
        attacked.ask("POST", "shares/alice/", {"user": name, "level": "view"})
    attacked.ask("POST", "shares/alice/", {"user": "yoko"})
    attacked.ask("POST", "share-codes/alice/", {"level": "view"})
    asked = f"{TAB}&of=alice&may=view"
    assert not BeautifulSoup(carol.get(asked).text, "html.parser").select('[value="end-shown"]')
    page = carol.get(f"{asked}&confirm=1")
    assert "Revoke 2 shares and 1 link?" in page.text
    page = carol.post(PAGE, data=form(page, "end-shown"))
    assert "Revoked." in page.text
    assert "yoko" in guests(attacked)
    assert not guests(attacked) & {"yara", "yves"}
    assert links(attacked) == 0
    ended = [each for each in events(attacked)[-3:] if each["by"] == "carol"]
    assert [each["event"] for each in ended] == ["link ended", "access ended", "access ended"]


def test_old_page_does_not_end_what_is_new(attacked: Attacked, carol: httpx.Client) -> None:
    """A page from before another share was made ends what it showed. If more matches for another reason, it ends nothing."""
    for name in ("yara", "yves"):
        attacked.ask("POST", "shares/alice/", {"user": name, "level": "view"})
    attacked.ask("POST", "shares/alice/", {"user": "yves", "level": "edit"})
    carol.get(TAB)  # signs in
    confirmed = form(carol.get(f"{TAB}&of=alice&may=view&confirm=1"), "end-shown")
    assert confirmed["most"] == "1"
    attacked.ask("PATCH", "shares/alice/", {"user": "yves", "level": "view"})
    # As new as yara's share at most, and so it could have been listed.
    later = form(carol.get(f"{TAB}&of=alice&may=view&confirm=1"), "end-shown")
    page = carol.post(PAGE, data={**later, "most": "1"})
    assert page.status_code == 409
    assert "Nothing was revoked, because more is listed now than you confirmed" in page.text
    assert guests(attacked) >= {"yara", "yves"}
    attacked.ask("POST", "shares/alice/", {"user": "yoko", "level": "view"})
    assert carol.post(PAGE, data=later).status_code == 200
    assert guests(attacked) & {"yara", "yves", "yoko"} == {"yoko"}


def test_old_page_does_not_end_the_next_share_with_the_same_number(
    attacked: Attacked, carol: httpx.Client
) -> None:
    attacked.share("yara")
    old = form(row_of(carol.get(f"{TAB}&who=yara&what=share"), "yara"), "end-one")
    attacked.revoke("yara")
    attacked.share("yves")
    new = form(row_of(carol.get(f"{TAB}&who=yves&what=share"), "yves"), "end-one")
    assert old["key"].split(".")[:2] == new["key"].split(".")[:2]  # SQLite gives the number again
    page = carol.post(PAGE, data=old)
    assert page.status_code == 404
    assert "That share or link had already ended" in page.text
    assert "yves" in guests(attacked)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"end": ""},
        {"end": 1},
        {"end": "visitor.1.2026-01-01T00:00:00.000000"},
        {"end": "share.1"},
        {"end_all": {}, "most": 10**6},
        {"end_all": {}, "newest": "9999"},
        {"end_all": {}, "most": True, "newest": "9999"},
        {"end_all": {}, "most": "9", "newest": "9999"},
        {"end_all": {"off": "ann"}, "most": 9, "newest": "9999"},
        {"most": 9, "newest": "9999"},
    ],
)
def test_request_that_is_none_ends_nothing(attacked: Attacked, carol: httpx.Client, body: Any) -> None:
    """A request without a filter is refused: it must not end everything."""
    attacked.share("yara")
    assert call(attacked, page_token(carol), body).status_code == 400
    assert "yara" in guests(attacked)


def test_who_is_no_administrator_any_more_ends_nothing(attacked: Attacked) -> None:
    """What counts is what the user may do now, not when the page was shown or the user logged in."""
    attacked.share("yara")
    make_administrator(attacked, "yves", True)
    with attacked.browser("yves", page=attacked.page) as yves:
        sent = form(row_of(yves.get(f"{TAB}&who=yara&what=share"), "yara"), "end-one")
        make_administrator(attacked, "yves", False)
        page = yves.post(PAGE, data=sent)
        assert page.status_code == 403
        assert 'id="all"' not in page.text
    assert "yara" in guests(attacked)


@pytest.mark.parametrize("field", ["of", "who", "what", "may", "page"])
def test_filters_are_text(attacked: Attacked, carol: httpx.Client, field: str) -> None:
    """Markup in a filter is shown as text, or, where no form has such a value, not at all."""
    attacked.share("yara")
    plain = len(BeautifulSoup(carol.get(TAB).text, "html.parser").select("script"))
    page = carol.get(PAGE, params={"tab": "all", field: MARKUP, "confirm": "1"})
    assert page.status_code == 200
    soup = BeautifulSoup(page.text, "html.parser")
    assert len(soup.select("script")) == plain
    # What the hub does not understand lists everything, and asks nothing.
    assert bool(soup.select('[value="end-shown"]')) is False or field == "page"
    if field in ("of", "who"):
        assert soup.select(f"#all-{field}")[0]["value"] == MARKUP
        assert "Nothing matches" in page.text


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 8, "9" * 40, "1.5", "\u0661"])
def test_page_that_there_is_not(carol: httpx.Client, number: str) -> None:
    """An old or wrong address shows the first or the last page."""
    page = carol.get(PAGE, params={"tab": "all", "page": number})
    assert page.status_code == 200
    assert 'id="all"' in page.text


def test_many_shares_are_on_several_pages(attacked: Attacked, carol: httpx.Client) -> None:
    names = [f"crowd-{number:03}" for number in range(60)]
    attacked.ask("POST", "users", {"usernames": names})
    for name in names:
        attacked.share(name)
    pages = [carol.get(f"{TAB}&who=crowd-*&what=share&page={number}") for number in (1, 2)]
    shown = [text(row).split()[1] for page in pages for row in rows(page)]
    assert shown == names
    assert "Page 1 of 2" in pages[0].text
    following = BeautifulSoup(pages[0].text, "html.parser").find("a", string="Next")
    assert isinstance(following, Tag)
    assert rows(carol.get(str(following["href"]))) == rows(pages[1])
    page = carol.post(PAGE, data=form(carol.get(f"{TAB}&who=crowd-*&confirm=1"), "end-shown"))
    assert "Nothing matches" in page.text
    for name in names:
        attacked.ask("DELETE", f"users/{name}")
