# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sharing page's token learns, and what it is valid for. Uses real JupyterHub databases and roles, and the hub's own checks."""

from collections.abc import Iterator

import pytest
from jupyterhub import orm, roles, scopes
from sqlalchemy.orm import Session

from jupyterhub_collab.hub import offered
from jupyterhub_collab.hub.offered import permitted, renew

RAIN, SNOW, LAB = "project-rain/", "project-snow/", "ann/lab2"
EDIT, MANAGE = ("access:servers", "read:servers"), ("access:servers", "servers")


@pytest.fixture
def db(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Yield a database with ann, who has a server lab2, ben, the accounts of two projects, and the page's service."""
    monkeypatch.setattr(offered, "offered", {RAIN, SNOW, LAB})
    session: Session = orm.new_session_factory("sqlite:///:memory:")()
    names = ("ann", "ben", "project-rain", "project-snow")
    session.add_all([*(orm.User(name=name) for name in names), orm.Group(name="physics")])
    client = orm.OAuthClient(identifier="service-sharing", secret="x", redirect_uri="/", allowed_scopes=[])
    session.add_all([client, orm.Service(name="sharing", oauth_client=client)])
    for role in roles.get_default_roles():
        roles.create_role(session, role)
    session.commit()
    for name in names:
        roles.grant_role(session, user(session, name), "user")
    yield session
    session.close()


def user(db: Session, name: str) -> orm.User:
    return orm.User.find(db, name)


def grant(db: Session, whom: orm.User | orm.Group, *granted: str) -> str:
    """Give a user or group a role with these scopes, and return the role's name."""
    name = f"role-{db.query(orm.Role).count()}"
    roles.create_role(db, {"name": name, "scopes": list(granted)})
    roles.grant_role(db, whom, name)
    return name


def on(server: str, level: tuple[str, ...]) -> list[str]:
    return [f"{scope}!server={server}" for scope in level]


def token(db: Session) -> orm.APIToken:
    """Return the page's token for ben."""
    held = ["read:servers!user", "users:shares!user"]
    client = db.query(orm.OAuthClient).one()
    orm.APIToken.new(user=user(db, "ben"), oauth_client=client, scopes=held, token="t" * 32)
    return orm.APIToken.find(db, "t" * 32)


def test_anyone_who_has_no_role_learns_nothing(db: Session) -> None:
    """Users without a role see no servers: no project's, and not their own, which the page lists separately."""
    assert permitted(user(db, "ben")) == {}
    assert permitted(user(db, "ann")) == {}


def test_levels(db: Session) -> None:
    grant(db, user(db, "ben"), *on(RAIN, EDIT))
    grant(db, user(db, "ben"), *on(LAB, MANAGE))
    assert permitted(user(db, "ben")) == {LAB: "manage", RAIN: "edit"}


def test_viewers_are_told_so(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless another role lets them edit."""
    looking = grant(db, user(db, "ben"), *on(RAIN, EDIT))
    monkeypatch.setattr(offered, "viewing", {looking: RAIN})
    assert permitted(user(db, "ben")) == {RAIN: "view"}
    grant(db, user(db, "ben"), *on(RAIN, EDIT))
    assert permitted(user(db, "ben")) == {RAIN: "edit"}


def test_members_of_groups_are_those_of_the_moment(db: Session) -> None:
    """Changes of a group's members count at once, without a new login."""
    physics = db.query(orm.Group).one()
    grant(db, physics, *on(RAIN, MANAGE))
    ben = user(db, "ben")
    assert permitted(ben) == {}
    physics.users.append(ben)
    db.commit()
    assert permitted(ben) == {RAIN: "manage"}
    physics.users.remove(ben)
    db.commit()
    assert permitted(ben) == {}


@pytest.mark.parametrize(
    ("granted", "found"),
    [
        (["access:servers", "servers"], {LAB: "manage", RAIN: "manage", SNOW: "manage"}),
        (["access:servers!user=ann"], {LAB: "edit"}),
        (["access:servers!group=physics"], {LAB: "edit"}),
        (["servers!server=project-rain/", "read:servers!server=project-rain/"], {}),
        (["access:servers!server=project-rain"], {}),
    ],
)
def test_rights_however_they_are_written(db: Session, granted: list[str], found: dict[str, str]) -> None:
    """Rights to all servers, or to those of an owner or a group, count. A user who can start a server but not open it does not see it."""
    physics = db.query(orm.Group).one()
    physics.users.append(user(db, "ann"))
    grant(db, user(db, "ben"), *granted)
    assert permitted(user(db, "ben")) == found


def test_servers_that_are_not_offered_stay_out(db: Session) -> None:
    """Rights to other users' servers that are not offered do not extend the page's token."""
    grant(db, user(db, "ben"), *on("ann/", MANAGE))
    assert permitted(user(db, "ben")) == {}


def test_token_is_good_for_what_its_user_manages_now(db: Session) -> None:
    """The page's token can start the servers that its user can manage now, and no others.

    It is not valid for servers that the user can only open. A lost right counts at once, even before the token is renewed.
    """
    mine = token(db)
    ben = user(db, "ben")
    managing = grant(db, ben, *on(RAIN, MANAGE))
    grant(db, ben, *on(SNOW, EDIT))
    renew(mine, [server for server, level in permitted(ben).items() if level == "manage"])

    def may(scope: str, server: str) -> bool:
        held = scopes.parse_scopes(scopes.get_scopes_for(mine))
        return bool(scopes.has_scope(f"{scope}!server={server}", held, db=db))

    assert may("servers", RAIN)
    assert not may("access:servers", RAIN)  # the page itself never opens anyone's server
    assert not may("servers", SNOW)
    assert not may("delete:servers", SNOW)
    roles.strip_role(db, ben, managing)
    assert not may("servers", RAIN)  # even before a renewal


def test_renewing_keeps_what_the_token_was_issued_for(db: Session) -> None:
    mine = token(db)
    renew(mine, [RAIN, SNOW])
    renew(mine, [SNOW])
    assert mine.scopes == ["read:servers!user", "users:shares!user", f"servers!server={SNOW}"]
    renew(mine, [])
    db.expire_all()
    assert mine.scopes == ["read:servers!user", "users:shares!user"]
