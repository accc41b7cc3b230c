# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the files by which the collection configures JupyterLab for all users of an environment."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import transaction

from ..host.step import Step, StepFailed

# A system's Python may have JupyterLab's data outside of its prefix, and then only JupyterLab knows where. Asking it takes a second, so
# this does so only if the files are not in the usual place.
WHERE = """
import json, os, sys
from importlib.util import find_spec
from jupyter_core.paths import ENV_CONFIG_PATH
app = sys.prefix + "/share/jupyter/lab"
if not (find_spec("jupyterlab") and os.path.isdir(app + "/static")) or os.environ.get("JUPYTERLAB_DIR"):
    from jupyterlab.commands import get_app_dir
    app = get_app_dir()
config = ENV_CONFIG_PATH[0]
print(json.dumps([app + "/settings/overrides.d", config + "/labconfig/page_config.d", config + "/jupyter_server_config.d"]))
"""
# The server reads these files in the order of their names, and packages install files with their own names.
LAST = "zz-"
RECORD = "lab_files.json"  # in the state directory: the paths of all files that were written, by name
SECONDS = 60
ARGUMENTS: dict[str, dict[str, Any]] = {
    "python": {"type": "path"},
    "name": {"type": "str", "required": True},
    "settings": {"type": "dict", "default": {}},
    "disabled_extensions": {"type": "list", "elements": "str", "default": []},
    "disabled_server_extensions": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
NOTHING: dict[str, Any] = {"settings": {}, "disabled_extensions": [], "disabled_server_extensions": []}


def directories(python: str) -> list[str]:
    """Return the three directories from which JupyterLab reads its settings, and its disabled page and server extensions.

    Raises LookupError if the environment of the interpreter `python` has no JupyterLab, or does not tell.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-c", WHERE],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise LookupError(
            f"{python} has not told within {SECONDS} s where JupyterLab's settings are. Run it, and fix what it waits for"
        ) from None
    if done.returncode:
        raise LookupError(f"{python} has no JupyterLab")
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def recorded(name: str) -> list[str]:
    """Return the paths of all files with this name on the host, in any environment."""
    return list(host_state.recall(RECORD).get(name, []))


def record(name: str, files: dict[str, bytes | None]) -> None:
    """Record that these files are about to be written, or have been deleted if their content is None."""
    known = host_state.recall(RECORD)
    paths = {*known.get(name, ())} - files.keys() | {path for path, text in files.items() if text is not None}
    host_state.remember(
        RECORD, {each: there for each, there in {**known, name: sorted(paths)}.items() if there}
    )


def closed_at(path: str) -> list[str]:
    """Return the paths that prevent users' servers from reading one of our files: the file itself, or directories above it."""
    if not os.path.exists(path):
        return []
    directory = os.path.dirname(path)
    return [each for each in (path, directory, os.path.dirname(directory)) if transaction.is_closed(each)]


class LabFiles:
    """The files with one name in the `directories` of an environment."""

    def __init__(self, where: list[str], name: str) -> None:
        settings, page_config, server_config = where
        self.settings = os.path.join(settings, f"{name}.json")
        self.page_config = os.path.join(page_config, f"{name}.json")
        self.server_config = os.path.join(server_config, f"{LAST}{name}.json")

    def contents(
        self, settings: dict[str, Any], disabled_extensions: list[str], disabled_server_extensions: list[str]
    ) -> dict[str, bytes | None]:
        """Return the content of each file by its path, or None to delete it."""
        off, off_in_server = disabled_extensions, disabled_server_extensions
        contents: dict[str, dict[str, Any]] = {
            self.settings: settings,
            self.page_config: {"disabledExtensions": dict.fromkeys(off, True)} if off else {},
            self.server_config: {"ServerApp": {"jpserver_extensions": dict.fromkeys(off_in_server, False)}}
            if off_in_server
            else {},
        }
        return {
            path: (json.dumps(content, indent=2, sort_keys=True) + "\n").encode() if content else None
            for path, content in contents.items()
        }

    def found(self) -> dict[str, Any]:
        """Return the settings in the files, as arguments for `contents`.

        If there are no files, all are empty, as in NOTHING. If a file was edited by hand, or servers cannot read it, return an empty dict.
        """
        try:
            settings, page, server = [
                json.loads(transaction.read(path) or b"{}")
                for path in (self.settings, self.page_config, self.server_config)
            ]
            told = {
                "settings": settings,
                "disabled_extensions": sorted(page.get("disabledExtensions", {})),
                "disabled_server_extensions": sorted(
                    server.get("ServerApp", {}).get("jpserver_extensions", {})
                ),
            }
        except (ValueError, TypeError, AttributeError):
            return {}
        as_it_would_be = self.contents(**told).items()
        is_read = all(transaction.read(path) == text and not closed_at(path) for path, text in as_it_would_be)
        return told if is_read else {}


def apply(step: Step) -> dict[str, Any]:
    """Write default settings and disabled extensions for all users, or remove them, in files of our own. Raises StepFailed.

    With `state: absent`, they are removed from the environment of `python`, and from all others to which they were written. Users can override the
    settings. Servers apply changes when they restart.
    """
    name, python = step.params["name"], step.params["python"]
    is_present = step.params["state"] == "present"
    wanted = {key: step.params[key] for key in NOTHING} if is_present else NOTHING
    known = recorded(name)
    files: dict[str, bytes | None] = {} if is_present else dict.fromkeys(known)
    try:
        files |= LabFiles(directories(python), name).contents(**wanted) if python else {}
    except LookupError as error:
        raise StepFailed(f"{error}. Nothing was changed.") from error
    changed = {
        path: content
        for path, content in files.items()
        if transaction.read(path) != content or closed_at(path)
    }
    diff = [
        {
            "before_header": path,
            "after_header": path,
            "before": (transaction.read(path) or b"").decode(errors="replace"),
            "after": (content or b"").decode(),
        }
        for path, content in changed.items()
    ]
    if step.check_mode:
        there = {path for path, content in files.items() if content is not None}
        step.repairs += sorted({*known} & files.keys() ^ there)  # the record is out of date
        return {"changed": bool(changed), "paths": sorted(changed), "diff": diff}
    for path in [path for path, content in changed.items() if content is None]:
        os.unlink(path)
        with contextlib.suppress(OSError):  # it contains files of others
            for directory in (os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
                os.rmdir(directory)
    record(name, files)  # no file is ever without a record, even if this run is interrupted
    for path, content in changed.items():
        if content is not None:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            transaction.write(path, content, 0o644)
            for closed in closed_at(path):
                transaction.open_up(closed)
    return {"changed": bool(changed), "paths": sorted(changed), "diff": diff}
