# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub tells administrators of all shares, links and visitors, and ends for them. The database and the hub's code are real."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from jupyterhub import orm, roles
from jupyterhub.utils import utcnow
from sqlalchemy import event
from sqlalchemy.orm import Session
from tornado.web import HTTPError

from jupyterhub_collab.hub import access_levels
from jupyterhub_collab.hub.administrators import NEEDED, is_administrator
from jupyterhub_collab.hub.overview import Filter, Rows
from jupyterhub_collab.hub.share_levels import level_of, limits

SECONDS = 300
# What can be in a share: ours, those of before there were levels, nothing, and what looks like another level.
STORED = [
    ["access:servers!server=ann/"],
    ["read:users:name!server=ann/"],
    ["access:servers!server=ann/", "read:users:name!server=ann/"],
    ['read:users:name!server=x, "access:servers!/'],
    ['read:users:name!server=["access:servers!/'],
    ["servers!server=ann/", "access:servers!server=ann/"],
    ["access:servers"],
    ["servers!server=ann/"],
    ["access:serversX!server=ann/"],
    [],
]


@pytest.fixture
def db() -> Iterator[Session]:
    """Yield a database with ann and ben, who have running servers, cleo, and the group physics."""
    session: Session = orm.new_session_factory("sqlite:///:memory:")()
    for role in roles.get_default_roles():
        roles.create_role(session, role)
    for name in ("ann", "ben", "cleo"):
        user = orm.User(name=name)
        session.add(user)
        session.commit()
        roles.assign_default_roles(session, entity=user)
    session.add(orm.Group(name="physics"))
    for owner, name in (("ann", ""), ("ann", "lab2"), ("ben", "")):
        spawner(session, owner, name)
    yield session
    session.close()


def user(db: Session, name: str) -> orm.User:
    found = orm.User.find(db, name)
    if found is None:
        found = orm.User(name=name)
        db.add(found)
    return found


def spawner(db: Session, owner: str, name: str = "") -> orm.Spawner:
    """Return a server, which is running."""
    mine = user(db, owner)
    found = mine.orm_spawners.get(name)
    if found is None:
        client = f"jupyterhub-user-{owner}-{name}".rstrip("-")
        db.add(orm.OAuthClient(identifier=client, secret="x", redirect_uri="/", allowed_scopes=[]))
        found = orm.Spawner(user=mine, name=name, oauth_client_id=client, server=orm.Server())
        db.add(found)
        db.commit()
    return found


def share(
    db: Session, server: orm.Spawner, whom: str = "", *, group: str = "", stored: Any = None
) -> orm.Share:
    holder = {"group": orm.Group.find(db, group)} if group else {"user": user(db, whom)}
    stored = [f"access:servers!server={server.user.name}/{server.name}"] if stored is None else stored
    made = orm.Share(owner=server.user, spawner=server, _scopes=stored, **holder)
    db.add(made)
    db.commit()
    return made


def link(db: Session, server: orm.Spawner, seconds: int = 3600, stored: Any = None) -> orm.ShareCode:
    stored = [f"access:servers!server={server.user.name}/{server.name}"] if stored is None else stored
    made = orm.ShareCode(
        owner=server.user, spawner=server, _scopes=stored, expires_at=utcnow() + timedelta(seconds=seconds)
    )
    made.token = f"{db.query(orm.ShareCode).count():032}"
    db.add(made)
    db.commit()
    return made


def visit(db: Session, server: orm.Spawner, whom: str, seconds: float = 1) -> None:
    """Let a server ask about a user some seconds ago."""
    token = f"{db.query(orm.APIToken).count():032}"
    client = db.query(orm.OAuthClient).filter_by(identifier=server.oauth_client_id).one()
    orm.APIToken.new(user=user(db, whom), oauth_client=client, token=token, scopes=[])
    orm.APIToken.find(db, token).last_activity = utcnow(with_tz=False) - timedelta(seconds=seconds)
    db.commit()


def told(db: Session, limit: int = 50, offset: int = 0, **asked: str) -> list[str]:
    """Return one word for each row that a filter lists."""
    rows = Rows(db, SECONDS).told(Filter.asked(asked), offset, limit)["rows"]
    return [
        f"{row['what']} {row['owner']}/{row['server']} {row.get('user') or row.get('group') or ''}".strip()
        for row in rows
    ]


