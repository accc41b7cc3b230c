# SPDX-License-Identifier: GPL-3.0-or-later
"""A real hub loads a candidate configuration in memory, from where the hub itself would read it."""

import os
import shlex
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import config_block, transaction
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.transaction import FileChange
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import loaded
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import package as hub_package
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.compare import DRY_RUN
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.dry_run import DryRun
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.errors import Refused
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files

from tiers import some_long

FRAGMENT = """\
import sys
sys.path.insert(0, {package!r})
from jupyterhub_collab.hub import apply
apply(c, everyone=["access:servers"], accounts=["shared"])
"""
LIMITED = (
    FRAGMENT
    + """\
from jupyterhub_collab.hub.collaboration import collaborate
collaborate(
    c,
    everyone=False,
    accounts=["shared"],
    owners=False,
    state_directory="",
    refuse_unprepared=True,
    history_megabytes=1,
    documents_per_person=100,
    websockets_per_person=500,
    mem_limit="1G",
    cpu_limit=0,
    idle_seconds=0,
    email_domain="example.org",
)
"""
)
# The default authenticator would create accounts on the host.
QUIET = "c.JupyterHub.authenticator_class = 'null'\n"
Try = Callable[..., dict[str, Any]]


@pytest.fixture
def try_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Try:
    """Return a function that dry-runs files with the block and a fragment, for a hub that is started with one of them.

    It checks that no file is left.
    """
    monkeypatch.setattr(hub_package, "DIRECTORY", str(tmp_path / "lib"))

    def run(told: str, *arguments: str, text: str = FRAGMENT, **files: str) -> dict[str, Any]:
        directory = tmp_path / "etc"
        directory.mkdir()
        for name, content in files.items():
            (directory / name.replace("_json", ".json").replace("_py", ".py")).write_text(content)
        before = sorted(directory.rglob("*"))
        words = f"{sys.executable} -m jupyterhub --config={directory / told} {' '.join(arguments)}"
        unit = Unit(
            "hub", {"ExecStart": f"{{ path=/x ; argv[]={words} ; }}", "WorkingDirectory": str(tmp_path)}
        )
        package = hub_package.HubPackage(package_files())
        package.install()
        main = config_block.python_file(str(directory / told))
        fragment = config_block.fragment_path(main, "50-test")
        (directory / "jupyterhub_collab.d").mkdir()
        there = transaction.read(main) or b""
        changes = [
            FileChange(fragment, text.format(package=package.path).encode()),
            FileChange(
                main,
                config_block.with_block(there, config_block.fragments_directory(main)),
                keeps_attributes=True,
            ),
        ]
        try:
            for change in changes:
                transaction.stage(change)
            return DryRun(package, unit, main, config_block.fragments_directory(main)).of(changes)
        finally:
            transaction.unstage(changes)
            assert not [*directory.rglob(f"{DRY_RUN}*")]
            assert sorted(directory.rglob("*")) == sorted([*before, directory / "jupyterhub_collab.d"])

    return run


ONCE = """
import sys
assert not hasattr(sys, "ran")
sys.ran = True
# {number}
"""


@pytest.mark.parametrize("again", [False, True])
def test_hub_that_loads_hidden_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """A hub may load whatever ends in .py in a directory. It must not find our temporary files there, and run the fragments twice."""
    monkeypatch.setattr(hub_package, "DIRECTORY", str(tmp_path / "lib"))
    parts = tmp_path / "jupyterhub_config.d"
    config, main = tmp_path / "hub.py", parts / "zz.py"
    fragments = Path(config_block.fragments_directory(str(main)))
    fragments.mkdir(parents=True)
    config.write_text(
        f"{QUIET}import os\nfor name in sorted(os.listdir({str(parts)!r})):\n"
        f"    if name.endswith('.py'):\n        load_subconfig({str(parts)!r} + '/' + name)\n"
    )
    block = config_block.with_block(b"", str(fragments))
    changes = [
        FileChange(config_block.fragment_path(str(main), "50-test"), ONCE.format(number=2).encode()),
        FileChange(str(main), block, keeps_attributes=True),
    ]
    if again:
        main.write_bytes(block)
        (fragments / "50-test.py").write_text(ONCE.format(number=1))
    unit = Unit("hub", {"ExecStart": f"argv[]={sys.executable} -m jupyterhub --config={config} ;"})
    package = hub_package.HubPackage(package_files())
    package.install()
    for change in changes:
        transaction.stage(change)
    assert DryRun(package, unit, str(main), str(fragments)).of(changes)["base_url"] == "/"


def test_hub_that_is_told_json(try_with: Try) -> None:
    """If the hub is started with a JSON file, the block goes into the Python file of that name, which the hub reads before it."""
    hub = try_with(
        "hub.json", hub_json='{"JupyterHub": {"authenticator_class": "null", "base_url": "/of-json/"}}'
    )
    assert hub["base_url"] == "/of-json/"
    assert hub["roles"]["collab-accounts"]["users"] == ["shared"]


def test_json_beside_counts_after_ours_and_is_refused_where_it_replaces_it(try_with: Try) -> None:
    with pytest.raises(
        Refused, match=r"that replace JupyterHub\.load_roles \(it reads [^ ]*/etc/hub\.json last\)"
    ):
        try_with(
            "hub.py",
            hub_py=QUIET,
            hub_json='{"JupyterHub": {"load_roles": [{"name": "user", "scopes": ["self"]}]}}',
        )


