# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of our own in which an environment's JupyterLab is told what it shows to everyone."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.module_utils import transaction

# JupyterLab knows best where it looks: a system's Python may have its data in another place than its own prefix. But it takes a
# second to be asked, so it is where the answer is not plain.
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
# The server reads these files in the order of their names, and packages bring theirs under their own.
LAST = "zz-"
NOTHING: dict[str, Any] = {"settings": {}, "disabled_extensions": [], "disabled_server_extensions": []}


def directories(python: str) -> list[str]:
    """Return where an environment's JupyterLab reads settings, extensions of the page, and extensions of the server.

    Raises LookupError where `python` is no interpreter with a JupyterLab.
    """
    done = subprocess.run([python, "-I", "-c", WHERE], capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise LookupError(f"{python} has no JupyterLab")
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def closed_at(path: str) -> list[str]:
    """Return what keeps users' servers from reading a file of ours that is there: itself, or the directories that came with it."""
    if not os.path.exists(path):
        return []
    directory = os.path.dirname(path)
    return [each for each in (path, directory, os.path.dirname(directory)) if transaction.is_closed(each)]


class LabFiles:
    """The files of one name, in the `directories` of an environment."""

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
        """Return what the files say, as `contents` takes it: NOTHING where there are none, and no key where one was changed by hand."""
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