@contextmanager
def counting(db: Session) -> Iterator[list[str]]:
    """Yield the statements that the database executes."""
    done: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        done.append(statement)

    engine = db.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield done
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_everything_is_listed_by_server(db: Session) -> None:
    link(db, spawner(db, "ben"))
    share(db, spawner(db, "ben"), group="physics")
    share(db, spawner(db, "ann", "lab2"), "cleo")
    share(db, spawner(db, "ann"), "cleo")
    visit(db, spawner(db, "ann"), "cleo")
    assert told(db) == [
        "link ben/",
        "share ann/ cleo",
        "share ann/lab2 cleo",
        "share ben/ physics",
        "visitor ann/ cleo",
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"of": "ann"}, ["link ann/", "share ann/ cleo", "share ann/lab2 ben"]),
        ({"of": "ann/"}, ["link ann/", "share ann/ cleo"]),
        ({"of": "ann/lab2"}, ["share ann/lab2 ben"]),
        ({"of": "/lab*"}, ["share ann/lab2 ben"]),
        ({"of": "a*"}, ["link ann/", "share ann/ cleo", "share ann/lab2 ben"]),
        ({"of": "an"}, []),
        ({"who": "cleo"}, ["share ann/ cleo"]),
        ({"who": "*e*"}, ["share ann/ cleo", "share ann/lab2 ben"]),
        ({"who": "physics"}, ["share ben/ physics"]),
        ({"who": "cle_"}, []),
        ({"who": "%"}, []),
        ({"who": "c%*"}, []),
        ({"who": "cl=*"}, []),
        ({"who": "cl_*"}, []),
        ({"who": "' OR 1=1 --"}, []),
        ({"what": "link"}, ["link ann/"]),
        ({"what": "link", "who": "cleo"}, []),
        ({"may": "view"}, ["share ben/ physics"]),
        ({"may": "edit", "what": "share"}, ["share ann/ cleo", "share ann/lab2 ben"]),
        ({"what": "visitor"}, []),
    ],
)
def test_filters_list_what_they_say(db: Session, asked: dict[str, Any], found: list[str]) -> None:
    """A name is the whole name: a user who ends everything of `an` does not end what is ann's."""
    link(db, spawner(db, "ann"))
    link(db, spawner(db, "ann"), seconds=-1)  # has expired
    share(db, spawner(db, "ann"), "cleo")
    share(db, spawner(db, "ann", "lab2"), "ben")
    share(db, spawner(db, "ben"), group="physics", stored=["read:users:name!server=ben/"])
    assert told(db, **asked) == found


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        "ann",
        {"owner": "ann"},
        {"of": 1},
        {"of": None},
        {"of": "x" * 301},
        {"what": "all"},
        {"may": "manage"},
    ],
)
def test_filter_that_is_none_does_not_list_everything(asked: Any) -> None:
    with pytest.raises(HTTPError) as refused:
        Filter.asked(asked)
    assert refused.value.status_code == 400


@pytest.mark.parametrize("highest", ["edit", "view"])
def test_levels_are_those_that_the_hub_gives(
    db: Session, monkeypatch: pytest.MonkeyPatch, highest: str
) -> None:
    """The database finds levels as the hub does, whatever is stored."""
    for number, stored in enumerate(STORED):
        share(db, spawner(db, "ann"), f"guest-{number}", stored=stored)
    monkeypatch.setattr(limits, "highest", highest)
    for level in ("view", "edit"):
        expected = {each.user.name for each in db.query(orm.Share) if level_of(each) == level}
        assert expected or (highest, level) == ("view", "edit")
        assert {each.split()[-1] for each in told(db, may=level)} == expected


def test_parts_of_a_long_list(db: Session) -> None:
    """Each row is in exactly one part, across kinds, and a part needs few queries, however long the list is."""
    server = spawner(db, "ann")
    for number in range(3):
        link(db, server)
        visit(db, server, f"guest-{number:04}")
    db.add_all(
        [
            orm.Share(
                owner=server.user,
                spawner=server,
                _scopes=["access:servers!server=ann/"],
                user=user(db, f"guest-{number:04}"),
            )
            for number in range(1000)
        ]
    )
    db.commit()
    whole: list[str] = []
    for offset in range(0, 1006, 50):
        db.expire_all()
        with counting(db) as statements:
            part = told(db, offset=offset)
        assert len(statements) <= 20, statements
        assert len(part) == min(50, 1006 - offset)
        whole += part
    assert len({*whole}) == 1000 + 3 + 1  # links of one server look alike
    assert told(db, offset=2000) == []


