# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub's own interpreter tells about the running servers."""

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import probe as hub_probe
from jupyterhub import orm
from traitlets.config import Config

STARTED = datetime(2026, 11, 21, 12, 0, 0, 500000)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a hub's database with two running servers of ann and a stopped one of ben."""
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


def test_database_may_be_told_as_a_path(url: str) -> None:
    """The hub takes a plain path for the file of an SQLite database."""
    c = Config()
    c.JupyterHub.db_url = url.removeprefix("sqlite:///")
    assert len(hub_probe.running(hub_probe.connect(c))) == 2


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite:////nowhere/hub.sqlite"])
def test_database_that_cannot_be_read(url: str) -> None:
    c = Config()
    c.JupyterHub.db_url = url
    with pytest.raises(sqlite3.OperationalError):
        hub_probe.running(hub_probe.connect(c))


def ask(config: Path, *arguments: str) -> dict[str, Any]:
    """Return what the program tells about a configuration, run as the module runs it."""
    question = json.dumps({"path": str(config), "arguments": arguments, "people": True})
    command = [sys.executable, hub_probe.__file__, question]
    done = subprocess.run(command, check=True, capture_output=True, cwd=config.parent)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_json_before_and_in_place_of_python(tmp_path: Path) -> None:
    """If both a JSON and a Python file exist, the hub reads both, whichever it is started with, and JSON takes precedence."""
    (tmp_path / "hub.json").write_text('{"Spawner": {"cmd": ["of-json"]}, "JupyterHub": {"allow": false}}')
    for name in ("hub.json", "hub.py"):
        told = ask(tmp_path / name)
        assert (told["error"], told["commands"]) == ("", [["of-json"]])
    (tmp_path / "hub.py").write_text("c.Spawner.cmd = ['of-python']\n")
    assert ask(tmp_path / "hub.py")["commands"] == [["of-json"]]


def test_what_the_configuration_prints_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "hub.py").write_text(
        "import os, sys\nprint('hello', end='')\nos.system('echo from a program')\nsys.stdout = None\n"
    )
    assert ask(tmp_path / "hub.py")["error"] == ""


def test_configuration_is_loaded_inside_a_loop(tmp_path: Path) -> None:
    """A configuration may start tasks of its own, because the hub loads it while its event loop runs."""
    (tmp_path / "hub.py").write_text(
        "import asyncio\nasyncio.create_task(asyncio.sleep(3600))\nc.Spawner.cmd = ['own-command']\n"
    )
    told = ask(tmp_path / "hub.py")
    assert (told["error"], told["commands"]) == ("", [["own-command"]])


def test_configuration_that_ends_the_process_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hub.py").write_text("raise SystemExit('TEAM is not set')\n")
    assert ask(tmp_path / "hub.py")["error"] == "SystemExit: TEAM is not set"
    (tmp_path / "hub.py").write_text("assert 1 == 2\n")
    assert ask(tmp_path / "hub.py")["error"] == "AssertionError"


def test_commands_of_profiles_are_told(tmp_path: Path) -> None:
    (tmp_path / "hub.py").write_text(
        "lab = ('Lab', 'lab', 'x.Spawner', dict(cmd=['/opt/lab/bin/jupyterhub-singleuser']))\n"
        "c.ProfilesSpawner.profiles = [lab, ('Plain', 'plain', 'x.Spawner', dict(cmd='run-it')), ('None', 'none', 'x', {})]\n"
    )
    assert ask(tmp_path / "hub.py")["profiles"] == [["/opt/lab/bin/jupyterhub-singleuser"], ["run-it"]]


@pytest.mark.parametrize(
    "chosen",
    [
        "",
        "c.JupyterHub.spawner_class = 'simple'",
        "c.JupyterHub.spawner_class = 'jupyterhub.spawner.SimpleLocalProcessSpawner'",
        "from jupyterhub.spawner import SimpleLocalProcessSpawner as S\nc.JupyterHub.spawner_class = S",
        "from jupyterhub.spawner import SimpleLocalProcessSpawner as S\nc.JupyterHub.spawner_class = type('Ours', (S,), {})",
        "from jupyterhub.spawner import SimpleLocalProcessSpawner as S\nc.JupyterHub.spawner_class = type('Ours', (S,), {})\n"
        "c.Ours.cmd = ['own']",
    ],
)
def test_the_command_of_the_hubs_own_spawner_class_comes_last(tmp_path: Path, chosen: str) -> None:
    """The command of the hub's own spawner class is last.

    Those of other classes, as left behind when the spawner was changed, come before it.
    """
    (tmp_path / "hub.py").write_text(
        f"{chosen}\nc.SimpleLocalProcessSpawner.cmd = ['simple']\nc.LocalProcessSpawner.cmd = ['local']\n"
        "c.Spawner.cmd = ['any']\nc.DockerSpawner.cmd = ['docker']\n"
    )
    told = ask(tmp_path / "hub.py")
    assert told["error"] == ""
    assert told["commands"][-1] == ["own" if "own" in chosen else "simple" if chosen else "local"]
    assert len(told["commands"]) == 4 + ("own" in chosen)


