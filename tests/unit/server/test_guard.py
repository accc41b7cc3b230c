# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may end a server from inside (requirement 55): a real hub, which starts a real server."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jupyterhub_collab import server as package
from jupyterhub_collab.server import notices, own_events, presence
from jupyterhub_collab.server.levels import Level, Levels
from jupyterhub_collab.server.visitors import ENDED
from local_hub import LocalHub, wait_until
from people import background
from people.sockets import dial

WISH = 'api/me?permissions={"server":["read","write"]}'
FORK = "https://schema.jupyter.org/jupyter_collaboration/fork/v1"
MANAGERS = {"users": ["dave"], "groups": ["teachers"]}
THEIRS = """
from jupyter_server.auth import Authorizer


class Theirs(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource != "contents" and user.username != "carol"
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """Yield a hub whose server has an authorizer of the administrator's own, set where it takes precedence over every file."""
    directory = tmp_path_factory.mktemp("hub")
    (directory / "theirs.py").write_text(THEIRS)
    options = ("--ServerApp.authorizer_class=theirs.Theirs",)
    with LocalHub(directory, *options, managers=MANAGERS).running() as hub:
        yield hub


def may(answer: httpx.Response) -> list[str]:
    allowed: list[str] = answer.json()["permissions"]["server"]
    return allowed


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("alice", ["read", "write"]),
        ("dave", ["read", "write"]),
        ("erin", ["read", "write"]),
        ("bob", ["read"]),
        ("service", ["read"]),  # although it has the owner's name
    ],
)
def test_server_tells_what_is_so(hub: LocalHub, who: str, allowed: list[str]) -> None:
    assert may(hub.at_server(who, "GET", WISH)) == allowed


def test_who_may_not_is_told_who_may(hub: LocalHub) -> None:
    for who in ("bob", "service"):
        answer = hub.at_server(who, "POST", "api/shutdown")
        assert answer.status_code == 403
        for place in (answer.text, answer.reason_phrase):
            assert (
                "Only the owner, managers and administrators of the hub can shut down this server." in place
            )
    assert hub.runs


@pytest.mark.parametrize("who", ["bob", "alice", "service"])
@pytest.mark.parametrize("schema", [notices.SCHEMA_ID, presence.SCHEMA_ID, FORK])
def test_nobody_posts_an_event_as_the_server(hub: LocalHub, who: str, schema: str) -> None:
    """A visitor cannot show a notice that looks like the server's, or other people in the badge. Other events can still be posted."""
    event = {"schema_id": schema, "version": "1", "data": {}}
    answer = hub.at_server(who, "POST", "api/events", event)
    assert (answer.status_code, answer.reason_phrase) == (403, own_events.REFUSAL)
    answer = hub.at_server(who, "POST", "api/events", event | {"schema_id": "https://example.org/v1"})
    assert answer.status_code == 400  # Jupyter Server's answer: that schema is not registered


def test_own_token_of_the_server_ends_nothing(hub: LocalHub) -> None:
    """The server's own token cannot shut it down. The hub treats it as the owner's, but everyone with a terminal there can read it."""
    token = hub.own_token
    assert hub.at_server_with(token, "GET", "api/me").json()["identity"]["username"] == "alice"
    assert may(hub.at_server_with(token, "GET", WISH)) == ["read"]
    assert hub.at_server_with(token, "POST", "api/shutdown").status_code == 403
    assert hub.runs


def test_administrators_own_authorizer_keeps_its_say(hub: LocalHub) -> None:
    assert hub.at_server("alice", "GET", "api/contents").status_code == 403
    assert may(hub.at_server("carol", "GET", WISH)) == []
    assert hub.at_server("carol", "POST", "api/shutdown").status_code == 403


def test_owner_ends_it_the_last_of_all(tmp_path: Path) -> None:
    """The owner and the hub's administrators can shut down the server, and no others, even if the authorizer allows everything."""
    options = ("--ServerApp.authorizer_class=jupyter_server.auth.AllowAllAuthorizer",)
    with LocalHub(tmp_path, *options).running() as hub:
        for who in ("dave", "erin", "bob"):
            assert hub.at_server(who, "POST", "api/shutdown").status_code == 403
        for who in ("carol", "alice"):
            hub.end_from_inside(who)
            hub.start_server()


