# SPDX-License-Identifier: GPL-3.0-or-later
"""Our settings reach a server whose spawner delegates to another one, which may have settings of its own for the chosen profile."""

import asyncio
import json
from typing import Any

import pytest
from jupyterhub import orm, roles
from jupyterhub.objects import Hub
from jupyterhub.spawner import SimpleLocalProcessSpawner, Spawner
from jupyterhub.user import User
from traitlets import Instance, directional_link
from traitlets.config import Config

from collaboration_settings import SETTINGS
from jupyterhub_collab.hub import apply
from jupyterhub_collab.hub.collaboration import CONFIG, collaborate

OPTION = "--HubOAuth.cache_max_age=5"


class Choice(SimpleLocalProcessSpawner):
    """Starts servers by an inner spawner of another class, which takes from here what the choice does not set."""

    inner = Instance(Spawner, allow_none=True)

    def choose(self, **settings: Any) -> Spawner:
        self.inner = SimpleLocalProcessSpawner(user=self.user, hub=self.hub, api_token="t", **settings)
        for name in {*self.trait_names()} & {*self.inner.trait_names()} - {*settings}:
            directional_link((self, name), (self.inner, name))
        return self.inner


@pytest.fixture
def outer() -> Choice:
    """Return the spawner of team, whose server is shared, after the hub's hooks have run."""
    c = Config()
    apply(c, revocation_seconds=5)
    collaborate(c, **SETTINGS | {"owners": False, "refuse_unprepared": False})
    db = orm.new_session_factory("sqlite:///:memory:")()
    for role in roles.get_default_roles():
        roles.create_role(db, role)
    db.add(orm.User(name="team"))
    db.commit()
    user = User(orm.User.find(db, "team"), {"spawner_class": Choice, "base_url": "/"}, db=db)
    spawner = user.spawners[""]
    assert isinstance(spawner, Choice)
    spawner.hub = Hub(base_url="/hub/")
    spawner.environment = {"JUPYTER_CONFIG_PATH": "/site"}
    asyncio.run(c.Spawner.pre_spawn_hook(spawner))
    return spawner


@pytest.mark.parametrize(
    ("theirs", "path"),
    [
        ({}, [str(CONFIG), "/site"]),
        ({"environment": {"ROOM": "2"}}, [str(CONFIG)]),
        ({"environment": {"JUPYTER_CONFIG_PATH": "/choice"}}, [str(CONFIG), "/choice"]),
    ],
)
def test_environment_of_a_choice_has_ours(outer: Choice, theirs: dict[str, Any], path: list[str]) -> None:
    environment = outer.choose(**theirs).get_env()
    assert environment["JUPYTER_CONFIG_PATH"].split(":") == path
    assert json.loads(environment["JUPYTERHUB_COLLAB"])["email_domain"] == "example.org"
    assert environment.get("ROOM") == theirs.get("environment", {}).get("ROOM")


@pytest.mark.parametrize(
    ("theirs", "args"),
    [
        ({}, [OPTION]),
        ({"args": ["--debug"], "cmd": ["jupyter-labhub"]}, ["--debug", OPTION]),
        ({"args": ["--HubOAuth.cache_max_age=60"]}, ["--HubOAuth.cache_max_age=60"]),
        ({"cmd": ["/usr/local/bin/start-everything"]}, []),
    ],
)
def test_options_fit_the_command_of_a_choice(outer: Choice, theirs: dict[str, Any], args: list[str]) -> None:
    assert outer.choose(**theirs).get_args() == args
    assert outer.args == [OPTION]


def test_other_spawners_of_the_user_are_left_alone(outer: Choice) -> None:
    """An inner spawner that the outer one created, but does not start the server with, stays unchanged."""
    inner = outer.choose(environment={})
    outer.inner = None
    assert "JUPYTERHUB_COLLAB" not in inner.get_env()
