# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a complete candidate configuration in a dry run, without touching the live hub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from typing import Any

from ..host import config_block, paths, transaction
from ..host.systemd_unit import Unit
from ..host.transaction import FileChange
from . import health, loaded
from .compare import DRY_RUN
from .errors import Refused
from .package import HubPackage
from .process import hub_command

# The candidate sees the path of the main file as its `__file__`, because it may find other files by it.
STAND_IN = """\
__file__ = {path!r}
exec(compile(open({content!r}, "rb").read(), __file__, "exec"))
"""


class DryRun:
    """Loads a main file and its fragments in memory, as the hub of the unit would.

    main: the file that the unit names, or a file that this one loads, for example from a directory `jupyterhub_config.d`.
    """

    def __init__(self, package: HubPackage, unit: Unit, main: str, fragments: str) -> None:
        self.package = package
        self.unit = unit
        self.main = main
        self.fragments = fragments

    def of(self, changes: list[FileChange]) -> dict[str, Any]:
        """Return the hub as it would be after the staged changes (see `jupyterhub_collab.hub.dry_run`).

        The candidate of a hub's own file is written next to it, so that it finds the same files next to itself. It loads its fragments from a
        temporary directory that contains the new ones. Raises Refused if the hub would not start, or would ignore a setting that the
        change adds.
        """
        new = {change.path: change for change in changes}
        directory = tempfile.mkdtemp(dir=os.path.dirname(self.main), prefix=DRY_RUN)
        wanted = new.get(self.main)
        goes = wanted is not None and wanted.content is None
        source = self.main if wanted is None or goes else wanted.staged
        is_part = self._is_loaded_by_another()
        # Another file may load all files in the main file's directory, hidden ones included.
        candidate = (
            os.path.join(directory, "stand-in")
            if is_part
            else os.path.join(os.path.dirname(self.main), DRY_RUN + os.path.basename(self.main))
        )
        new_file = is_part and not os.path.lexists(self.main)
        if new_file:
            # Create it empty, so that a configuration that loads all files in a directory finds it.
            with open(self.main, "xb") as file:
                os.fchmod(file.fileno(), 0o644)
        try:
            os.chmod(directory, 0o755)
            for path in {*config_block.fragments_in(self.fragments), *new} - {self.main}:
                if path not in new:
                    transaction.copy(path, os.path.join(directory, os.path.basename(path)))
                elif new[path].content is not None:
                    transaction.copy(new[path].staged, os.path.join(directory, os.path.basename(path)))
            content = os.path.join(directory, "main")
            main = b"" if goes else transaction.read(source) or b""
            if config_block.find_block(main):
                main = config_block.with_block(main, directory)
            transaction.copy(source, content, main)
            stand_in = STAND_IN.format(path=self._path_of_the_hub(), content=content)
            transaction.copy(source, candidate, stand_in.encode())
            if os.path.exists(config_block.json_file(self.main)):
                transaction.copy(config_block.json_file(self.main), config_block.json_file(candidate))
            hub = self._load(candidate, directory)
        except Refused as error:
            raise self._blame(error) from error
        finally:
            shutil.rmtree(directory, ignore_errors=True)
            for path in (candidate, config_block.json_file(candidate)):
                if os.path.lexists(path):
                    os.unlink(path)
            if new_file:
                os.unlink(self.main)
        self._refuse_unknown(hub["warnings"])
        return hub

    def _is_loaded_by_another(self) -> bool:
        """Return whether the unit names another file, which loads the main file."""
        told = hub_command(self.unit).config
        return os.path.exists(told) and not paths.same(config_block.python_file(told), self.main)

    def _path_of_the_hub(self) -> str:
        """Return the path of the main file as the hub's command names it, which may contain links."""
        told = hub_command(self.unit).config
        return told if paths.same(told, self.main) else self.main

    def of_now(self) -> dict[str, Any]:
        """Return the hub as it would be with the files on disk. Raises Refused if it would not start."""
        return self._load(self._now, self.fragments)

    @property
    def _now(self) -> str:
        """The main file on disk, or the JSON file that a hub reads instead. Empty if neither exists."""
        return next(filter(os.path.exists, (self.main, config_block.json_file(self.main))), "")

    def _load(self, path: str, fragments: str) -> dict[str, Any]:
        """Load a file instead of the main file, with the fragments in a directory, and return the hub. Raises Refused if this fails."""
        command = hub_command(self.unit)
        try:
            if self._is_loaded_by_another():
                told = [*command.arguments, f"--config={command.config}"]
                done = loaded.run(
                    self.package, self.unit, "dry_run", f"--instead-of={self.main}", f"--use={path}", *told
                )
            else:
                done = loaded.run(self.package, self.unit, "dry_run", *command.arguments, f"--config={path}")
        except subprocess.TimeoutExpired as error:
            raise Refused(f"the hub's configuration failed to load within {loaded.SECONDS} s") from error
        if done.returncode != 0:
            output = (done.stderr or done.stdout).replace(path, self.main).replace(fragments, self.fragments)
            output = output.replace(config_block.json_file(path), config_block.json_file(self.main))
            raise Refused(health.reason(output, self.main))
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))

    def _blame(self, error: Refused) -> Refused:
        """Return the error, or one that says so if the current configuration fails to load as well."""
        try:
            if self._now:
                self.of_now()
        except Refused as without:
            return Refused(
                f"{without}. The current configuration already fails; this change did not cause it. Fix it, then rerun"
            )
        return error

    def _refuse_unknown(self, warnings: list[str]) -> None:
        """Raise Refused if the change adds settings that the hub does not know."""
        if not warnings:
            return
        there = self.of_now()["warnings"] if self._now else []
        if ours := [warning for warning in warnings if warning not in there]:
            raise Refused(
                f"the change contains settings that this JupyterHub does not know: {'; '.join(ours)}"
            )