def test_server_of_jupyterhubs_older_kind_is_guarded_alike(tmp_path: Path) -> None:
    """A server of its own class, as with `JUPYTERHUB_SINGLEUSER_APP`, is guarded like one that is a Jupyter extension."""
    variables = {"JUPYTERHUB_SINGLEUSER_EXTENSION": "0"}
    with LocalHub(tmp_path, variables=variables, managers=MANAGERS).running() as hub:
        may_write = [
            who
            for who in ("alice", "bob", "carol", "dave", "erin", "service")
            if "write" in may(hub.at_server(who, "GET", WISH))
        ]
        assert may_write == ["alice", "carol", "dave", "erin"]
        assert may(hub.at_server_with(hub.own_token, "GET", WISH)) == ["read"]
        socket = background.run(dial(hub.door("bob", "api/events/subscribe")))
        hub.forget("bob")
        wait_until(lambda: socket.close_code == ENDED)


def test_server_that_cannot_be_guarded_does_not_run(tmp_path: Path) -> None:
    ours = tmp_path / "package" / package.__name__.partition(".")[0]
    shutil.copytree(Path(package.__file__).parents[1], ours)
    (ours / "server/guard.py").write_text("raise RuntimeError('broken')")
    assert_does_not_start(ours / "server/config", "cannot be protected from its visitors")


def test_server_that_was_told_nonsense_does_not_run() -> None:
    config = Path(package.__file__).parent / "config"
    assert_does_not_start(config, "JSONDecodeError", JUPYTERHUB_COLLAB="{")


def assert_does_not_start(config: Path, says: str, **environment: Any) -> None:
    # No other copy of our package may be found: the tests' environment names the checkout's.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ours = str(Path(package.__file__).parents[2])
    program = f"import sys; sys.path[:] = [each for each in sys.path if each != {ours!r}]; from jupyter_server.serverapp import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--allow-root", "--no-browser"],
        env={**clean, "JUPYTER_CONFIG_PATH": str(config), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert says in done.stderr


@pytest.mark.parametrize(
    ("model", "managers", "level"),
    [
        ({"kind": "user", "name": "alice"}, {}, Level.MANAGE),
        ({"kind": "user", "name": "bob"}, {}, Level.EDIT),
        ({"kind": "user", "name": "bob"}, {"everyone": True}, Level.MANAGE),
        ({"kind": "user", "name": "bob", "groups": ["a"]}, {"groups": ["b", "a"]}, Level.MANAGE),
        ({"kind": "user", "name": "a", "groups": []}, {"groups": ["a"]}, Level.EDIT),
        ({"kind": "user", "name": "bob"}, {"users": ["bob"]}, Level.MANAGE),
        ({"kind": "service", "name": "bob"}, {"users": ["bob"]}, Level.EDIT),
        ({"kind": "service", "name": "alice"}, {}, Level.EDIT),
        ({"kind": "service", "name": "culler", "admin": True}, {}, Level.MANAGE),
        ({}, {}, Level.EDIT),
        ({"name": ""}, {}, Level.EDIT),
    ],
)
def test_levels(model: dict[str, Any], managers: dict[str, Any], level: Level) -> None:
    assert Levels("alice", managers).of(model) is level


@pytest.mark.parametrize(
    ("told", "level"),
    [
        ({"collab_level": "edit", "collab_manages": True}, Level.MANAGE),
        ({"collab_level": "edit", "collab_manages": False}, Level.EDIT),
        ({"collab_level": "edit", "collab_manages": "yes"}, Level.EDIT),
        ({"collab_level": "edit"}, Level.EDIT),
        ({"collab_level": "view", "collab_manages": True}, Level.VIEW),
        ({"collab_level": "", "collab_manages": True}, Level.NONE),
        ({"collab_manages": True}, Level.NONE),
    ],
)
def test_what_the_hub_tells_now_overrides_the_managers_of_the_start(
    told: dict[str, Any], level: Level
) -> None:
    assert Levels("alice", {"everyone": True}, told=True).of({"kind": "user", "name": "bob", **told}) is level
