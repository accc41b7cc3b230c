# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a hub's configuration with the desired one. Changes nothing."""

from __future__ import annotations

import glob
import os
from typing import Any

from ..host import config_block, transaction
from ..host import state as host_state
from ..host.step import Step, StepFailed
from ..host.systemd_unit import NoSystemd, Unit, show
from ..host.transaction import FileChange
from . import package as hub_package
from .errors import Refused
from .process import HubNotFound, account_of

ARGUMENTS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "fragment": {"type": "str", "required": True},
    "content": {"type": "str"},
    "others": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "mode": {"type": "str", "default": "0644"},
    "create": {"type": "bool", "default": False},
    "supersedes": {"type": "list", "elements": "str", "default": []},
    "service": {"type": "str", "default": "jupyterhub"},
    "runs_with": {"type": "dict", "default": {}},
    "timeout": {"type": "int", "default": 60},
    "settle": {"type": "float", "default": 2},
    "retired": {"type": "list", "elements": "str", "default": []},
    "package": {"type": "dict", "default": {}},
    "python": {"type": "path", "default": ""},
}

NEW_MAIN = b"# Configuration of JupyterHub. Add your own settings above the block of collab.jupyterhub.\n\n"
DRY_RUN = ".collab-dry-run-"  # the beginning of the names of files that only exist during a dry run


