# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection reads from a live hub's database, and writes there temporarily, next to the hub. Uses real JupyterHub databases."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import orm, roles, scopes
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from jupyterhub_collab.hub import database
from jupyterhub_collab.hub.service_token import service_token
from jupyterhub_collab.hub.visitors import visitors


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/hub.sqlite"


@pytest.fixture
def db(url: str) -> Iterator[Session]:
    """Yield the database of a hub with ann, whose server is running, and ben, who has access to it."""
    session: Session = orm.new_session_factory(url)()
    for role in roles.get_default_roles():
        roles.create_role(session, role)
    for name in ("ann", "ben"):
        user = orm.User(name=name)
        session.add(user)
        session.commit()
        roles.grant_role(session, user, "user")
    ann, ben = session.query(orm.User).order_by(orm.User.name)
    client = orm.OAuthClient(identifier="jupyterhub-user-ann")
    spawner = orm.Spawner(name="", user=ann, oauth_client=client, server=orm.Server())
    session.add_all([client, spawner, orm.OAuthClient(identifier="jupyterhub")])
    session.commit()
    # As the hub creates a token for a browser that it admits, here by a role that ben then loses.
    allow(session, "once", ["access:servers"])
    for user in (ann, ben):
        entrance = {"access:servers!server=ann/"} | scopes.identify_scopes(user)
        orm.APIToken.new(user=user, oauth_client=client, scopes=sorted(entrance))
    roles.strip_role(session, ben, "once")
    yield session
    session.close()


def described(url: str, **options: Any) -> str:
    return json.dumps(database.describe(url, options))


def allow(db: Session, role: str, scopes_of_it: list[str]) -> None:
    roles.create_role(db, {"name": role, "scopes": scopes_of_it})
    roles.grant_role(db, orm.User.find(db, "ben"), role)


def test_owner_is_no_visitor_and_who_has_lost_the_right_is_told_apart(db: Session) -> None:
    found = visitors(db)
    assert [(each["user"], each["owner"], each["server"], each["allowed"]) for each in found] == [
        ("ben", "ann", "", False)
    ]


@pytest.mark.parametrize(
    "scope",
    ["access:servers", "access:servers!server=ann/", "access:servers!user=ann", "access:servers!group=g"],
)
def test_right_to_come_in_is_found_however_it_is_written(db: Session, scope: str) -> None:
    orm.User.find(db, "ann").groups.append(orm.Group(name="g"))
    db.commit()
    allow(db, "visitor", [scope])
    assert [each["allowed"] for each in visitors(db)] == [True]


def test_share_is_a_right_to_come_in(db: Session) -> None:
    spawner = db.query(orm.Spawner).one()
    orm.Share.grant(db, spawner, orm.User.find(db, "ben"))
    assert [each["allowed"] for each in visitors(db)] == [True]


def test_stopped_server_has_no_visitors(db: Session) -> None:
    db.query(orm.Spawner).one().server = None
    db.commit()
    assert visitors(db) == []


def test_token_may_do_what_it_is_for_and_leaves_nothing_behind(db: Session, url: str) -> None:
    with service_token(db, ["shutdown"]) as text:
        token = orm.APIToken.find(db, text)
        assert "shutdown" in scopes.get_scopes_for(token)
        assert not scopes.get_scopes_for(token) & {"admin:users", "proxy", "servers", "access:servers"}
    assert orm.APIToken.find(db, text) is None
    assert db.query(orm.Service).count() == 0
    assert not [role.name for role in db.query(orm.Role) if role.name.startswith("collab")]


def test_hub_that_remembers_a_token_of_before_takes_the_next_for_another(db: Session, url: str) -> None:
    """A hub does not confuse a new token with an earlier one that it remembers.

    A hub's session keeps the rows that it has read, and does not read rows again if it knows their IDs.
    """
    hub: Session = orm.new_session_factory(url)()
    with service_token(db, ["shares"]) as text:
        before = orm.APIToken.find(hub, text)
        assert "shares" in scopes.get_scopes_for(before)
    hub.commit()
    with service_token(db, ["shutdown"]) as text:
        token = orm.APIToken.find(hub, text)
        assert token is not None
        assert token is not before
        assert "shutdown" in scopes.get_scopes_for(token)
    hub.close()


def test_token_leaves_the_ids_of_the_hub_as_they_were(db: Session) -> None:
    with service_token(db, ["shutdown"]):
        role = orm.Role(name="new", scopes=[])
        db.add(role)
        db.commit()
        assert 0 < role.id < 100


def test_token_of_a_process_that_was_killed_goes_with_the_next(db: Session) -> None:
    killed = service_token(db, ["shutdown"])
    left = killed.__enter__()
    with service_token(db, ["shutdown"]):
        assert orm.APIToken.find(db, left) is None


def test_reading_cannot_write(db: Session, url: str) -> None:
    with (
        database.session(described(url), read_only=True) as reader,
        pytest.raises(OperationalError, match="readonly"),
    ):
        reader.add(orm.Group(name="new"))
        reader.commit()


def test_options_of_the_hub_are_used_and_those_that_are_no_data_left_out(db: Session, url: str) -> None:
    line = described(url, connect_args={"timeout": 7}, poolclass=object)
    assert json.loads(line)["options"] == {"connect_args": {"timeout": 7}}
    with database.session(line) as session:
        assert session.query(orm.User).count() == 2


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_database_in_memory_is_known(url: str) -> None:
    assert database.is_in_memory(described(url))


def test_database_on_disk_or_on_a_server_is_none_in_memory(url: str) -> None:
    assert not database.is_in_memory(described(url))
    assert not database.is_in_memory(described("postgresql://hub:secret@db.example.org/hub"))


def test_path_of_a_file_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration may have changed the working directory, in which the hub opens its database."""
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///hub.sqlite", f"sqlite:///{tmp_path}/hub.sqlite"):
        assert database.describe(url, {})["url"] == f"sqlite:///{tmp_path}/hub.sqlite"
    for url in (
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:hub.sqlite?uri=true",
        "postgresql://a:b@db/hub",
    ):
        assert database.describe(url, {})["url"] == url
