# SPDX-License-Identifier: GPL-3.0-or-later
"""The page's templates with the hub's own around them: whatever people call themselves and their things is text."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup

from jupyterhub_collab.sharing.state import Guest, Link, Server, Shared
from jupyterhub_collab.sharing.templates import templates

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SCRIPT = "\"><script>alert(1)</script>'{{ 7 * 7 }}"


def page(paths: list[str] | None = None, name: str = SCRIPT, **values: Any) -> str:
    """The page of somebody who shares, is shared with, and whose things all have one name."""
    server = Server(name, runs=True, path="/user/x/")
    server.links.append(Link("sc_1", NOW, NOW + timedelta(hours=1), 2, NOW))
    server.guests += [Guest("user", name, NOW), Guest("group", name, NOW)]
    settings = SimpleNamespace(
        prefix="/services/sharing/",
        ends_with_server=True,
        by_name=True,
        revocation_seconds=5,
        link_seconds=3600,
    )
    given = {
        "servers": [server],
        "shared": [Shared(name, name, True, "/user/y/", name), Shared(name, name, False, "/user/y/", "")],
        "lives": [900, 3600],
        "notice": name,
        "problem": name,
        "new_link": {"server": name, "address": name},
        "origin": name,
        "may_share": True,
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


def test_who_may_not_share_sees_what_others_share() -> None:
    soup = BeautifulSoup(page(may_share=False, servers=[]), "html.parser")
    assert "not open to you on this hub" in soup.get_text()
    assert "Servers that others share with you" in soup.get_text()
    assert not soup.select("form [value=make-link]")


@pytest.mark.parametrize(("tab", "shown"), [("mine", "mine"), ("theirs", "theirs")])
def test_one_side_is_shown(tab: str, shown: str) -> None:
    soup = BeautifulSoup(page(tab=tab), "html.parser")
    assert [pane["id"] for pane in soup.select(".tab-pane.active")] == [shown]
    assert [button["id"] for button in soup.select("[role=tab][aria-selected=true]")] == [f"{shown}-tab"]


def test_administrators_own_templates_come_first(tmp_path: Path) -> None:
    """With the hub's own at hand, under the name that the hub has for it."""
    text = "{% extends 'templates/page.html' %}{% block footer %}of {{ user.spawner.x }} ours{% endblock %}"
    (tmp_path / "page.html").write_text(text)
    assert "of  ours" in page([str(tmp_path)])
    assert "of  ours" not in page()
