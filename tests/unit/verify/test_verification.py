# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify says about a real hub."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from jupyterhub_collab.verify.browser import Browser
from jupyterhub_collab.verify.person import Person
from jupyterhub_collab.verify.report import Report
from jupyterhub_collab.verify.verification import Verification, _way_in
from local_hub import LocalHub

# Like OAuthenticator before JupyterHub 6.1: there is no form, and a user who has not logged in has no rights.
ELSEWHERE = """
from jupyterhub.auth import Authenticator


class Elsewhere(Authenticator):
    login_service = "Elsewhere"

    async def refresh_user(self, user, handler=None):
        return user.name in ("alice", "bob")


c.JupyterHub.authenticator_class = Elsewhere
c.Authenticator.allow_all = True
if Elsewhere().has_trait("auth_refresh_strict"):
    c.Authenticator.auth_refresh_strict = True
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    hub = LocalHub(tmp_path_factory.mktemp("hub"), config=ELSEWHERE)
    hub.start()
    yield hub
    hub.kill()


def verification(
    hub: LocalHub, rows: list[dict[str, Any]], *names: str, is_local: bool = True, **told: Any
) -> Verification:
    """Return a verification with alice and bob, or other users. told: what it knows of each."""

    async def undo(_what: dict[str, Any]) -> None:
        raise AssertionError("nothing is created")

    people = [{"name": name, "made": False, **told} for name in names or ("alice", "bob")]
    for each in people:
        if not each.get("password"):
            each["token"] = hub.token_of(each["name"])
    login = "" if told.get("password") else "They come with tokens."
    task = {"url": hub.hub_url, "is_local": is_local, "people": people, "modes": [], "login": login}
    return Verification(task, Report(lambda said: rows.append(said["row"])), undo)


def test_address_of_the_hub_for_itself_is_not_told_as_its_address(hub: LocalHub) -> None:
    """Where the hub's host reaches it is not where users open it."""
    rows: list[dict[str, Any]] = []
    assert asyncio.run(verification(hub, rows, is_local=True).hub_answers())
    assert "127.0.0.1" not in rows[0]["says"]
    assert "set jupyterhub_verify_url" in rows[0]["says"]
    assert asyncio.run(verification(hub, rows, is_local=False).hub_answers())
    assert rows[1]["says"].endswith(f" at {hub.hub_url}.")


def test_users_who_have_logged_in_come_with_their_tokens(hub: LocalHub) -> None:
    rows: list[dict[str, Any]] = []
    assert asyncio.run(verification(hub, rows, password=None).people_come())
    assert rows[0]["result"] == "skipped"


@pytest.mark.parametrize(
    ("names", "told", "said"),
    [
        # Users whom verify has created, and who have not logged in.
        (
            ("verify-a", "verify-b"),
            {"made": True},
            "Name two who have in jupyterhub_verify_accounts, each with a token that",
        ),
        # Users whom the administrator has named, with passwords.
        (
            ("alice", "bob"),
            {"password": "x"},
            "has no form for a username and a password. Check .* set a token that",
        ),
    ],
)
def test_users_who_cannot_come_are_told_what_to_set(
    hub: LocalHub, names: tuple[str, str], told: dict[str, Any], said: str
) -> None:
    for name in names:
        if told.get("made"):
            hub.ask("POST", f"users/{name}")
    rows: list[dict[str, Any]] = []
    assert not asyncio.run(verification(hub, rows, *names, **told).people_come())
    assert re.search(f"{names[0]} could not log in: .*{said}", rows[0]["says"])


@pytest.mark.parametrize("made", [False, True])
def test_page_for_tokens_is_told_with_the_hubs_prefix(made: bool) -> None:
    person = Person("alice", Browser("https://example.org/jupyter", token="x"), made)
    assert "the hub's page /jupyter/hub/token" in _way_in(person)
