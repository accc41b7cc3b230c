# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a change of the hub's database concerns, whichever code makes it (requirement V9)."""

import asyncio
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm, roles
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.user import User
from sqlalchemy.orm import Session

from jupyterhub_collab.hub import changes
from jupyterhub_collab.hub.changes import EVERYONE, Change, on_change
from jupyterhub_collab.hub.push import BURST, Listener, Push, trusted_seconds
from jupyterhub_collab.names import LONGEST_TRUST

CLIENT = "jupyterhub-user-alice"


@pytest.fixture
def db() -> Iterator[Session]:
    """Yield a hub's database with alice and her server, and bob in group team. Both have a token."""
    db = orm.new_session_factory("sqlite:///:memory:")()
    roles.create_role(db, {"name": "user", "scopes": ["self"]})
    alice, bob = orm.User(name="alice"), orm.User(name="bob")
    client = orm.OAuthClient(identifier="jupyterhub")
    hers = orm.OAuthClient(identifier=CLIENT)
    spawner = orm.Spawner(name="", user=alice, oauth_client=hers)
    db.add_all([alice, bob, client, hers, spawner, orm.Group(name="team", users=[bob])])
    db.commit()
    for user in (alice, bob):
        user.new_api_token(scopes=[])
    yield db
    db.close()
    changes._listeners.clear()


@pytest.fixture
def seen(db: Session) -> set[Change]:
    found: set[Change] = set()

    def note(told: Collection[Change]) -> None:
        found.update(told)

    on_change(note)
    return found


def user(db: Session, name: str) -> Any:
    return orm.User.find(db, name)


def spawner_of(db: Session) -> Any:
    return db.query(orm.Spawner).one()


def team(db: Session) -> Any:
    return orm.Group.find(db, "team")


BOB, TEAM = Change("bob"), Change(group="team")
BOB_THERE, TEAM_THERE = Change("bob", client=CLIENT), Change(group="team", client=CLIENT)


def share(db: Session, whom: Any) -> None:
    orm.Share.grant(db, spawner_of(db), whom)


def test_shares_concern_their_server_only(db: Session, seen: set[Change]) -> None:
    share(db, user(db, "bob"))
    assert seen == {BOB_THERE}
    seen.clear()
    orm.Share.revoke(db, spawner_of(db), user(db, "bob"))
    assert seen == {BOB_THERE}
    seen.clear()
    share(db, team(db))
    assert seen == {TEAM_THERE}
    share(db, user(db, "bob"))
    seen.clear()
    db.query(orm.Share).filter_by(spawner_id=spawner_of(db).id).delete()
    assert seen == set(), "told before it is committed"
    db.commit()
    assert seen == {BOB_THERE, TEAM_THERE}


def test_tokens_concern_their_user_when_they_end(db: Session, seen: set[Change]) -> None:
    user(db, "bob").new_api_token(scopes=[])
    assert seen == set(), "nobody has shown a new token to a server"
    token = user(db, "bob").api_tokens[0]
    token.last_activity = orm.APIToken.now()
    db.commit()
    assert seen == set()
    db.delete(token)
    db.commit()
    assert seen == {BOB}
    seen.clear()
    bob = user(db, "bob")
    bob.api_tokens.remove(bob.api_tokens[0])
    db.commit()
    assert seen == {BOB}


def test_groups_and_roles_concern_their_members(db: Session, seen: set[Change]) -> None:
    team(db).users.remove(user(db, "bob"))
    db.commit()
    assert BOB in seen
    assert EVERYONE not in seen
    seen.clear()
    user(db, "bob").groups = [team(db)]  # as the authenticator does at a login
    db.commit()
    assert BOB in seen
    seen.clear()
    user(db, "bob").groups = [team(db)]
    db.commit()
    assert seen == set(), "a login that changes nothing"
    roles.create_role(db, {"name": "there", "scopes": ["access:servers!server=alice/"]})
    role = orm.Role.find(db, "there")
    assert EVERYONE not in seen
    for member, change in ((user(db, "bob"), BOB), (team(db), TEAM)):
        for act in (roles.grant_role, roles.strip_role):
            seen.clear()
            act(db, entity=member, rolename="there")
            assert change in seen
            assert EVERYONE not in seen
    seen.clear()
    role.scopes = ["access:servers!server=alice/lab"]
    db.commit()
    assert EVERYONE in seen
    seen.clear()
    db.delete(team(db))
    db.commit()
    assert TEAM in seen


def test_users_who_change_or_go(db: Session, seen: set[Change]) -> None:
    user(db, "bob").last_activity = orm.APIToken.now()
    db.commit()
    assert seen == set()
    user(db, "bob").admin = True
    db.commit()
    assert seen == {BOB}
    seen.clear()
    user(db, "bob").name = "robert"
    db.commit()
    assert {BOB, Change("robert")} <= seen
    seen.clear()
    db.delete(user(db, "robert"))
    db.commit()
    assert Change("robert") in seen


