# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's pages, as hub users get them: what they can use, whose server a page is about, and nothing about anyone else."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from bs4 import BeautifulSoup

from jupyterhub_collab.patches.hub.asked import NAME
from local_hub import wait_until
from paged_hub import Paged

# The administrator's own templates: one that extends the hub's, one that replaces it, and one that extends what they have in all pages.
TEMPLATES = {
    "page.html": '{% extends "templates/page.html" %}{% block footer %}<p>University of {{ town }}</p>{% endblock %}',
    "stop_pending.html": '{% extends "page.html" %}{% block main %}Our own words about {{ user.name }}{% endblock %}',
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paged]:
    """Run a hub with an administrator's templates. zoe, eve, vera, bob and mallory are users. Only alice's server is running."""
    directory = tmp_path_factory.mktemp("paged")
    theirs = directory / "templates"
    theirs.mkdir()
    for name, text in TEMPLATES.items():
        (theirs / name).write_text(text)
    more = f'c.JupyterHub.template_paths = ["{theirs}"]\nc.JupyterHub.template_vars = {{"town": "Utrecht"}}'
    hub = Paged(directory / "hub", more=more)
    with hub.running():
        for name in ("zoe", "eve", "vera", "walter"):
            hub.ask("POST", f"users/{name}")
        yield hub


def words(answer: httpx.Response, part: str = "main") -> str:
    """Return the text of a part of a page, as people read it."""
    soup = BeautifulSoup(answer.text, "html.parser")
    (found,) = soup.select(part)
    for hidden in found.select("script, style"):
        hidden.decompose()
    return " ".join(found.get_text(" ").split())


def servers(page: httpx.Response) -> dict[str, str]:
    """Return what Home says about each server of others."""
    soup = BeautifulSoup(page.text, "html.parser")
    rows = [" ".join(row.get_text(" ").split()) for row in soup.select("section li")]
    return {row.partition("'s server")[0]: row.partition("'s server ")[2] for row in rows}


def test_home_lists_the_servers_that_its_visitor_can_use(hub: Paged) -> None:
    """Requirement 116: everyone finds the shared server; viewers and guests find the one that is open to them, with their level."""
    with hub.browser("vera") as vera, hub.browser("walter") as walter, hub.browser("alice") as alice:
        assert servers(vera.get("/hub/home")) == {
            "alice": "running You can view it. Open",
            "shared": "stopped You can edit there, start and stop it. Start",
        }
        assert [*servers(walter.get("/hub/home"))] == ["shared"]
        assert [*servers(alice.get("/hub/home"))] == ["shared"]  # not her own


def test_home_counts_what_is_shared_and_not_opened_yet(hub: Paged) -> None:
    """A new share counts until it is opened, also after a logout, and counts again if it is shared again."""
    with hub.browser("zoe", page=hub.page) as zoe:
        assert "alice" not in servers(zoe.get("/hub/home"))
        hub.share("zoe")
        home = zoe.get("/hub/home")
        assert servers(home)["alice"] == "running new You can edit there. Open"
        assert "1 server is newly shared with you." in words(home)
        zoe.get("/user/alice/files/none")
        home = zoe.get("/hub/home")
        assert servers(home)["alice"] == "running You can edit there. You are there. Open"
        assert "newly shared" not in words(home)
        zoe.get("/hub/logout")
    with hub.browser("zoe", page=hub.page) as zoe:
        assert "newly shared" not in words(zoe.get("/hub/home"))
        hub.revoke("zoe")
        assert "alice" not in servers(zoe.get("/hub/home"))
        hub.share("zoe")
        assert "newly shared" in words(zoe.get("/hub/home"))
        hub.revoke("zoe")


def test_note_of_an_opened_server_is_no_sign_in(hub: Paged) -> None:
    """What remembers an opened server keeps nobody's access: a guest who is revoked has none, and others keep theirs."""
    with hub.browser("zoe", page=hub.page) as zoe, hub.browser("bob", page=hub.page) as bob:
        hub.share("zoe")
        for guest in (zoe, bob):
            guest.get("/user/alice/files/none")
            assert guest.get("/user/alice/api/contents").status_code == 200
        hub.restart_server()
        assert bob.get("/user/alice/api/contents").status_code == 200
        hub.revoke("zoe")
        hub.restart_server()
        assert zoe.get("/user/alice/api/contents").status_code == 403


def test_home_says_who_is_where_to_those_who_can_go_there(hub: Paged) -> None:
    with hub.browser("bob", page=hub.page) as bob, hub.browser("vera") as vera, hub.browser("eve") as eve:
        bob.get("/user/alice/files/none")
        wait_until(lambda: "bob" in servers(vera.get("/hub/home"))["alice"])
        assert "bob is there." in servers(vera.get("/hub/home"))["alice"]
        assert "bob" not in eve.get("/hub/home").text
        assert "alice" not in words(eve.get("/hub/home"))


def test_refusals_say_the_same_whether_a_user_exists_or_not(hub: Paged) -> None:
    """Requirement 117: a page about a server that is not open to its visitor tells what the address says, and nothing that the hub knows."""
    with hub.browser("eve") as eve:
        for path in (
            "/hub/user/{}/lab",
            "/hub/user/{}/lab2/lab",
            "/hub/spawn/{}",
            "/hub/spawn-pending/{}",
            "/hub/api/oauth2/authorize?client_id=jupyterhub-user-{0}&redirect_uri=/user/{0}/oauth_callback&response_type=code",
        ):
            told = set()
            for name in ("alice", "bob", "nobody-at-all"):
                answer = eve.get(path.format(name), follow_redirects=False)
                assert answer.status_code in (403, 404), path
                text = words(answer)
                assert text.startswith(f"You do not have access to {name}'s server"), path
                assert f"ask {name} to share" in text
                told.add((answer.status_code, text.replace(name, "NAME")))
            assert len(told) == 1, path