class Comparison:
    """A hub and its desired configuration. `compare` sets the attributes without a value here.

    restart: whether the hub must be restarted. unfinished: whether that is so although its files are as desired. left_over: whether an
    interrupted run may have left a broken hub. untried: whether the configuration was never loaded.
    """

    unit: Unit
    state: dict[str, Any]
    changes: list[FileChange]
    closed: list[str]
    restart: bool
    unfinished: bool
    left_over: bool
    untried: bool

    def __init__(self, module: Step) -> None:
        self.module = module
        self.params = module.params
        self.service = host_state.name_of(module.params["service"])
        self.main: str = config_block.python_file(module.params["path"])
        self.fragments: str = config_block.fragments_directory(self.main)
        self.fragment: str = config_block.fragment_path(self.main, module.params["fragment"])
        self.present: bool = module.params["state"] == "present"
        self.journal = transaction.Journal(host_state.path_of(f"{self.service}.undo"))
        self.state_name = f"{self.service}.json"
        self.package = hub_package.HubPackage(module.params["package"], module.params.get("package_path", ""))

    def compare(self) -> dict[str, Any]:
        """Return what module hub_config returns, as far as it is known before anything is changed. Raises Refused."""
        unit = self.unit = show(self.service)
        if self.present and not unit.exists:
            raise Refused(
                f"the systemd unit {self.service} does not exist. Set service to the unit that runs the hub"
            )
        if other := host_state.beside(self.service, self.main):
            raise Refused(config_block.same_directory(other, self.main))
        state = self.state = self.load_state()
        recovered = self.recover()
        self.changes = self.find_changes()
        if state.get("runs_with", {}).get(self.params["fragment"], {}) != self.params["runs_with"]:
            stale = unit.invocation
        else:
            stale = state.get("stale", "")
        self.closed = self.find_closed()
        self.unfinished = (
            unit.invocation == (stale or None) or recovered or bool(self.closed) or self.is_missing()
        )
        # An interrupted run may have left a broken hub that needs a restart.
        self.left_over = recovered or bool(state.get("stale"))
        self.restart = bool(self.changes) or self.unfinished or (self.present and not unit.running)
        self.untried = self.present and "hub" not in state
        if self.module.check_mode and self.untried:
            self.module.repairs.append("the hub's configuration was never loaded")
        return {
            "changed": self.restart,
            "restarted": self.restart,
            "diff": self.diff(self.changes),
            "hub": state.get("hub", {}),
            **self.in_force_since(state),
        }

    def recover(self) -> bool:
        """Return whether an earlier run was interrupted, in which case the hub needs a restart. Note what it has left."""
        self.module.repairs += self.leftovers()
        return self.journal.exists()

    # The desired state

    def find_changes(self) -> list[FileChange]:
        """Return the files to change, in the order in which to swap them.

        The main file names the fragments, so it comes last if a fragment is added and first if one is removed. This way, the
        configuration is complete after each step.
        """
        wanted = self.wanted()
        others = [path for path in config_block.fragments_in(self.fragments) if path not in wanted]
        there = transaction.read(self.main)
        may_be_made = self.params["create"] or os.path.exists(config_block.json_file(self.main))
        if there is None and self.present and not may_be_made:
            raise Refused(
                f"the configuration file {self.params['path']} does not exist. Set path to the hub's main configuration file"
            )
        ground = config_block.without_foreign_blocks(
            NEW_MAIN if there is None else there, self.params["supersedes"]
        )
        main: bytes | None = (
            config_block.with_block(ground, self.fragments)
            if others or any(content is not None for content in wanted.values())
            else config_block.without_block(ground)
        )
        if not self.present and (there is None or main == NEW_MAIN):
            main = None  # it did not exist, or was created for the block
        files = [FileChange(self.main, main, keeps_attributes=True)]
        if any(hub_package.imports(content or b"") for content in wanted.values()):
            for path, moved in self.moved(others).items():
                files.append(FileChange(path, moved, keeps_attributes=True))
        for path, content in wanted.items():
            if content is None:
                files.append(FileChange(path, None))
            else:
                user, group, _groups = account_of(self.unit)
                mode = int(self.params["mode"], 8)
                files.insert(0, FileChange(path, content, mode, user, group))
        return [change for change in files if not change.is_made]

    def wanted(self) -> dict[str, bytes | None]:
        """Return the new content of each fragment by path, or None to remove the fragment."""
        texts = {
            **self.params["others"],
            self.params["fragment"]: self.params["content"] if self.present else "",
        }
        return {
            config_block.fragment_path(self.main, name): (text or "")
            .replace("@PACKAGE@", self.package.path)
            .encode()
            or None
            for name, text in texts.items()
        }

    def moved(self, paths: list[str]) -> dict[str, bytes]:
        """Return the new content, by path, of the fragments that import another version of the package and must import this one."""
        texts = {path: transaction.read(path) or b"" for path in sorted(paths)}
        moved = {path: hub_package.moved_to(self.package.path, text) for path, text in texts.items()}
        return {path: text for path, text in moved.items() if text != texts[path]}

    def diff(self, changes: list[FileChange]) -> list[dict[str, str]]:
        """Return Ansible's diff of the changes. For the main file, it contains only the marked block."""

        def text(content: bytes | None, path: str) -> str:
            content = content or b""
            return (config_block.find_block(content) if path == self.main else content).decode(
                errors="replace"
            )

        return [
            {
                "before_header": change.path,
                "after_header": change.path,
                "before": text(transaction.read(change.path), change.path),
                "after": text(change.content, change.path),
            }
            for change in changes
        ]

    # State between runs

    def load_state(self) -> dict[str, Any]:
        """Return the state that earlier runs recorded: `stale` (the systemd invocation ID of the hub that must be restarted), `runs_with`,
        `in_force_since`, `hub`, `path`.
        """
        return host_state.recall(self.state_name)

    def leftovers(self) -> list[str]:
        """Return the temporary files of runs that were killed, if no other run is active."""
        paths = glob.glob(f"{glob.escape(os.path.dirname(self.main))}/{DRY_RUN}*") + hub_package.leftovers()
        # `recover` has already processed a valid journal. If the directory still exists, it was only partly written or removed.
        paths += glob.glob(glob.escape(self.journal.directory))
        for directory in (os.path.dirname(self.main), self.fragments, host_state.STATE_DIRECTORY):
            paths += transaction.leftovers(directory)
        return paths

    def in_force_since(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return the results that say when the hub was started with the current fragments."""
        known = state.get("in_force_since", {})
        return {
            "in_force_since": known.get(self.params["fragment"], 0),
            "others_in_force_since": {name: known.get(name, 0) for name in self.params["others"]},
        }

    def find_closed(self) -> list[str]:
        """Return the collection's directories that the hub or users' servers cannot read, and therefore cannot load code from."""
        if not self.present:
            return []
        is_root = account_of(self.unit)[0] == 0
        ours = [] if is_root or not transaction.is_closed(self.fragments) else [self.fragments]
        return [*self.package.closed(), *ours]

    def is_missing(self) -> bool:
        """Return whether a fragment on disk uses the package, but it was removed. New servers and the next start of the hub need it."""
        texts = [transaction.read(path) or b"" for path in config_block.fragments_in(self.fragments)]
        return not os.path.isdir(self.package.path) and self.package.path.encode() in b"".join(texts)


def apply(step: Step) -> dict[str, Any]:
    """Return what module hub_config returns in check mode, except what else would end with the change. Raises StepFailed."""
    try:
        return Comparison(step).compare()
    except (Refused, NoSystemd, HubNotFound) as error:
        raise StepFailed(str(error)) from error
