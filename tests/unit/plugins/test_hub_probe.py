# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub's own interpreter tells of the servers that run."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils import hub_probe
from jupyterhub import orm
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

STARTED = datetime(2026, 11, 21, 12, 0, 0, 500000)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of a hub's database, by which ann has two servers and ben's does not run."""
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    db = orm.new_session_factory(url)()
    for user, server, runs in (("ann", "", True), ("ann", "big", True), ("ben", "", False)):
        owner = orm.User.find(db, user) or orm.User(name=user)
        spawner = orm.Spawner(name=server, user=owner, started=STARTED if runs else None)
        spawner.server = orm.Server() if runs else None
        db.add(spawner)
        db.commit()
    db.close()
    return url


def test_servers_that_run_and_since_when(url: str) -> None:
    c = Config()
    c.JupyterHub.db_url = url
    since = STARTED.replace(tzinfo=UTC).timestamp()
    assert hub_probe.running(c) == [
        {"owner": "ann", "name": "ann", "started": since},
        {"owner": "ann", "name": "ann/big", "started": since},
    ]


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite:////nowhere/hub.sqlite"])
def test_database_that_cannot_be_read(url: str) -> None:
    c = Config()
    c.JupyterHub.db_url = url
    with pytest.raises(OperationalError):
        hub_probe.running(c)


def test_default_is_the_hubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OperationalError):
        hub_probe.running(Config())
    orm.new_session_factory("sqlite:///jupyterhub.sqlite")().close()
    assert hub_probe.running(Config()) == []
