# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shares end when users lose the right to share, and which stay. Uses real JupyterHub databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import orm, roles
from sqlalchemy.orm import Session

from jupyterhub_collab.hub.at_rest import end
from jupyterhub_collab.hub.grants import grants


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Session]:
    """Yield the database of a hub where all users can share, and ann and ben share with cleo by name and by link."""
    session: Session = orm.new_session_factory(f"sqlite:///{tmp_path}/hub.sqlite")()
    for role in roles.get_default_roles():
        roles.create_role(session, role)
    roles.create_role(session, {"name": "user", "scopes": ["self", "shares!user"]})
    session.add(orm.OAuthClient(identifier="jupyterhub"))
    for name in ("ann", "ben", "cleo"):
        user = orm.User(name=name)
        session.add(user)
        session.commit()
        roles.grant_role(session, user, "user")
    for name in ("ann", "ben"):
        spawner = orm.Spawner(name="", user=orm.User.find(session, name))
        session.add(spawner)
        session.commit()
        orm.Share.grant(session, spawner, orm.User.find(session, "cleo"))
        orm.ShareCode.new(session, spawner, scopes=[f"access:servers!server={name}/"])
    yield session
    session.close()


def withdraw(db: Session) -> None:
    roles.create_role(db, {"name": "user", "scopes": ["self"]})


def owners(db: Session) -> set[str]:
    return {each.owner.name for kind in (orm.Share, orm.ShareCode) for each in db.query(kind)}


def test_what_everyone_shares_is_the_same_before_and_after_the_right_goes(db: Session) -> None:
    expected: list[dict[str, Any]] = [
        {"owner": name, "server": "", "groups": [], "shares": 1, "links": 1} for name in ("ann", "ben")
    ]
    assert grants(db) == expected
    withdraw(db)
    assert grants(db) == expected


@pytest.mark.parametrize("scope", ["shares", "shares!user", "shares!user=ann", "shares!server=ann/"])
def test_right_by_another_role_keeps_what_its_holder_shares(db: Session, scope: str) -> None:
    roles.create_role(db, {"name": "teacher", "scopes": [scope]})
    roles.grant_role(db, orm.User.find(db, "ann"), "teacher")
    assert [each["owner"] for each in grants(db)] == ["ben"]


def test_right_by_a_group_keeps_what_its_members_share(db: Session) -> None:
    group = orm.Group(name="teachers")
    group.users.append(orm.User.find(db, "ben"))
    db.add(group)
    roles.create_role(db, {"name": "teacher", "scopes": ["shares!user"]})
    roles.grant_role(db, group, "teacher")
    assert [each["owner"] for each in grants(db)] == ["ann"]


def test_right_to_other_servers_keeps_nothing(db: Session) -> None:
    roles.create_role(db, {"name": "teacher", "scopes": ["shares!user=ben", "read:shares"]})
    roles.grant_role(db, orm.User.find(db, "ann"), "teacher")
    assert [each["owner"] for each in grants(db)] == ["ann", "ben"]


def test_at_rest_the_same_ends(db: Session) -> None:
    roles.create_role(db, {"name": "teacher", "scopes": ["shares!user"]})
    roles.grant_role(db, orm.User.find(db, "ann"), "teacher")
    assert end(db, sharing=True, users=[]) == {"shares": 1, "links": 1, "users": []}
    assert owners(db) == {"ann"}


def test_at_rest_shares_stay_where_the_right_does(db: Session) -> None:
    assert end(db, sharing=False, users=["nobody"]) == {"shares": 0, "links": 0, "users": []}
    assert owners(db) == {"ann", "ben"}


def put_in_group(db: Session, name: str, group: str) -> None:
    db.add(orm.Group(name=group, users=[orm.User.find(db, name)]))
    db.commit()


def test_right_that_we_give_to_groups_does_not_count_either(db: Session) -> None:
    """The right that our own role gives to groups does not count, because it goes with the configuration. The groups are reported."""
    put_in_group(db, "ben", "teachers")
    roles.create_role(db, {"name": "collab-sharing", "scopes": ["shares!user", "read:users:name"]})
    roles.grant_role(db, orm.Group.find(db, "teachers"), "collab-sharing")
    assert [(each["owner"], each["groups"]) for each in grants(db)] == [("ann", []), ("ben", ["teachers"])]


def test_at_rest_shares_of_groups_that_keep_the_right_stay(db: Session) -> None:
    put_in_group(db, "ben", "teachers")
    assert end(db, sharing=True, groups=["teachers"], users=[]) == {"shares": 1, "links": 1, "users": []}
    assert owners(db) == {"ben"}


def test_at_rest_users_go_with_all_that_is_theirs(db: Session) -> None:
    orm.User.find(db, "ann").new_api_token()
    assert end(db, sharing=False, users=["ann"]) == {"shares": 0, "links": 0, "users": ["ann"]}
    assert orm.User.find(db, "ann") is None
    assert owners(db) == {"ben"}
    assert db.query(orm.APIToken).count() == 0
    assert [spawner.user.name for spawner in db.query(orm.Spawner)] == ["ben"]