def test_name_of_before_that_is_not_known_concerns_everyone(db: Session, seen: set[Change]) -> None:
    bob = user(db, "bob")
    db.expire(bob)
    bob.name = "robert"
    db.commit()
    assert BOB in seen or EVERYONE in seen


def test_discarded_change_is_a_change(db: Session, seen: set[Change]) -> None:
    """A request may have been answered in the meantime, with rights that were never saved."""
    user(db, "bob").admin = True
    db.flush()
    assert seen == set()
    db.rollback()
    assert seen == {BOB}


def test_what_cannot_be_understood_concerns_everyone(
    db: Session, seen: set[Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not prevent the change."""

    def fail(row: Any, what: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(changes, "_of_row", fail)
    db.delete(user(db, "bob"))
    db.commit()
    assert seen == {EVERYONE}
    assert user(db, "bob") is None


# What servers are told


class Stream:
    """A connection of which only the lines count."""

    max_write_buffer_size = 0

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        self.lines.append(line)


def listener(push: Push, client: str = CLIENT) -> Any:
    found: Any = Listener(client, 1, Stream(), 2.0, is_framed=False)  # type: ignore[arg-type]
    push._listeners[client] = found
    return found


async def told(push: Push, *some: Change) -> None:
    push.note(some)
    push._tell()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_server_is_told_of_those_about_whom_it_has_asked(db: Session) -> None:
    push = Push()
    hers, other = listener(push), listener(push, "jupyterhub-user-carol")
    assert push.watch("jupyterhub-user-dave", hers.name, user(db, "bob"), 100) is None
    watch = push.watch(CLIENT, hers.name, user(db, "bob"), 100)
    assert push.watch(CLIENT, other.name, user(db, "bob"), 100) is None, "someone else asks"
    assert watch == {"stream": hers.name, "told": 0, "seconds": 100}
    await told(push, Change("alice"), Change(group="others"), Change("bob", client="jupyterhub-user-carol"))
    assert hers.stream.lines == []
    await told(push, TEAM)
    assert b'"bob"' in hers.stream.lines[0]
    assert other.stream.lines == []
    await told(push, BOB)
    assert len(hers.stream.lines) == 1, "it has not asked again"
    push.watch(CLIENT, hers.name, user(db, "bob"), 100)
    await told(push, EVERYONE)
    assert b"null" in hers.stream.lines[1]
    assert b"null" in other.stream.lines[0]
    assert push.watch(CLIENT, hers.name, user(db, "bob"), 0) is None


@pytest.mark.anyio
async def test_a_user_who_changes_all_the_time_is_told_of_ever_more_slowly(db: Session) -> None:
    """Meanwhile, the hub does not say that nothing has changed."""
    push = Push()
    hers = listener(push)
    for _ in range(3 * BURST):
        push.watch(CLIENT, hers.name, user(db, "bob"), 100)
        await told(push, BOB)
    assert len(hers.stream.lines) == BURST
    push._beating = asyncio.create_task(push._beat())
    hers.next_beat = 0
    await asyncio.sleep(0.5)
    assert len(hers.stream.lines) == BURST
    push._pending.clear()
    await asyncio.sleep(0.5)
    assert len(hers.stream.lines) == BURST + 1
    push._listeners.clear()
    await push._beating


class Refreshing(DummyAuthenticator):
    async def refresh_user(self, user: Any, handler: Any = None) -> bool:
        return True


def test_answer_holds_until_something_else_can_change_it() -> None:
    """A token that expires, and an authenticator that is due to refresh a user when a server asks."""

    def seconds(authenticator: Any, expires_in: int | None = None, refreshed: float | None = None) -> float:
        user = User.__new__(User)
        user._auth_refreshed = refreshed
        now = orm.APIToken.now()
        expires_at = now + timedelta(seconds=expires_in) if expires_in is not None else None
        handler = SimpleNamespace(current_user=user, authenticator=authenticator)
        return trusted_seconds(handler, orm.APIToken(expires_at=expires_at))

    plain, refreshing = DummyAuthenticator(), Refreshing(auth_refresh_age=60)
    assert 0.7 * LONGEST_TRUST < seconds(plain) <= LONGEST_TRUST
    assert 8 < seconds(plain, expires_in=10) <= 10
    assert seconds(plain, expires_in=-1) < 0
    assert 48 < seconds(refreshing, refreshed=time.monotonic() - 10) <= 50
    assert seconds(refreshing) < 0, "the next request refreshes the user"
    assert seconds(Refreshing(auth_refresh_age=0)) > 60
