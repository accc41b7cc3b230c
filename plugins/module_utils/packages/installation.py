# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install, remove or restore packages in a Python environment of the host."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import installer as tools
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import installer_report as report
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.environment import (
    SYSTEM,
    SYSTEM_PREFIX,
    TOOL_DIRECTORY,
    Environment,
    PackagesError,
    ask,
    create,
    journal_path,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.pip_settings import (
    pip_settings,
    tool_environment,
    uv_options,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.probe import canonical
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.record import Record, split

from ..host.step import Step, StepFailed

ARGUMENTS: dict[str, dict[str, Any]] = {
    "environment": {"type": "str", "required": True},
    "packages": {"type": "list", "elements": "str"},
    "constraints": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["present", "absent", "restored"], "default": "present"},
    "remember": {"type": "bool", "default": False},
    "create": {"type": "bool", "default": False},
    "python": {"type": "path"},
    "tool_directory": {"type": "path", "default": TOOL_DIRECTORY},
}


# A requirement by name. Others are a path or the URL of a file.
NAMED = re.compile(r"[\w.-]+(?<!\.whl)(?<!\.gz)(?<!\.zip)\s*([\[<>=!~;@(].*)?")


class Journal:
    """The versions before an installation, kept on disk until the installation is complete."""

    def __init__(self, environment: str, tool_directory: str) -> None:
        self.path = journal_path(environment, tool_directory)

    def read(self) -> dict[str, str] | None:
        try:
            packages: dict[str, str] = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # if it is incomplete, nothing was installed yet
            return None
        return packages

    def begin(self, packages: dict[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(packages), encoding="utf-8")

    def end(self) -> None:
        self.path.unlink(missing_ok=True)


def changed_versions(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    return {name: version for name, version in sorted(after.items()) if before.get(name) != version}


def name_of(requirement: str) -> str:
    return canonical(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])


def difference(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))

    def lines(packages: dict[str, str]) -> str:
        return "".join(f"{name}=={packages[name]}\n" for name in names if name in packages)

    return {"before": lines(before), "after": lines(after)}


def needed_by(needed: dict[str, list[str]]) -> dict[str, str]:
    return {name: f"needed by {', '.join(others)}" for name, others in needed.items()}


class Task:
    """A run of the module."""

    def __init__(self, module: Step) -> None:
        self.module = module
        self.name: str = module.params["environment"]
        self.wanted: list[str] = [text.strip() for text in module.params["packages"] or []]
        self.constraints: list[str] = [text.strip() for text in module.params["constraints"]]
        self.absent: bool = module.params["state"] == "absent"
        self.restoring: bool = module.params["state"] == "restored"
        self.record = Record(self.name) if self.restoring or module.params["remember"] else None
        self.settings = pip_settings(os.environ, SYSTEM_PREFIX if self.name == SYSTEM else self.name)
        self.extra_environment = tool_environment(os.environ, self.settings)
        self.created = False
        self.journal = Journal(self.name, module.params["tool_directory"])

    def run(self, command: list[str]) -> tuple[int, str, str]:
        # Users' servers must be able to read what is installed, even if root has a strict umask.
        options = {"umask": 0o022, "expand_user_and_vars": False, "cwd": "/", "handle_exceptions": False}
        try:
            status, out, err = self.module.run_command(
                command, environ_update=self.extra_environment, **options
            )
        except OSError as error:  # for example a tool for another processor
            return 126, "", str(error)
        return status, out, err

    def ask(self) -> Environment | None:
        return ask(self.run, self.name, [] if self.absent else self.wanted)

    def perform(self) -> dict[str, Any]:
        """Apply the desired state, and return the module's result. Raises PackagesError."""
        self.check_arguments()
        if self.restoring and self.record:
            return self.restore(self.record)
        environment = self.ask()
        if environment is None and not self.absent:
            environment = self.make()
        if environment is None:
            return self.result({}, {}, "")
        doing = self.to_remove(environment) if self.absent else environment.unmet
        if not doing and self.journal.read() is None:
            return self.result(environment.packages, environment.packages, "")
        return self.remove(environment, doing) if self.absent else self.install(environment)

    def check_arguments(self) -> None:
        if self.name != SYSTEM and not Path(self.name).is_absolute():
            raise PackagesError(f"environment must be an absolute path or 'system', but is '{self.name}'.")
        for text in [*self.wanted, *self.constraints]:
            if not text or text.startswith("-"):
                raise PackagesError(f"'{text}' is not a requirement.")

    def make(self) -> Environment:
        """Create the environment, or fail if this is not allowed. In check mode, return an empty one."""
        if not self.module.params["create"]:
            raise PackagesError(
                f"{self.name} is not a Python environment. Set environment to another path, or create to true."
            )
        self.created = True
        if self.module.check_mode:
            return Environment(python="", unmet=self.wanted)
        create(self.run, self.name, self.module.params["python"] or tools.own_python())
        environment = self.ask()
        if environment is None:
            raise PackagesError(
                f"Failed to create the environment {self.name}: its interpreter belongs to another environment."
            )
        return environment

    def choose(self, environment: Environment) -> tools.Installer:
        """Return the installer for the environment. uv may be downloaded, except in check mode and with state=restored."""
        return tools.choose(
            self.run,
            environment,
            self.module.params["tool_directory"],
            self.module.get_bin_path("uv"),
            uv_options(self.settings),
            may_fetch=not (self.module.check_mode or self.restoring),
        )

    def to_remove(self, environment: Environment) -> list[str]:
        """Return the packages to remove: those that are installed and do not belong to the distribution."""
        own = environment.packages.keys() - {*environment.foreign}
        return [text for text in self.wanted if canonical(text) in own]

    def remove(self, environment: Environment, names: list[str]) -> dict[str, Any]:
        if self.module.check_mode:
            gone = {canonical(name) for name in names}
            left = {name: version for name, version in environment.packages.items() if name not in gone}
            return self.result(environment.packages, left, "")
        installer = self.choose(environment)
        status, out, err = self.run(installer.uninstall(*names))
        after = self.ask() or environment
        left_over = [name for name in names if canonical(name) in after.packages.keys() - {*after.foreign}]
        if status != 0 or left_over:
            what = ", ".join(left_over or names)
            raise PackagesError(f"Failed to remove {what} from {self.name}.", out + err)
        return self.result(environment.packages, after.packages, installer.name)

    def restore(self, record: Record) -> dict[str, Any]:
        """Revert the recorded changes, except what other packages use now."""
        if not (record.added or record.changed):
            return self.result({}, {}, "")
        before = self.ask_dependencies(record)
        if before is None:  # the environment no longer exists
            self.remove_tool("" if self.module.check_mode else record.forget({}))
            return self.result({}, {}, "")
        back, kept = self.to_put_back(record, before)
        if self.module.check_mode:
            going, needed = split(record.added, before.needs)
            after = {
                name: version for name, version in {**before.packages, **back}.items() if name not in going
            }
            return {**self.result(before.packages, after, ""), "kept": kept | needed_by(needed)}
        installer = self.choose(before)
        undone = {}
        if back:
            status, out, err = self.attempt(installer.install("--no-deps", *self.pinned(back)))
            if status != 0 and installer.fallback and report.is_out_of_reach(out + err):
                status, out, err = self.attempt(installer.fallback.install("--no-deps", *self.pinned(back)))
            if status != 0:
                undone = {name: record.changed[name] for name in back}
                kept |= dict.fromkeys(back, report.failure(out + err, self.name, self.pinned(back)))
        now = self.ask_dependencies(record) or before
        going, needed = split([name for name in record.added if name not in now.foreign], now.needs)
        if going:
            self.remove(now, going)
            for folder in sorted(now.folders, reverse=True):
                with contextlib.suppress(OSError):  # it contains other files, or the tool has removed it
                    os.rmdir(folder)
        after_all = self.ask() or now
        self.journal.end()
        self.remove_tool(record.forget(undone))
        result = self.result(before.packages, after_all.packages, installer.name)
        return {**result, "kept": kept | needed_by(needed)}

    def ask_dependencies(self, record: Record) -> Environment | None:
        """Describe the environment, with all requirements, what rejects the versions to restore, and the recorded packages' folders."""
        versions = {name: old for name, (old, _new) in record.changed.items()}
        return ask(self.run, self.name, [], {"names": record.added, "versions": versions})

    def to_put_back(self, record: Record, environment: Environment) -> tuple[dict[str, str], dict[str, str]]:
        """Return the versions to restore, and the distributions not to revert with the reason, both by name."""
        back = record.to_put_back(environment.packages)
        kept = {}
        for name in list(back):
            # Packages that are reverted as well do not count: their previous state was compatible.
            others = {*environment.unfit.get(name, [])} - {*record.added} - back.keys()
            if others:
                kept[name] = f"{', '.join(sorted(others))} does not accept {back.pop(name)}"
        return back, kept

    def remove_tool(self, directory: str) -> None:
        """Remove the tool that was downloaded to install packages, once these are removed."""
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
            with contextlib.suppress(OSError):  # it contains other files
                Path(directory).parent.rmdir()

    def install(self, environment: Environment) -> dict[str, Any]:
        """Install what is missing, and complete an interrupted installation. If the package index is unreachable, try the fallback."""
        if self.module.check_mode:
            return self.try_install(environment)
        interrupted = self.journal.read()
        if interrupted is not None:
            for path in environment.fragments:
                shutil.rmtree(path)
        tool = Path(self.module.params["tool_directory"])
        tool_was_there = tool.exists()
        installer = self.choose(environment)
        is_new = tool.exists() and not tool_was_there
        try:
            return self.install_with(installer, environment, interrupted, is_new)
        except PackagesError as error:
            if not (installer.fallback and report.is_out_of_reach(error.output)):
                raise
        if self.record:
            self.record = Record(self.name)
        return self.install_with(installer.fallback, self.ask() or environment, self.journal.read(), is_new)

    def install_with(
        self,
        installer: tools.Installer,
        environment: Environment,
        interrupted: dict[str, str] | None,
        tool_is_new: bool,
    ) -> dict[str, Any]:
        arguments = [*self.constraint_arguments(), *self.wanted]
        planned = {}
        if installer.planner or self.record:
            planner = installer.planner or installer
            planned = report.announced(self.call(planner.install("--dry-run", *arguments)))
        if installer.planner:
            arguments = ["--no-deps", *self.pinned(planned)]
        before = environment.packages if interrupted is None else interrupted
        half = self.pinned(changed_versions(before, environment.packages))
        recorded = self.record and self.record.copy()
        if self.record:
            if tool_is_new:
                self.record.note_tool(self.module.params["tool_directory"])
            # Record this before installing, so that an interrupted run leaves a record of what it may have added.
            self.record.note(before, {**environment.packages, **planned})
        self.journal.begin(before)
        try:
            if half:
                self.call(installer.install_afresh(*half))
            if arguments != ["--no-deps"]:
                self.call(installer.install(*arguments))
        except PackagesError:
            now = self.ask()
            if now and now.packages == before:
                self.journal.end()
                if recorded:
                    recorded.save()
            raise
        after = self.ask() or environment
        if self.record:
            self.record.note(before, after.packages)
        named = {name_of(text) for text in after.unmet if NAMED.fullmatch(text)}
        if lacking := sorted({*named, *planned} - after.packages.keys()):
            raise PackagesError(
                f"{installer.name} reported no error, but {', '.join(lacking)} is not in {self.name}. A setting of {installer.name} may lead "
                "elsewhere."
            )
        self.journal.end()
        return self.result(before, after.packages, installer.name)

    def try_install(self, environment: Environment) -> dict[str, Any]:
        """Return what an installation would do, or only the unmet requirements if no tool can tell."""
        try:
            installer = self.choose(environment) if environment.python else None
        except PackagesError:
            installer = None
        if installer is None:
            expected, name = {name_of(text): "wanted" for text in environment.unmet}, ""
        else:
            installer = installer.planner or installer
            arguments = ["--dry-run", *self.constraint_arguments(), *self.wanted]
            try:
                plan = self.call(installer.install(*arguments))
            except PackagesError as error:
                if not (installer.fallback and report.is_out_of_reach(error.output)):
                    raise
                installer = installer.fallback
                plan = self.call(installer.install(*arguments))
            expected, name = report.announced(plan), installer.name
        return self.result(environment.packages, {**environment.packages, **expected}, name)

    def attempt(self, command: list[str]) -> tuple[int, str, str]:
        """Run an installer, and again in more detail if its output hides why it failed. Return its exit status and output."""
        status, out, err = self.run(command)
        if status != 0 and report.hides_reason(out + err):
            return self.run([*command, "-vv"])
        return status, out, err

    def call(self, command: list[str]) -> str:
        status, out, err = self.attempt(command)
        if status != 0:
            raise PackagesError(report.failure(out + err, self.name, self.wanted), out + err)
        return out + err

    def constraint_arguments(self) -> list[str]:
        return tools.constraint_arguments(self.module.tmpdir, self.constraints)

    def pinned(self, packages: dict[str, str]) -> list[str]:
        """Return requirements for exactly these distributions: by version, or by the URL that a wanted requirement names."""
        addresses = {name_of(text): text for text in self.wanted if "@" in text}
        return [addresses.get(name, f"{name}=={version}") for name, version in packages.items()]

    def result(self, before: dict[str, str], after: dict[str, str], installer: str) -> dict[str, Any]:
        return {
            "changed": self.created or before != after,
            "packages": after,
            "installed": changed_versions(before, after),
            "removed": sorted(before.keys() - after.keys()),
            "kept": {},
            "installer": installer,
            "diff": difference(before, after),
        }


def apply(step: Step) -> dict[str, Any]:
    """Install, remove or restore packages as module python_packages does, and return its result. Raises StepFailed."""
    try:
        return Task(step).perform()
    except PackagesError as error:
        raise StepFailed(str(error), stderr=error.output) from error
