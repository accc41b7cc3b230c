# SPDX-License-Identifier: GPL-3.0-or-later
"""A real hub gives project members and collaborators their rights, whether or not it knows them already."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import orm, scopes
from jupyterhub.app import JupyterHub
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.user import User
from jupyterhub.utils import maybe_future
from sqlalchemy import event
from traitlets.config import Config

from jupyterhub_collab.hub import offered, projects
from jupyterhub_collab.hub.collaboration import Chosen, chosen
from jupyterhub_collab.hub.policy import applied, lost
from jupyterhub_collab.patches.hub import memberships

LEVELS = {
    "edit": ["access:servers!server={server}"],
    "manage": ["access:servers!server={server}", "servers!server={server}"],
}
NOBODY: dict[str, list[str]] = {"users": [], "groups": []}
RAIN: dict[str, Any] = {
    "name": "rain",
    "account": "project-rain",
    "manage": {"users": ["Ann"], "groups": ["staff"]},
    "edit": {"users": ["ben", "dan"], "groups": ["students"]},
    "workspaces": [],
    "mem_limit": "1G",
    "cpu_limit": 2,
}
ANN: dict[str, Any] = {"owner": "ann", "server": "", "level": "edit", "users": ["eve"], "groups": []}
OPENS_RAIN = {"access:servers!server=project-rain/"}
MANAGES_RAIN = OPENS_RAIN | {"servers!server=project-rain/", "delete:servers!server=project-rain/"}


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what the test set for the hub's process."""
    monkeypatch.setattr(JupyterHub, "init_role_assignment", JupyterHub.init_role_assignment)
    for registry in (applied, chosen, memberships.wanted, memberships.accounts, offered.offered):
        registry.clear()
    yield
    for target, heard in (
        (orm.User, memberships._welcome_user),
        (orm.Group, memberships._welcome_group),
    ):
        if event.contains(target, "after_insert", heard):
            event.remove(target, "after_insert", heard)
    for registry in (applied, chosen, memberships.wanted, memberships.accounts, offered.offered):
        registry.clear()


def config(projects_: list[dict[str, Any]], access: list[dict[str, Any]] | None = None, **hub: Any) -> Config:
    c = Config()
    c.JupyterHub.authenticator_class = "dummy"
    c.JupyterHub.update(hub)
    projects.open_servers(c, levels=LEVELS, projects=projects_, access=access or [])
    return c


def start(c: Config, database: Path) -> JupyterHub:
    """Return a hub that has loaded its roles, users and groups, as at each start."""
    hub = JupyterHub(config=c, db_url=f"sqlite:///{database}")
    hub.init_db()

    async def begin() -> None:
        hub.authenticator = hub.authenticator_class(parent=hub)
        await maybe_future(hub.init_role_creation())
        await maybe_future(hub.init_users())
        await maybe_future(hub.init_groups())
        await maybe_future(hub.init_role_assignment())

    asyncio.run(begin())
    return hub


def rights(hub: JupyterHub, user: str) -> set[str]:
    """Return a user's scopes on single servers, which the hub's own `user` role does not contain."""
    found = orm.User.find(hub.db, user)
    assert found is not None, user
    return {scope for scope in scopes.get_scopes_for(found) if "!server=" in scope}


def meet(hub: JupyterHub, name: str) -> None:
    """Add a user to the hub, as a first login does."""
    hub.db.add(orm.User(name=name))
    hub.db.commit()


def test_members_have_the_rights_of_their_level(tmp_path: Path) -> None:
    people: dict[str, Any] = {"load_groups": {"staff": {"users": ["sue"]}, "students": {"users": ["tom"]}}}
    hub = start(
        config([RAIN], load_roles=[{"name": "any", "scopes": ["self"], "users": ["ann", "ben"]}], **people),
        tmp_path / "hub.sqlite",
    )
    for manager in ("ann", "sue"):
        assert rights(hub, manager) >= MANAGES_RAIN, manager
    for editor in ("ben", "tom"):
        assert rights(hub, editor) >= OPENS_RAIN, editor
        assert not rights(hub, editor) & (MANAGES_RAIN - OPENS_RAIN), editor
    assert orm.User.find(hub.db, "project-rain").roles[0].name == "user"