def test_option_of_the_command_that_replaces_ours_is_named(try_with: Try) -> None:
    """Options of the hub's command come after all files, so no file could add ours."""
    option = "--JupyterHub.load_roles={'name':'readers','scopes':['read:hub']}"
    said = r"the command that starts the hub sets JupyterHub\.load_roles, .* Remove this option"
    with pytest.raises(Refused, match=said):
        try_with("hub.py", shlex.quote(option), hub_py=QUIET)


def test_configuration_may_look_at_the_hubs_arguments(try_with: Try) -> None:
    text = (
        "import os, sys\nassert os.path.basename(sys.argv[0]) == 'jupyterhub'\nassert '--debug' in sys.argv\n"
    )
    assert try_with("hub.py", "--debug", hub_py=QUIET + text)["base_url"] == "/"


def test_log_of_the_running_hub_is_left_alone(try_with: Try, tmp_path: Path) -> None:
    try_with("hub.py", f"--log-file={tmp_path}/hub.log", hub_py=QUIET)
    assert not (tmp_path / "hub.log").exists()


def test_what_a_configuration_prints_is_no_answer(try_with: Try) -> None:
    text = "import os\nprint('no newline', end='')\nos.system('printf of-a-program')\n"
    assert try_with("hub.py", hub_py=QUIET + text)["base_url"] == "/"


STAYS = {
    "a program": "import subprocess\nstays = subprocess.Popen(['sleep', '600']).pid\n",
    "a fork": "import os, time\nstays = os.fork()\nif not stays:\n    time.sleep(600)\n    os._exit(0)\n",
}


@pytest.mark.parametrize("starts", some_long(STAYS, short=["a program"]))
def test_program_that_a_configuration_starts_is_not_waited_for(
    try_with: Try, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: str
) -> None:
    """It inherits the output, where it says why it ends, and the hub would be refused after two minutes."""
    monkeypatch.setattr(loaded, "SECONDS", 40)
    note = f"open({str(tmp_path / 'stays')!r}, 'w').write(str(stays))\n"
    try:
        assert try_with("hub.py", hub_py=QUIET + starts + note)["base_url"] == "/"
    finally:
        os.kill(int((tmp_path / "stays").read_text()), signal.SIGKILL)


def test_limits_that_the_spawner_would_not_heed_are_refused(try_with: Try) -> None:
    with pytest.raises(
        Refused, match="LocalProcessSpawner does not enforce limits, so jupyterhub_rtc_mem_limit"
    ):
        try_with("hub.py", text=LIMITED, hub_py=QUIET)


@pytest.mark.parametrize(
    ("method", "why"),
    [
        (
            "def pre_spawn_hook(self, spawner):",
            r"Launcher has a method pre_spawn_hook, so .* in c\.Launcher\.pre_spawn_hook",
        ),
        (
            "async def run_pre_spawn_hook(self):",
            "Launcher has a method run_pre_spawn_hook that does not run pre_spawn_hook",
        ),
        (
            "async def run_pre_spawn_hook(self):\n        hook = super().run_pre_spawn_hook()\n        hook and await hook",
            "",
        ),
    ],
    ids=["instead of the hook", "instead of what runs it", "that adds to what runs it"],
)
def test_spawner_that_would_ignore_our_hook_is_refused(try_with: Try, method: str, why: str) -> None:
    """A method of the spawner's class can keep the hub from our hook, about which the hub says nothing."""
    text = f"""
from jupyterhub.spawner import SimpleLocalProcessSpawner

class Launcher(SimpleLocalProcessSpawner):
    {method}
        self.environment["TEAM"] = "physics"

c.JupyterHub.spawner_class = Launcher
"""
    with pytest.raises(Refused, match=why) if why else nullcontext():
        try_with("hub.py", text=LIMITED.replace('"1G"', '""'), hub_py=QUIET + text)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("self.blocked_users = {'shared'}", r"Campus\.blocked_users names shared, so the hub would stop"),
        pytest.param("self.manage_roles = True", r"Campus\.manage_roles is on", marks=pytest.mark.long),
    ],
)
def test_authenticator_that_stands_in_the_way_by_itself_is_named(try_with: Try, code: str, why: str) -> None:
    """An authenticator's own code may set what the configuration does not show."""
    text = f"""
from jupyterhub.auth import DummyAuthenticator

class Campus(DummyAuthenticator):
    def __init__(self, **options):
        super().__init__(**options)
        {code}

c.JupyterHub.authenticator_class = Campus
"""
    with pytest.raises(Refused, match=why):
        try_with("hub.py", hub_py=text)


@pytest.mark.parametrize(
    ("later", "name"),
    [
        ("c.JupyterHub.load_roles = [{'name': 'user', 'scopes': ['self']}]", "JupyterHub.load_roles"),
        pytest.param(
            *("c.Authenticator.blocked_users = {'shared'}", "Authenticator.blocked_users names shared"),
            marks=pytest.mark.long,
        ),
        ("del c.Authenticator.post_auth_hook", r"that replace Authenticator\.post_auth_hook"),
        pytest.param(
            *("del c['Authenticator']", r"that replace Authenticator\.post_auth_hook"), marks=pytest.mark.long
        ),
    ],
)
def test_later_file_that_takes_ours_away_is_refused_by_name(try_with: Try, later: str, name: str) -> None:
    """A fragment whose name comes after ours, and that replaces our settings, is refused with the name of the setting."""
    text = FRAGMENT + later.replace("{", "{{").replace("}", "}}") + "\n"
    with pytest.raises(Refused, match=name):
        try_with("hub.py", text=text, hub_py=QUIET)