def test_next_share_with_the_same_number_stays(db: Session) -> None:
    """Also if it is made while many shares end, one part after another."""
    rows, server = Rows(db, SECONDS), spawner(db, "ann")
    share(db, server, "cleo")
    ((kind, number, made),) = rows.keys(Filter())
    db.delete(db.query(orm.Share).one())
    db.commit()
    assert share(db, server, "ben").id == number
    assert rows.end(kind, {number: made}) == 0
    assert told(db) == ["share ann/ ben"]
    assert rows.end(kind, rows.made(kind, [number])) == 1
    assert told(db) == []


def test_visitors_are_those_of_the_moment(db: Session) -> None:
    """Not the owner, not someone who left long ago, and nobody on a server that has stopped; each once, whatever they have open."""
    visit(db, spawner(db, "ann"), "ann")
    visit(db, spawner(db, "ann"), "cleo")
    visit(db, spawner(db, "ann"), "cleo", seconds=2)
    visit(db, spawner(db, "ann"), "ben", seconds=SECONDS + 1)
    visit(db, spawner(db, "ben"), "cleo")
    spawner(db, "ben").server = None
    db.commit()
    assert told(db, what="visitor") == ["visitor ann/ cleo"]


def test_visitors_come_with_what_gives_them_access(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    physics = orm.Group.find(db, "physics")
    user(db, "dora").groups.append(physics)
    roles.create_role(db, {"name": "helpers", "scopes": ["access:servers!server=ann/"]})
    roles.create_role(db, {"name": "watchers", "scopes": ["access:servers!server=ann/"]})
    for name, role in (("erik", "helpers"), ("finn", "watchers")):
        roles.grant_role(db, user(db, name), role)
    monkeypatch.setitem(access_levels.viewing, "watchers", "ann/")
    server = spawner(db, "ann")
    direct = share(db, server, "cleo", stored=["read:users:name!server=ann/"])
    share(db, server, group="physics")
    share(db, server, "erik", stored=["read:users:name!server=ann/"])
    share(db, spawner(db, "ben"), "finn")  # another server
    for name in ("cleo", "dora", "erik", "finn", "gone"):
        visit(db, server, name)
    rows = {row["user"]: row for row in Rows(db, SECONDS).told(Filter(what="visitor"), 0, 50)["rows"]}
    ways = {
        name: (row["level"], bool(row["key"]), row["groups"], row["by_role"]) for name, row in rows.items()
    }
    assert ways == {
        "cleo": ("view", True, [], False),
        "dora": ("edit", False, ["physics"], False),
        "erik": ("edit", True, [], True),
        "finn": ("view", False, [], True),
        "gone": ("", False, [], False),
    }
    assert rows["cleo"]["key"].startswith(f"share.{direct.id}.")


def test_many_visitors_need_few_queries(db: Session) -> None:
    server = spawner(db, "ann")
    for number in range(50):
        share(db, server, f"guest-{number:04}")
        visit(db, server, f"guest-{number:04}")
    db.expire_all()
    with counting(db) as statements:
        assert len(told(db, what="visitor")) == 50
    assert len(statements) <= 15, statements


@pytest.mark.parametrize("lacking", [None, *NEEDED])
@pytest.mark.parametrize("of", ["!group=physics", "!user=ann", ""])
def test_administrators_have_all_scopes_for_everyone(db: Session, lacking: str | None, of: str) -> None:
    """With one of the scopes for a group or a user only, someone is no administrator."""
    name = "almost"
    scopes = [scope for scope in NEEDED if scope != lacking]
    if lacking and lacking != "admin-ui" and of:
        scopes.append(f"{lacking}{of}")
    roles.create_role(db, {"name": name, "scopes": scopes})
    roles.grant_role(db, user(db, "cleo"), name)
    assert is_administrator(user(db, "cleo")) is (lacking is None)


def test_role_admin_is_enough(db: Session) -> None:
    assert not is_administrator(user(db, "ann"))
    roles.grant_role(db, user(db, "ann"), "admin")
    assert is_administrator(user(db, "ann"))
    roles.strip_role(db, user(db, "ann"), "admin")
    assert not is_administrator(user(db, "ann"))