def test_whom_the_hub_does_not_know_gets_in_later_and_is_not_made(tmp_path: Path) -> None:
    hub = start(config([RAIN], [ANN]), tmp_path / "hub.sqlite")
    assert {user.name for user in hub.db.query(orm.User)} == {"project-rain"}
    for name in ("dan", "eve", "mallory"):
        meet(hub, name)
    assert rights(hub, "dan") >= OPENS_RAIN
    assert rights(hub, "eve") == {scope.format(server="ann/") for scope in LEVELS["edit"]}
    assert rights(hub, "mallory") == set()
    staff = orm.Group(name="staff")
    hub.db.add(staff)
    hub.db.commit()
    staff.users.append(orm.User.find(hub.db, "mallory"))
    hub.db.commit()
    assert rights(hub, "mallory") >= MANAGES_RAIN
    staff.users.clear()
    hub.db.commit()
    assert rights(hub, "mallory") == set()


def test_groups_that_an_authenticator_tells_at_login_count(tmp_path: Path) -> None:
    """Groups that an authenticator reports at login count: with `manage_groups`, the hub creates them and sets their members then."""
    hub = start(config([RAIN]), tmp_path / "hub.sqlite")
    meet(hub, "sue")
    sue = User(orm.User.find(hub.db, "sue"), {}, db=hub.db)
    sue.sync_groups({"staff", "other"})
    assert rights(hub, "sue") >= MANAGES_RAIN
    sue.sync_groups({"other"})
    assert rights(hub, "sue") == set()


def test_next_start_has_exactly_the_members_of_then(tmp_path: Path) -> None:
    hub = start(config([RAIN]), tmp_path / "hub.sqlite")
    for name in ("ann", "ben", "dan"):
        meet(hub, name)
    hub.db.close()
    for registry in (memberships.wanted, memberships.accounts):
        registry.clear()
    hub = start(
        config([{**RAIN, "manage": NOBODY, "edit": {"users": ["ann"], "groups": []}}]),
        tmp_path / "hub.sqlite",
    )
    assert not rights(hub, "ann") & (MANAGES_RAIN - OPENS_RAIN)
    assert rights(hub, "ann") >= OPENS_RAIN
    assert rights(hub, "ben") == rights(hub, "dan") == set()


def test_without_the_fragment_nobody_has_anything(tmp_path: Path) -> None:
    hub = start(config([RAIN], [ANN]), tmp_path / "hub.sqlite")
    for name in ("ann", "dan", "eve"):
        meet(hub, name)
    hub.db.close()
    for registry in (memberships.wanted, memberships.accounts):
        registry.clear()
    c = Config()
    c.JupyterHub.authenticator_class = "dummy"
    hub = start(c, tmp_path / "hub.sqlite")
    assert rights(hub, "ann") == rights(hub, "dan") == rights(hub, "eve") == set()


def test_nobody_logs_in_as_a_project() -> None:
    c = config([RAIN])

    authenticator = DummyAuthenticator(config=c, allow_all=True)

    async def login(name: str) -> Any:
        return await authenticator.post_auth_hook(authenticator, None, {"name": name})

    assert asyncio.run(login("PROJECT-rain")) is None
    assert asyncio.run(login("ann")) == {"name": "ann"}


def test_servers_are_for_editing_together_with_their_limits() -> None:
    config([RAIN], [ANN, {**ANN, "level": "manage", "users": ["fay"]}])
    assert chosen == {
        "project-rain": Chosen("1G", 2, RAIN["manage"]),
        "ann": Chosen("", 0, {"users": ["fay"], "groups": []}),
    }


@pytest.mark.parametrize(
    ("services", "found"), [([{"name": "sharing"}], {"project-rain/", "ann/"}), ([], set())]
)
def test_servers_are_on_the_sharing_page_where_there_is_one(
    services: list[dict[str, str]], found: set[str]
) -> None:
    config([RAIN], [ANN], services=services)
    assert offered.offered == found


def test_role_of_someone_elses_stops_the_change() -> None:
    taken = [{"name": "collab-project-rain-edit", "scopes": ["self"]}]
    with pytest.raises(ValueError, match="already has a role collab-project-rain-edit"):
        config([RAIN], load_roles=taken)


def test_roles_that_are_set_anew_afterwards_are_noticed(tmp_path: Path) -> None:
    c = config([RAIN])
    assert lost(c, {"collab-project-rain-edit": {}, "collab-project-rain-manage": {}}) == []
    assert lost(c, {}) == ["JupyterHub.load_roles"]
