# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits, ends and log of shares, in real JupyterHub databases that the hub's own code changes."""

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from sqlalchemy import event
from sqlalchemy.orm import Session
from tornado import web
from traitlets.config import Config

from jupyterhub_collab.hub import share_log
from jupyterhub_collab.hub.share_log import log_shares
from jupyterhub_collab.hub.shares import end_shares_with_server, limit_shares

HOUR = 3600
ACCESS = "access:servers!server=ann/"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the log of a hub with a limit of one hour, and remove our listeners afterwards."""
    heard: list[tuple[Any, ...]] = []

    def listen(*what: Any, **how: Any) -> None:
        heard.append(what)
        listen_for_good(*what, **how)

    listen_for_good = event.listen
    path = tmp_path / "shares.jsonl"
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(event, "listen", listen)
        limit_shares(HOUR)
        log_shares(str(path))
    yield path
    for what in heard:
        event.remove(*what)


@pytest.fixture
def db(log: Path) -> Iterator[Session]:
    """Yield a database with the users ann and ben. Ann has a server."""
    session: Session = orm.new_session_factory("sqlite:///:memory:")()
    session.add_all([orm.User(name="ann"), orm.User(name="ben"), orm.Group(name="physics")])
    session.commit()
    session.add(orm.Spawner(name="", user=orm.User.find(session, "ann")))
    session.commit()
    yield session
    session.close()


def server(db: Session) -> orm.Spawner:
    spawner: orm.Spawner = db.query(orm.Spawner).one()
    return spawner


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize(("wish", "seconds"), [(60, 60), (HOUR, HOUR), (HOUR + 60, HOUR), (None, HOUR)])
def test_links_end_after_the_limit_at_the_latest(db: Session, wish: int | None, seconds: int) -> None:
    """Requirements 25 and B8: links expire no later than the limit."""
    code, _ = orm.ShareCode.new(db, server(db), scopes=[ACCESS], expires_in=wish)
    db.refresh(code)
    assert abs(code.expires_at - code.now() - timedelta(seconds=seconds)) < timedelta(seconds=30)


def test_nothing_but_access_is_shared(db: Session) -> None:
    """Shares and links give access only, even if a share already exists."""
    more = ["servers!server=ann/", "admin:servers!server=ann/", ACCESS]
    code, _ = orm.ShareCode.new(db, server(db), scopes=more)
    share = orm.Share.grant(db, server(db), orm.User.find(db, "ben"), scopes=more)
    assert (code.scopes, share.scopes) == ([ACCESS], [ACCESS])
    orm.Share.grant(db, server(db), orm.User.find(db, "ben"), scopes=["servers!server=ann/"])
    db.refresh(share)
    assert share.scopes == [ACCESS]


def test_share_without_access_is_refused(db: Session) -> None:
    with pytest.raises(web.HTTPError) as caught:
        orm.ShareCode.new(db, server(db), scopes=["servers!server=ann/"])
    assert caught.value.status_code == 403
    assert db.query(orm.ShareCode).count() == 0


def test_log_tells_who_gave_whom_what(db: Session, log: Path) -> None:
    """Requirement B8: the log tells who gave what to whom, and never contains the code of a link."""
    link, secret = orm.ShareCode.new(db, server(db), scopes=[ACCESS])
    link.exchange(orm.User.find(db, "ben"))
    orm.Share.grant(db, server(db), orm.Group.find(db, "physics"))
    orm.Share.revoke(db, server(db), orm.User.find(db, "ben"))
    db.delete(link)
    db.commit()
    told = lines(log)
    assert [line["event"] for line in told] == [
        *("link made", "access given", "link used", "access given", "access ended", "link ended")
    ]
    assert all((line["owner"], line["server"], line["by"]) == ("ann", "", None) for line in told)
    assert told[0]["link"] == told[2]["link"] == told[5]["link"] == "sc_1"
    assert told[0]["expires_at"] > told[0]["time"]
    assert [line.get("user") or line.get("group") for line in told[1:5]] == ["ben", None, "physics", "ben"]
    assert told[4]["because"] == told[5]["because"] == "revoked"
    assert secret not in log.read_text()
    assert secret[:4] not in {word for line in told for word in map(str, line.values())}
    assert log.stat().st_mode & 0o007 == 0


def test_log_tells_of_what_ends_at_once(db: Session, log: Path) -> None:
    """The log has a line for each share and link, although the hub deletes all of a server's with one statement, unseen by row events."""
    for name in ("ben", "ann"):
        orm.Share.grant(db, server(db), orm.User.find(db, name))
        orm.ShareCode.new(db, server(db), scopes=[ACCESS])
    for kind in (orm.Share, orm.ShareCode):
        db.query(kind).filter_by(spawner_id=server(db).id).delete()
        db.commit()
    ended = [line for line in lines(log) if "because" in line]
    assert [line["event"] for line in ended] == ["access ended", "access ended", "link ended", "link ended"]
    assert [line.get("user") or line["link"] for line in ended] == ["ben", "ann", "sc_1", "sc_2"]