def test_server_itself_says_what_to_do_when_access_has_ended(hub: Paged) -> None:
    """Requirement 117: a guest who reloads after a revocation reads whose server it is, and finds a way back. Programs get JSON, as before."""
    with hub.browser("zoe", page=hub.page) as zoe:
        hub.end_visit(zoe, "zoe")
        page = zoe.get("/user/alice/files/none")
        assert page.status_code == 403
        assert words(page).startswith("You do not have access to alice's server")
        assert 'href="/hub/home"' in page.text
        program = zoe.get("/user/alice/api/contents", headers={"Accept": "application/json"})
        assert (program.status_code, "message" in program.json()) == (403, True)


@pytest.mark.parametrize(
    "name", ["Your account is locked, call 555", "<b>x</b>", "a" * 65, "x%2F..%2Fy", "%E2%80%AEecila"]
)
def test_text_in_an_address_is_not_shown_as_the_hubs(hub: Paged, name: str) -> None:
    with hub.browser("eve") as eve:
        text = words(eve.get(f"/hub/user/{name}/lab"))
    assert text.startswith("You do not have access to this server")
    assert "ask the server's owner" in text
    assert not NAME.fullmatch(name)


def test_other_pages_that_do_not_exist_say_so(hub: Paged) -> None:
    with hub.browser("eve") as eve:
        assert words(eve.get("/hub/none")).startswith("Page not found")
        assert words(eve.get("/hub/accept-share?code=none")).startswith("This sharing link is not valid")
        own = words(eve.get("/hub/spawn-pending/eve/none"))
    assert own.startswith("Page not found")


def test_stopped_server_says_whose_it_is_and_who_can_start_it(hub: Paged) -> None:
    """Requirement 56: who can start the server gets a button, others read who can. The navigation has the visitor's own name."""
    with hub.browser("eve") as eve:
        answer = eve.get("/hub/user/shared/lab")
        assert answer.status_code == 424
        assert (
            words(answer)
            == "shared's server is not running You can start it. Start shared's server Back to the hub"
        )
        assert words(answer, "#login_widget") == "eve Logout"
    hub.ask("DELETE", "users/alice/server")
    wait_until(lambda: not hub.runs)
    with hub.browser("vera") as vera, hub.browser("alice") as alice:
        text = words(vera.get("/hub/user/alice/lab"))
        assert text.startswith(
            "alice's server is not running alice or a manager of the server must start it."
        )
        assert "Start alice" not in text
        assert words(alice.get("/hub/user/alice/lab")).startswith("Server not running")
    hub.start_server()


def test_pages_of_a_start_and_a_stop_show_the_visitors_own_name(hub: Paged) -> None:
    """Their scripts act on the server that the page is about, not on the visitor's."""
    with hub.browser("eve", page=hub.page) as eve:
        with hub.holding_starts():
            answer = eve.get("/hub/spawn/shared")
        assert words(answer, "#login_widget") == "eve Logout"
        assert words(answer).startswith("shared's server is starting")
        assert re.findall(r"jhdata\.user = (.*);", answer.text)[-1] == '"shared"'
        wait_until(lambda: "running" in servers(eve.get("/hub/home"))["shared"])
        assert servers(eve.get("/hub/home"))["shared"].startswith(
            "running You can edit there, start and stop it."
        )
        xsrf = re.findall(r'xsrf_token: "(.*)"', eve.get("/hub/home").text)[0]
        assert 'data-stop="/hub/api/users/shared/server"' in eve.get("/hub/home").text
        assert eve.delete("/hub/api/users/shared/server", headers={"X-XSRFToken": xsrf}).status_code in (
            202,
            204,
        )
        wait_until(lambda: "stopped" in servers(eve.get("/hub/home"))["shared"])


def test_administrators_templates_come_before_ours(hub: Paged) -> None:
    """Their page.html is around our pages, and a page of theirs replaces ours, with the variables that it has in JupyterHub."""
    with hub.browser("eve") as eve:
        for path in ("/hub/home", "/hub/none", "/hub/user/shared/lab", "/hub/user/nobody/lab"):
            page = eve.get(path)
            assert "University of Utrecht" in page.text, path
            assert "<main" in page.text, path


def test_authorize_page_says_it_in_words(tmp_path: Path) -> None:
    hub = Paged(tmp_path / "hub")
    config = hub.directory / "jupyterhub_config.py"
    config.write_text(config.read_text().replace("authorize_page=False", "authorize_page=True"))
    with hub.running(), hub.browser("bob", page=hub.page) as bob:
        page = bob.get("/user/alice/files/none")
        assert words(page).startswith("Open alice's server The server needs to know who you are: bob.")
        assert "entity" not in page.text
        form = BeautifulSoup(page.text, "html.parser").select_one("main form")
        assert form is not None
        fields: list[tuple[str, str]] = [
            (str(each["name"]), str(each["value"])) for each in form.select("input")
        ]
        assert form.select_one("button").get_text() == "Authorize"  # type: ignore[union-attr]
        bob.post(
            page.url, data={"scopes": [value for name, value in fields if name == "scopes"], **dict(fields)}
        )
        assert bob.get("/user/alice/api/contents").status_code == 200
