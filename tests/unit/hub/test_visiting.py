# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub's pages tell owners: who is on their servers, and what their own links are for."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from attacked_hub import SERVER, Attacked
from local_hub import wait_until

WORKS = re.compile(r"(.+) (?:is|are)\s+working on\s+your server\.")


PEOPLE = re.compile(r"const people = (\{.*\});")


def working(browser: httpx.Client) -> set[str]:
    """Return who Home says is working on its visitor's default server. Its script asks about the same people before it stops the server."""
    page = browser.get("/hub/home").text
    found, asked = WORKS.search(page), PEOPLE.search(page)
    people = set(found[1].strip().split(", ")) if found else set()
    assert asked
    assert set(json.loads(asked[1]).get("", [])) == people
    return people


@pytest.fixture
def alice(attacked: Attacked) -> Iterator[httpx.Client]:
    with attacked.browser("alice", page=attacked.page) as browser:
        yield browser


def test_home_says_who_works_on_a_server_before_it_is_stopped(
    attacked: Attacked, alice: httpx.Client
) -> None:
    """Guests on the server are named, as long as they have access. Their own Home does not name them.

    Guests of other tests may still be there.
    """
    with attacked.browser("zoe", page=attacked.page) as zoe:
        attacked.share("zoe")
        assert "zoe" not in working(alice)
        zoe.get(f"{SERVER}files/none")  # the first page that asks who she is
        assert zoe.get(f"{SERVER}api/contents").status_code == 200
        wait_until(lambda: "zoe" in working(alice))
        assert working(zoe) == set()
        attacked.revoke("zoe")
        assert "zoe" not in working(alice)


def test_own_link_says_so_and_leads_on(attacked: Attacked, alice: httpx.Client) -> None:
    """The owner who opens their own link is led to their server. The sentence of JupyterHub for that is still the same."""
    code = attacked.ask("POST", "share-codes/alice/", {})["code"]
    answer = alice.get(f"/hub/accept-share?code={code}")
    assert "This is your own sharing link" in answer.text
    assert f'href="{SERVER}"' in answer.text
    assert "403" not in answer.text.partition("<main")[2].partition("<script")[0]


def test_refusals_lead_back_to_the_hub(attacked: Attacked) -> None:
    with attacked.browser("zoe", page=attacked.page) as zoe:
        answer = zoe.get("/hub/admin")
        assert answer.status_code == 403
        assert "You do not have access" in answer.text
        assert 'href="/hub/home"' in answer.text


def test_failed_login_shows_the_form_again(attacked: Attacked) -> None:
    """JupyterHub shows the login form instead of its own error page, and must do so with ours."""
    with attacked.browser() as stranger:
        answer = stranger.post("/hub/login", data={"username": "zoe", "password": "zoe", "_xsrf": "expired"})
    assert answer.status_code == 403
    assert "Try again" in answer.text
    assert 'name="password"' in answer.text