def test_commands_as_one_line_and_profiles_as_lists(tmp_path: Path) -> None:
    """Commands can be one string, as for batch systems, and profiles can be lists, which `wrapspawner` accepts like tuples."""
    (tmp_path / "hub.py").write_text(
        "line = '/opt/lab/bin/jupyterhub-singleuser --debug'\n"
        "c.SlurmSpawner.cmd = line\n"
        "c.Spawner.cmd = ('/opt/one/bin/python', '-m', 'jupyterhub.singleuser')\n"
        "c.ProfilesSpawner.profiles = ([\"Big: 'night\", 'big', 'x.Spawner', {'cmd': line}],)\n"
    )
    told = ask(tmp_path / "hub.py")
    line = ["/opt/lab/bin/jupyterhub-singleuser", "--debug"]
    assert told["commands"] == [line, ["/opt/one/bin/python", "-m", "jupyterhub.singleuser"]]
    assert told["profiles"] == [line]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("c.Spawner.environment = {'PATH': '/opt/lab/bin:/usr/bin'}", "/opt/lab/bin:/usr/bin"),
        ("c.Spawner.environment.update({'PATH': '/opt/lab/bin'})", "/opt/lab/bin"),
        ("c.Spawner.environment = {'PATH': lambda spawner: '/opt/lab/bin'}", ""),
        ("c.DockerSpawner.environment = {'PATH': '/opt/image/bin'}", ""),
        (
            "c.Spawner.environment = {'PATH': '/opt/lab/bin'}\nc.LocalProcessSpawner.environment.update({'ROOM': '2'})",
            "/opt/lab/bin",
        ),
        (
            "c.Spawner.environment = {'PATH': '/opt/lab/bin'}\nc.LocalProcessSpawner.environment = {'ROOM': '2'}",
            "",
        ),
    ],
)
def test_path_of_servers_is_told(tmp_path: Path, text: str, path: str) -> None:
    (tmp_path / "hub.py").write_text(text)
    assert ask(tmp_path / "hub.py")["search_path"] == path


def test_settings_that_are_added_to_count(tmp_path: Path) -> None:
    """A configuration can add to a setting's default, and can read a setting that it leaves unset."""
    (tmp_path / "hub.py").write_text(
        "c.SystemdSpawner.extra_paths.append('/opt/lab/bin')\nc.Spawner.cmd.append('--debug')\n"
        "c.ProfilesSpawner.profiles.extend([('Lab', 'lab', 'x.Spawner', {'cmd': 'run-it'})])\n"
        "c.JupyterHub.spawner_class, c.JupyterHub.db_url\n"
    )
    told = ask(tmp_path / "hub.py")
    assert told["error"] == ""
    assert told["paths"] == ["/opt/lab/bin"]
    assert told["commands"] == [["jupyterhub-singleuser", "--debug"]]
    assert told["profiles"] == [["run-it"]]


def test_settings_of_the_command_count(url: str, tmp_path: Path) -> None:
    (tmp_path / "hub.py").write_text("c.Spawner.cmd = 'of-file'\nc.JupyterHub.db_url = 'sqlite:///no'\n")
    command = "['of', 'command']"
    for words in ([f"--db={url}", f"--Spawner.cmd={command}"], ["--db", url, "--Spawner.cmd", command]):
        told = ask(tmp_path / "hub.py", "--debug", *words)
        assert told["commands"] == [["of", "command"]]
        assert told["people"]["users"] == ["ann", "ben"]


def test_configuration_may_look_at_the_hubs_arguments(tmp_path: Path) -> None:
    config = tmp_path / "hub.py"
    config.write_text("import os, sys\nc.Spawner.cmd = [os.path.basename(sys.argv[0]), *sys.argv[1:]]\n")
    assert ask(config, "--debug")["commands"] == [["jupyterhub", "--debug", f"--config={config}"]]


def test_look_writes_nothing(tmp_path: Path) -> None:
    """Not even the bytecode of a module that the configuration imports."""
    (tmp_path / "site_people.py").write_text("COMMAND = ['own-command']\n")
    config = tmp_path / "hub.py"
    config.write_text(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport site_people\nc.Spawner.cmd = site_people.COMMAND\n"
    )
    before = sorted(tmp_path.rglob("*"))
    assert ask(config)["commands"] == [["own-command"]]
    assert sorted(tmp_path.rglob("*")) == before


def test_fragments_of_ours_are_passed_over(tmp_path: Path) -> None:
    """Our fragments are skipped: they would import the hub's whole code and set nothing that is asked for.

    The administrator's code counts.
    """
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(
        "from jupyterhub_collab.hub import apply\n"
        "from jupyterhub_collab.hub.collaboration import collaborate\n"
        "from jupyterhub_collab.hub.of_another_release import anything\n"
        "for each in (apply, collaborate, anything):\n"
        "    each(c, everyone=[])\n"
        "import sys\n"
        "c.Spawner.cmd = ['the-hub-is-there' if 'jupyterhub.app' in sys.modules else 'own-command']\n"
    )
    told = ask(config)
    assert (told["error"], told["commands"]) == ("", [["own-command"]])


def test_modules_of_the_hub_are_there_as_in_the_hub(tmp_path: Path) -> None:
    """The hub imports its own modules before it loads its configuration."""
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(
        "import jupyterhub\n"
        "class Spawner(jupyterhub.spawner.LocalProcessSpawner):\n    pass\n"
        "c.JupyterHub.spawner_class = Spawner\n"
        "c.Spawner.cmd = ['new' if hasattr(jupyterhub, 'no_such_module') else 'run-it']\n"
    )
    told = ask(config)
    assert (told["error"], told["commands"]) == ("", [["run-it"]])


def test_default_is_the_hubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(sqlite3.OperationalError):
        hub_probe.running(hub_probe.connect(Config()))
    orm.new_session_factory("sqlite:///jupyterhub.sqlite")().close()
    assert hub_probe.running(hub_probe.connect(Config())) == []
