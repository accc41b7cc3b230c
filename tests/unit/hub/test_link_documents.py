# SPDX-License-Identifier: GPL-3.0-or-later
"""Which documents links open: what the sharing page lists, what the hub keeps of odd paths, and who can read it."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from sqlalchemy import event

import plain_http
from attacked_hub import Attacked
from jupyterhub_collab.hub.link_documents import LONGEST, keep
from jupyterhub_collab.names import PAGE_CLIENT
from jupyterhub_collab.patches.hub import link_documents as patch
from jupyterhub_collab.sharing.handlers import NOT_HERE
from page_forms import cells, press

ODD = 'a "quoted" \\ folder/<b>été</b> {{ 7 * 7 }}.ipynb'


@pytest.fixture(autouse=True)
def no_links(attacked: Attacked) -> Iterator[None]:
    yield
    attacked.ask("DELETE", "share-codes/alice/")


def listed(attacked: Attacked) -> list[str]:
    return [each["document"] for each in attacked.ask("GET", "share-codes/alice/")["items"]]


def make(attacked: Attacked, document: Any) -> None:
    """Create a link with the hub's API. The body is ASCII, because half of a character has no other encoding."""
    plain_http.post(
        f"{attacked.hub_url}/hub/api/share-codes/alice/",
        headers={"Authorization": f"token {attacked.token}"},
        content=json.dumps({"document": document}),
    ).raise_for_status()


def test_page_lists_what_links_open(attacked: Attacked) -> None:
    """Links in the list differ by the document that they open, whatever was pasted."""
    with attacked.browser("alice", page=attacked.page) as alice:
        shown = {"": "the server", "RTC:folder/plan.ipynb": "folder/plan.ipynb", ODD: ODD}
        for pasted in shown:
            page = press(alice, "make-link", document=pasted)
            assert page.status_code == 200
        assert sorted(row[0] for row in cells(page, "Valid links")) == sorted(shown.values())
        refused = press(alice, "make-link", document="https://example.org/user/bob/lab/tree/plan.ipynb")
        assert (refused.status_code, NOT_HERE.partition(".")[0] in refused.text) == (400, True)
    assert sorted(listed(attacked)) == sorted(["", "folder/plan.ipynb", ODD])


@pytest.mark.parametrize(
    ("document", "kept"),
    [
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * 5000, "x" * (LONGEST - 1) + "…"),
        ('"' * 5000, '"' * (LONGEST - 1) + "…"),
        ("a\0b\nc\ud800\u202e", "a�b�c��"),
    ],
    ids=["long", "longer", "quotes", "no text"],
)
def test_odd_paths_are_kept_as_far_as_they_can_be_shown(attacked: Attacked, document: str, kept: str) -> None:
    make(attacked, document)
    assert listed(attacked) == [kept]


@pytest.mark.parametrize("document", [None, 7, ["a"], {"a": "b"}, True])
def test_document_that_is_no_text_makes_no_link(attacked: Attacked, document: Any) -> None:
    answer = attacked.at_hub("alice", "POST", "share-codes/alice/", {"document": document})
    assert (answer.status_code, "document must be the path of a file" in answer.text) == (400, True)
    assert listed(attacked) == []


def test_list_of_many_links_asks_the_database_as_often_as_a_short_one(tmp_path: Path) -> None:
    db = orm.new_session_factory(f"sqlite:///{tmp_path}/hub.sqlite")()
    alice = orm.User(name="alice")
    server = orm.Spawner(name="", user=alice)
    db.add_all([alice, server, orm.OAuthClient(identifier=PAGE_CLIENT)])
    db.commit()
    for number in range(30):
        link = orm.ShareCode.new(db, server, scopes=["access:servers"])[0]
        keep(db, link, f"{number}.ipynb" if number else "")
    links = db.query(orm.ShareCode).order_by(orm.ShareCode.id).all()
    assert [each.spawner_id for each in links] == [server.id] * 30
    handler = SimpleNamespace(db=db)
    statements: list[str] = []
    event.listen(db.get_bind(), "before_cursor_execute", lambda *what: statements.append(what[2]))
    told = [patch._telling(lambda *_: {})(handler, link)["document"] for link in links]
    assert told == ["", *(f"{number}.ipynb" for number in range(1, 30))]
    assert len(statements) == 2, statements
    db.close()


def test_link_does_not_show_the_document_of_an_earlier_one(attacked: Attacked) -> None:
    """The hub uses the IDs of links again."""
    make(attacked, "secret plan.ipynb")
    before = attacked.ask("GET", "share-codes/alice/")["items"][0]["id"]
    attacked.ask("DELETE", "share-codes/alice/")
    attacked.ask("POST", "share-codes/alice/", {})
    (after,) = attacked.ask("GET", "share-codes/alice/")["items"]
    assert (after["id"], after["document"]) == (before, "")


def test_shares_have_no_document_and_guests_read_none(attacked: Attacked) -> None:
    make(attacked, "plan.ipynb")
    assert (
        attacked.at_hub("alice", "POST", "shares/alice/", {"user": "mallory", "document": "x"}).status_code
        == 400
    )
    attacked.ask("POST", "shares/alice/", {"user": "mallory"})
    for path in ("share-codes/alice/", "share-codes/alice"):
        assert attacked.at_hub("mallory", "GET", path).status_code in (403, 404)
    attacked.ask("DELETE", "shares/alice/")
