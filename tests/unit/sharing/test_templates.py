# SPDX-License-Identifier: GPL-3.0-or-later
"""The page's templates inside the hub's own show all names of users and things as text."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup

from jupyterhub_collab.sharing.overview import Overview, Row
from jupyterhub_collab.sharing.state import Asking, Guest, Link, Server, Shared, known_names
from jupyterhub_collab.sharing.templates import templates

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SHARES = [("running", "physics"), ("stopped", "")]
SCRIPT = "\"><script>alert(1)</script>'{{ 7 * 7 }}"


def page(paths: list[str] | None = None, name: str = SCRIPT, public_url: str = "", **values: Any) -> str:
    """Render the page of a user who shares and has shares, with the same name for everything."""
    server = Server(name, runs=True, path="/user/x/")
    server.links.append(Link("sc_1", NOW, NOW + timedelta(hours=1), 2, NOW))
    server.guests += [Guest("user", name, NOW), Guest("group", name, NOW)]
    settings = SimpleNamespace(
        prefix="/services/sharing/",
        ends_with_server=True,
        by_name=True,
        revocation_seconds=5,
        link_seconds=3600,
        level="view",
        levels=["view", "edit"],
        public_url=public_url,
    )
    given = {
        "servers": [server],
        "shared": [Shared(name, name, state, "/user/y/", by_group and name) for state, by_group in SHARES],
        "lives": [900, 3600],
        "notice": name,
        "problem": name,
        "new_link": {"server": name, "address": name},
        "origin": name,
        "may_share": True,
        "known_names": [name],
        "tab": "mine",
        "settings": settings,
        "user": SimpleNamespace(name=name, json_escaped_name="x"),
        "static_url": lambda path, **_: path,
        "xsrf": "token",
    }
    return templates(paths or []).get_template("sharing.html").render({**given, **values})


def test_names_are_text_wherever_they_stand() -> None:
    plain = BeautifulSoup(page(name="name"), "html.parser")
    soup = BeautifulSoup(page(), "html.parser")
    assert len(soup.select("script")) == len(plain.select("script"))
    assert [tag.name for tag in soup.select("#sharing *")] == [tag.name for tag in plain.select("#sharing *")]
    assert SCRIPT in soup.get_text()
    assert "49" not in soup.select("#sharing")[0].get_text()


def overview(name: str) -> Overview:
    rows = [
        Row(what, "key", name, "edit", NOW, who=name, is_group=is_group, groups=(name,), by_role=True)
        for what, is_group in (("share", False), ("share", True), ("link", False), ("visitor", False))
    ]
    return Overview({"of": name, "who": name}, rows, {"share": 200, "link": 1, "visitor": 1}, 2, name)


def test_names_are_text_for_administrators_too() -> None:
    """Of owners, servers, users and groups, and what they have filtered by, also in the addresses of other parts and in forms."""
    plain, soup = (
        BeautifulSoup(
            page(tab="all", name=name, everything=overview(name), is_to_confirm=True), "html.parser"
        )
        for name in ("name", SCRIPT)
    )
    assert [tag.name for tag in soup.select("#all *")] == [tag.name for tag in plain.select("#all *")]
    assert len(soup.select("script")) == len(plain.select("script"))
    assert "49" not in soup.select("#all")[0].get_text()
    for link in soup.select("#all a"):
        assert str(link["href"]).startswith("/services/sharing/?")
    assert "Page 2 of 5" in soup.get_text()
    question = soup.select("[aria-labelledby=all-confirm]")[0]
    assert "Revoke 200 shares and 1 link?" in question.get_text()


@pytest.mark.parametrize(
    ("public_url", "guessed"), [("", "http://10.0.0.5:8000"), ("https://hub.example.org", None)]
)
def test_browser_puts_right_what_was_guessed(public_url: str, guessed: str | None) -> None:
    """The page marks a guessed address, so that its script corrects it, but not one that was set."""
    soup = BeautifulSoup(page(origin="http://10.0.0.5:8000", public_url=public_url), "html.parser")
    assert soup.select("#sharing")[0].get("data-origin") == guessed


def test_names_that_the_user_sees_anyway_are_suggested() -> None:
    """Guests, those who ask, owners of shared servers, who is there, and groups; not the user."""
    server = Server("", runs=True, path="/user/x/")
    server.guests += [Guest("user", "bob", NOW), Guest("group", "team", NOW)]
    server.requests += [Asking("erin", NOW)]
    shared = [Shared("carol", "", "running", "/user/carol/", "class", people=("alice", "dave"))]
    names = known_names("alice", [server], shared)
    assert names == ["bob", "carol", "class", "dave", "erin", "team"]
    soup = BeautifulSoup(page(known_names=names), "html.parser")
    field = soup.select("input[name=name][required]")[0]
    assert [each["value"] for each in soup.select(f"datalist#{field['list']} option")] == names


def test_who_may_not_share_sees_what_others_share() -> None:
    soup = BeautifulSoup(page(may_share=False, servers=[]), "html.parser")
    assert "You cannot share your own server on this hub" in soup.get_text()
    assert "Servers shared with you" in soup.get_text()
    assert not soup.select("form [value=make-link]")


@pytest.mark.parametrize(
    ("level", "state", "buttons", "says"),
    [
        ("view", "running", ["Open"], "running"),
        ("edit", "running", ["Open"], "running"),
        ("edit", "stopped", [], "stopped: its owner or a manager must start it"),
        ("manage", "running", ["Open", "Stop", "Stop server"], "running"),
        ("manage", "stopped", ["Start"], "stopped"),
        ("manage", "starting", [], "starting"),
        ("", "running", ["Open", "Leave"], "running"),
        ("", "stopped", ["Leave"], "stopped: its owner must start it"),
    ],
)
def test_buttons_are_those_that_the_hub_obeys(level: str, state: str, buttons: list[str], says: str) -> None:
    """The buttons are those that the user's level and the server's state allow, also for users who cannot share."""
    shared = [
        Shared("project-rain", "", state, "/user/project-rain/", level=level or "edit", by_role=bool(level))
    ]
    soup = BeautifulSoup(page(may_share=False, servers=[], shared=shared), "html.parser")
    assert "Shared with me (1)" in soup.get_text()
    (row,) = soup.select("#theirs tbody tr")
    assert [each.get_text(strip=True) for each in row.select("a, summary, button")] == buttons
    assert row.select("td")[1].get_text(" ", strip=True) == says


@pytest.mark.parametrize(
    ("level", "says"),
    [
        ("view", "view it while it runs"),
        ("edit", "open it while it runs"),
        ("manage", "open, start and stop it"),
    ],
)
def test_visitor_reads_the_own_level(level: str, says: str) -> None:
    shared = [Shared("alice", "", "running", "/user/alice/", level=level)]
    (row,) = BeautifulSoup(page(shared=shared), "html.parser").select("#theirs tbody tr")
    assert row.select("td")[2].get_text(" ", strip=True) == says


@pytest.mark.parametrize(
    ("link", "guest", "warns"),
    [("edit", "view", True), ("edit", "edit", False), ("view", "view", False), ("view", "edit", False)],
)
def test_owner_is_warned_of_links_that_raise_a_level(link: str, guest: str, warns: bool) -> None:
    server = Server("", runs=True, path="/user/x/")
    server.links.append(Link("sc_1", NOW, NOW + timedelta(hours=1), 0, None, link))
    server.guests.append(Guest("user", "bob", NOW, guest))
    soup = BeautifulSoup(page(servers=[server]), "html.parser")
    assert ("A link whose users can edit is still valid" in soup.get_text(" ", strip=True)) is warns
    for caption, level, column in (("Valid links", link, 4), ("Users with access to this server", guest, 2)):
        (table,) = (each for each in soup.select("table") if caption in each.get_text())
        assert f"can {level}" in table.select("tbody tr td")[column].get_text(" ", strip=True)


def test_nobody_elses_server() -> None:
    soup = BeautifulSoup(page(shared=[]), "html.parser")
    assert "Shared with me (0)" in soup.get_text()
    assert "Nobody shares a server with you" in soup.select("#theirs")[0].get_text()


@pytest.mark.parametrize(("tab", "shown"), [("mine", "mine"), ("theirs", "theirs")])
def test_one_side_is_shown(tab: str, shown: str) -> None:
    soup = BeautifulSoup(page(tab=tab), "html.parser")
    assert [pane["id"] for pane in soup.select(".tab-pane.active")] == [shown]
    assert [button["id"] for button in soup.select("[role=tab][aria-selected=true]")] == [f"{shown}-tab"]


def test_administrators_own_templates_come_first(tmp_path: Path) -> None:
    """Administrators' templates come first, and can extend the hub's own by the hub's name for it."""
    text = "{% extends 'templates/page.html' %}{% block footer %}of {{ user.spawner.x }} ours{% endblock %}"
    (tmp_path / "page.html").write_text(text)
    assert "of  ours" in page([str(tmp_path)])
    assert "of  ours" not in page()