@pytest.mark.parametrize(
    ("kind", "ended"),
    [
        ("owner", ["access ended", "access ended", "link ended"]),
        ("server", ["access ended", "access ended", "link ended"]),
        ("guest", ["access ended"]),
        ("group", ["access ended"]),
    ],
)
def test_what_is_deleted_takes_its_shares_along(db: Session, log: Path, kind: str, ended: list[str]) -> None:
    """Deleting a user, server or group ends its shares, so that none is left for a later one of that name. The log gives the reason."""
    orm.Share.grant(db, server(db), orm.User.find(db, "ben"))
    orm.Share.grant(db, server(db), orm.Group.find(db, "physics"))
    orm.ShareCode.new(db, server(db), scopes=[ACCESS])
    gone = {
        "owner": orm.User.find(db, "ann"),
        "server": server(db),
        "guest": orm.User.find(db, "ben"),
        "group": orm.Group.find(db, "physics"),
    }
    db.delete(gone[kind])
    db.commit()
    told = [line for line in lines(log) if "because" in line]
    assert [line["event"] for line in told] == ended
    assert {line["because"] for line in told} == {"deleted"}
    assert db.query(orm.Share).count() == 2 - ended.count("access ended")
    assert db.query(orm.ShareCode).count() == 1 - ended.count("link ended")


def test_link_that_is_found_expired_says_so(db: Session, log: Path) -> None:
    link, _ = orm.ShareCode.new(db, server(db), scopes=[ACCESS])
    link.expires_at = link.now() - timedelta(seconds=1)
    db.commit()
    with pytest.raises(ValueError, match="expired"):
        link.exchange(orm.User.find(db, "ben"))
    assert (lines(log)[-1]["event"], lines(log)[-1]["because"]) == ("link ended", "expired")


def test_log_that_cannot_be_written_stops_nothing(
    db: Session, log: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the log cannot be written, shares still end, and the hub's own log gets the line. A share that cannot be ended would be worse."""
    log.mkdir()
    monkeypatch.setattr(share_log, "get_logger", lambda: logging.getLogger("hub"))
    share = orm.Share.grant(db, server(db), orm.User.find(db, "ben"))
    db.delete(share)
    db.commit()
    assert db.query(orm.Share).count() == 0
    said = [
        record.getMessage()
        for record in caplog.records
        if "Failed to write a sharing event" in record.getMessage()
    ]
    assert any('"access ended"' in line and str(log) in line for line in said)


@pytest.mark.parametrize("hook", ["pre_spawn_hook", "post_stop_hook"])
def test_everything_ends_with_the_server(db: Session, log: Path, hook: str) -> None:
    """Requirements 38 and B8: shares and links end with their server. Those of other servers stay, and the administrator's hook runs."""
    ben = orm.Spawner(name="", user=orm.User.find(db, "ben"))
    db.add(ben)
    db.commit()
    for spawner in (server_of(db, "ann"), ben):
        orm.Share.grant(db, spawner, orm.Group.find(db, "physics"))
        orm.ShareCode.new(db, spawner, scopes=["access:servers"])
    ran: list[Any] = []
    c = Config()
    c.Spawner[hook] = ran.append
    end_shares_with_server(c)
    spawner = SimpleNamespace(orm_spawner=server_of(db, "ann"))
    asyncio.run(c.Spawner[hook](spawner))
    assert ran == [spawner]
    assert {each.owner.name for kind in (orm.Share, orm.ShareCode) for each in db.query(kind)} == {"ben"}
    ended = [line for line in lines(log) if "because" in line]
    assert {line["event"] for line in ended} == {"access ended", "link ended"}
    assert {line["because"] for line in ended} == {"server stopped"}


def server_of(db: Session, name: str) -> orm.Spawner:
    spawner: orm.Spawner = db.query(orm.Spawner).filter_by(user_id=orm.User.find(db, name).id).one()
    return spawner
