# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing on a hub where each user and service has a domain of its own, with a real hub, page and server."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest

from attacked_hub import Attacked
from tiers import some_long

DOMAIN = "hub.test"
HUB, ALICE, PAGE = (
    f"http://{host}:8000" for host in (DOMAIN, f"alice.{DOMAIN}", f"sharing--service.{DOMAIN}")
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with Attacked(tmp_path_factory.mktemp("hub"), domain=DOMAIN).running() as hub:
        yield hub


@pytest.mark.parametrize("start", some_long([ALICE, HUB, PAGE], short=[ALICE]))
def test_menu_leads_to_the_page_from_every_domain(hub: Attacked, start: str) -> None:
    with hub.browser("alice", page=hub.page) as alice:
        page = alice.get(f"{start}/services/sharing/?tab=theirs")
        assert page.status_code == 200, page.text
        assert str(page.url) == f"{PAGE}/services/sharing/?tab=theirs"


def test_whatever_the_page_leads_to_is_at_its_place(hub: Attacked) -> None:
    with hub.browser("alice", page=hub.page) as alice:
        page = alice.get(f"{PAGE}/services/sharing/")
        targets = {
            urlsplit(urljoin(str(page.url), target))
            for target in re.findall(r'(?:href|src|action)="([^"#]+)"', page.text)
        }
        places = {(target.netloc, target.path.split("/")[1]) for target in targets}
    assert {place for place in places if place[1] == "hub"} == {(f"{DOMAIN}:8000", "hub")}
    assert {place for place in places if place[1] == "services"} == {
        (f"sharing--service.{DOMAIN}:8000", "services")
    }
    assert f'value="{HUB}/user/alice/"' in page.text
    policy = page.headers["content-security-policy"]
    assert policy.endswith(f"form-action 'self' {HUB}")


def test_link_leads_to_the_document_on_its_owners_domain(hub: Attacked) -> None:
    with hub.browser("alice", page=hub.page) as alice, hub.browser("zoe", page=hub.page) as zoe:
        page = alice.get(f"{PAGE}/services/sharing/")
        xsrf = page.text.partition('name="_xsrf" value="')[2].partition('"')[0]
        wish = {"_xsrf": xsrf, "action": "make-link", "document": "plan.txt"}
        page = alice.post(f"{PAGE}/services/sharing/", data=wish)
        link = page.text.partition('id="new-link" readonly autofocus value="')[2].partition('"')[0]
        assert link.startswith(f"{HUB}/hub/accept-share?code=")
        offer = zoe.get(link.replace("&amp;", "&"))
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', offer.text))
        came = zoe.post(str(offer.url), data=fields)
        assert str(came.url).startswith(f"{ALICE}/user/alice/lab/tree/plan.txt")
        zoe.get(f"{ALICE}/user/alice/files/none")  # the first page that asks who she is
        contents = zoe.get(f"{ALICE}/user/alice/api/contents")
        assert contents.status_code == 200
        listed = zoe.get(f"{PAGE}/services/sharing/?tab=theirs")
        assert f'href="{HUB}/user/alice/"' in listed.text
        # The hub's login cookie is not sent to a server, whose answers its owner controls.
        sent = zoe.build_request("GET", f"{ALICE}/user/alice/").headers.get("Cookie", "")
        assert "jupyterhub-user-alice" in sent
        assert "jupyterhub-hub-login" not in sent
