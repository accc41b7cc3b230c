# SPDX-License-Identifier: GPL-3.0-or-later
"""The names and colors of users on a collaboration server, and the authors of their commits."""

import asyncio
import logging
import pwd
import subprocess
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_server.auth.identity import User
from jupyter_server.base.call_context import CallContext
from jupyterlab_git_core.git import Git
from terminado.management import NamedTermManager

from jupyterhub_collab.patches.server.authors import Authors, address_of
from jupyterhub_collab.patches.server.identities import complete_users
from jupyterhub_collab.server.history import History
from jupyterhub_collab.server.identity import (
    COLOURS,
    LONGEST_INITIALS,
    LONGEST_NAME,
    Identities,
    initials,
)

LOG = logging.getLogger(__name__)


def test_colours_are_distinct_and_stay(tmp_path: Path) -> None:
    names = [f"person-{number}" for number in range(len(COLOURS))]
    identities = Identities(History(tmp_path, LOG))
    first = {name: identities.colour(name) for name in names}
    assert len(set(first.values())) == len(COLOURS)
    again = Identities(History(tmp_path, LOG))
    assert {name: again.colour(name) for name in reversed(names)} == first
    assert again.colour("one-more") in COLOURS


def test_everyone_gets_little_of_each_person(tmp_path: Path) -> None:
    """Everyone's page gets everyone's name and picture, also with each move of a cursor."""
    identities = Identities(History(tmp_path, LOG))
    user = User("mallory", *(100_000 * "x" for _field in range(5)))
    identities.complete(user)
    assert user.username == "mallory" and not user.avatar_url
    assert user.color in COLOURS
    assert len(user.display_name) == len(user.name) == LONGEST_NAME
    assert len(user.initials or "") <= LONGEST_INITIALS
    usual = User("alice", "Alice", "Alice Liddell", "AL", "https://hub.invalid/alice.png", "#123456")
    before = asdict(usual)
    identities.complete(usual)
    assert asdict(usual) == before


def test_black_letters_can_be_read_on_each_colour() -> None:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    for colour in COLOURS:
        red, green, blue = (linear(int(colour[start : start + 2], 16)) for start in (1, 3, 5))
        contrast = (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) / 0.05
        assert contrast >= 7, f"{colour} is too dark (WCAG AAA)"


def test_a_person_has_mostly_the_same_colour_elsewhere(tmp_path: Path) -> None:
    one, other = (Identities(History(tmp_path / name, LOG)) for name in ("one", "other"))
    assert one.colour("alice") == other.colour("alice")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alice", "Al"),
        ("Alice Liddell", "AL"),
        ("a.liddell", "AL"),
        ("Anna Maria von Berg", "AB"),
        ("x", "X"),
    ],
)
def test_initials(name: str, expected: str) -> None:
    assert initials(name) == expected


def test_what_the_hub_tells_stays_and_the_rest_is_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = SimpleNamespace(pw_gecos="Robert Builder,Room 5,,")
    monkeypatch.setattr(pwd, "getpwnam", lambda name: account)
    identities = Identities(History(tmp_path, LOG))
    told = User("alice", display_name="Alice of the hub", initials="XY", color="#123456")
    identities.complete(told)
    assert (told.display_name, told.initials, told.color) == ("Alice of the hub", "XY", "#123456")
    plain = User("bob")
    identities.complete(plain)
    assert (plain.username, plain.display_name, plain.initials) == ("bob", "Robert Builder", "RB")
    assert plain.color in COLOURS


def test_every_way_of_a_provider_is_filled_in(tmp_path: Path) -> None:
    identities = Identities(History(tmp_path, LOG))

    async def later(handler: User | None) -> User | None:
        return handler

    for provider in (SimpleNamespace(get_user=later), SimpleNamespace(get_user=lambda handler: handler)):
        complete_users(provider, identities.complete)
        assert asyncio.run(provider.get_user(User("no-account-of-the-host"))).initials
        assert asyncio.run(provider.get_user(None)) is None


def test_a_terminal_commits_as_anyone_who_opens_it() -> None:
    """Requirement 72: a commit in a terminal has the user who opened it as its author."""
    manager = NamedTermManager(shell_command=["sh"])
    Authors("hub.example.org", LOG).wrap_terminals(manager)
    CallContext.set(
        CallContext.JUPYTER_HANDLER, SimpleNamespace(current_user=User("bob", display_name="Bob B"))
    )
    env = manager.make_term_env()
    assert env["GIT_AUTHOR_NAME"] == env["GIT_COMMITTER_NAME"] == "Bob B"
    assert env["GIT_AUTHOR_EMAIL"] == env["GIT_COMMITTER_EMAIL"] == "bob@hub.example.org"
    CallContext.set(CallContext.JUPYTER_HANDLER, None)
    assert "GIT_AUTHOR_NAME" not in manager.make_term_env()


def test_the_git_panel_commits_as_anyone_who_presses_the_button(tmp_path: Path) -> None:
    """Requirement 72: the author is the user who sent the request. This uses jupyterlab-git's own class and a real repository."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("config", "user.name", "shared")
    git("config", "user.email", "shared@localhost")
    Authors("hub.example.org", LOG).wrap_git_panel()
    panel = Git()
    for name, author, amend in (
        ("bob", None, False),
        ("carol", None, True),
        ("carol", "Dan <d@example.org>", False),
    ):
        handler = SimpleNamespace(current_user=User(name, display_name=name.title()))
        CallContext.set(CallContext.JUPYTER_HANDLER, handler)
        git("commit", "--quiet", "--allow-empty", "--message=empty") if not git("branch") else None
        (tmp_path / name).write_text(str(author))
        git("add", name)
        answer = asyncio.run(panel.commit("message", amend, str(tmp_path), author))
        assert answer["code"] == 0, answer
    authors = git("log", "--format=%an <%ae>").splitlines()
    assert authors == ["Dan <d@example.org>", "Bob <bob@hub.example.org>", "shared <shared@localhost>"]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("alice", "alice@hub.example.org"),
        ("alice@example.org", "alice@example.org"),
        ("Alice.B@Example.ORG", "Alice.B@Example.ORG"),
        ("alice@lan", "alice@hub.example.org"),
        ("Alice B", "Alice-B@hub.example.org"),
        ("alice <x@y.org>", "alice-x@hub.example.org"),
        ("jürgen", "jürgen@hub.example.org"),
        ("  ", "unknown@hub.example.org"),
    ],
)
def test_addresses_of_commits_are_addresses(name: str, address: str) -> None:
    assert address_of(name, "hub.example.org") == address
