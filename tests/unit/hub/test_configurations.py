# SPDX-License-Identifier: GPL-3.0-or-later
"""Merge the fragments into configurations as administrators write them, each with a real hub in memory.

All settings that are not ours are the same before and after, and ours apply in between. After removal, the file is byte for byte what it was.
Scenario `configurations` does the same with running hubs, through the playbook's own module.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import config_block, transaction
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.transaction import FileChange
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import loaded
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.dry_run import DryRun
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.errors import Refused
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import HubPackage
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.fragments import fragments as rendered
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects, rtc
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve
from jupyterhub import __version__ as hub_version
from jupyterhub import version_info

from configurations import BESIDE, MERGED, NEWER, REFUSED, SHARER, STARTS, assert_merged, content_of
from configurations.in_memory import adapted, record, run, warm_up
from scenario import ROOT
from tiers import some_long

KNOWN = [name for name in MERGED if version_info >= (6, 0) or not name.startswith(NEWER)]
# One of each way to write a configuration. The others are variants of them.
SHORT = [
    "allowed_users_set",
    "asynchronous_code",
    "byte_order_mark",
    "callables",
    "catches_everything",
    "classes_with_hooks",
    "collaboration_by_hand",
    "configured_by_functions",
    "course_with_graders",
    "files_in_a_directory",
    "groups_with_roles",
    "hooks_of_every_kind",
    "inherited_sections",
    "letter_c_taken",
    "names_mapped",
    "one_file_for_two_hubs",
    "patches_the_hub",
    "roles_extended",
    "services_in_a_loop",
    "split_by_import",
    "user_role_assigned",
    "windows_line_ends",
]


@pytest.fixture(scope="module")
def fragments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the fragments that the play renders if no variable is set."""
    host: dict[str, Any] = {
        "hub": {"version": hub_version},
        "lab": {"versions": {"jupyterlab": "4.6.6"}, "unfinished": False},
        "servers": {"account_names": "{USERNAME}"},
        "account": {"name": "shared", "exists": False},
        "config": {"accounts": []},
        "shared_accounts": [],
        "shared_users": [],
        "people": None,
    }
    # The only place on the host that the hooks write to when a server starts.
    state = str(tmp_path_factory.mktemp("state"))
    settings = resolve({"jupyterhub_rtc_state_directory": state})
    texts = rendered(settings, rtc.policy(settings.rtc, host), projects.policy(settings.projects, host, {}))
    package = str(ROOT / "python")
    return {name: text.replace("@PACKAGE@", package).encode() for name, text in texts.items() if text}


class Site:
    """The directory of a hub's configuration, with a hub that is started with that file."""

    def __init__(self, directory: Path, name: str, fragments: dict[str, bytes]) -> None:
        shutil.copytree(BESIDE, directory, dirs_exist_ok=True)
        for path in directory.rglob("*.*"):
            if path.is_file():
                path.write_bytes(adapted(path.read_bytes(), directory))
        self.main = directory / "jupyterhub_config.py"
        self.file = adapted(content_of(name), directory)
        self.main.write_bytes(self.file)
        self.before = self.files()
        place = config_block.fragments_directory(str(self.main))
        Path(place).mkdir()
        self.dry_run = DryRun(HubPackage({}, str(ROOT / "python")), unit(self.main), str(self.main), place)
        self.changes = [
            *(
                FileChange(config_block.fragment_path(str(self.main), name), text)
                for name, text in fragments.items()
            ),
            FileChange(str(self.main), config_block.with_block(self.file, place), keeps_attributes=True),
        ]

    def files(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.main.parent.rglob("*") if path.is_file()}

    def try_it(self) -> dict[str, Any]:
        """Have the hub load the candidate, as module hub_config does before it changes anything."""
        for change in self.changes:
            transaction.stage(change)
        try:
            return self.dry_run.of(self.changes)
        finally:
            transaction.unstage(self.changes)

    def apply(self) -> None:
        for change in self.changes:
            transaction.stage(change)
        transaction.swap(self.changes)


def unit(main: Path) -> Unit:
    """Return a unit that runs the hub from the tests' environment with this configuration."""
    command = f"{shutil.which('python3')} -m jupyterhub --config={main}"
    return Unit("jupyterhub", {"LoadState": "loaded", "ExecStart": f"argv[]={command} ;"})


@pytest.fixture(scope="module", autouse=True)
def in_memory() -> Iterator[None]:
    warm_up()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loaded, "run", run)
        yield


@pytest.fixture
def site(tmp_path: Path, fragments: dict[str, bytes]) -> Callable[[str], Site]:
    return lambda name: Site(tmp_path, name, fragments)


@pytest.mark.parametrize("name", some_long(KNOWN, short=SHORT))
def test_ours_is_in_force_and_theirs_is_as_it_was(name: str, site: Callable[[str], Site]) -> None:
    hub = site(name)
    before = record(hub.main)
    told = hub.try_it()
    assert hub.files() == hub.before | {
        path: log for path, log in hub.files().items() if path.name == "hooks.log"
    }
    hub.apply()
    after = record(hub.main, starts=name in STARTS)
    assert_merged(name, before, after)
    assert after.named == (SHARER,)
    assert told["warnings"] == []
    # Removing the block restores the file.
    assert config_block.without_block(hub.main.read_bytes()) == hub.file


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_merged_is_refused(name: str, site: Callable[[str], Site]) -> None:
    """An unmergeable configuration is refused in one sentence, and nothing changes."""
    hub = site(name)
    with pytest.raises(Refused, match=re.escape(REFUSED[name])):
        hub.try_it()
    assert hub.files() == hub.before
