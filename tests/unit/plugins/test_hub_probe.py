# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub's own interpreter tells of the servers that run."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils import hub_probe
from jupyterhub import orm
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from scenario import ROOT

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
    assert hub_probe.running(hub_probe.connect(c)) == [
        {"owner": "ann", "name": "ann", "started": since},
        {"owner": "ann", "name": "ann/big", "started": since},
    ]


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite:////nowhere/hub.sqlite"])
def test_database_that_cannot_be_read(url: str) -> None:
    c = Config()
    c.JupyterHub.db_url = url
    with pytest.raises(OperationalError):
        hub_probe.running(hub_probe.connect(c))


def test_fragments_of_ours_are_passed_over(tmp_path: Path) -> None:
    """They would take the hub's whole code, and set nothing of what is asked; the administrator's own counts."""
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(
        "from jupyterhub_collab.hub import apply\n"
        "from jupyterhub_collab.hub.collaboration import collaborate\n"
        "from jupyterhub_collab.hub.sharing import share_servers\n"
        "for each in (apply, collaborate, share_servers):\n"
        "    each(c, everyone=[])\n"
        "import sys\n"
        "c.Spawner.cmd = ['the-hub-is-there' if 'jupyterhub' in sys.modules else 'own-command']\n"
    )
    command = [sys.executable, hub_probe.__file__, str(config)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=tmp_path).stdout)
    assert (told["error"], told["commands"]) == ("", [["own-command"]])


def test_every_module_that_a_fragment_imports_is_passed_over() -> None:
    fragments = (ROOT / "roles").glob("*/templates/*.py.j2")
    imported = re.findall(
        r"^from (jupyterhub_collab\S*) import", "".join(map(Path.read_text, fragments)), re.M
    )
    assert {*imported} == {*hub_probe.OURS} - {"jupyterhub_collab"}


def test_default_is_the_hubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OperationalError):
        hub_probe.running(hub_probe.connect(Config()))
    orm.new_session_factory("sqlite:///jupyterhub.sqlite")().close()
    assert hub_probe.running(hub_probe.connect(Config())) == []
