# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at the environment that runs JupyterLab."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from typing import Any

from .environment import journal_path
from .lab_files import WHERE, LabFiles

SYSTEM_PYTHON = "/usr/bin/python3"
PROBE_SECONDS = 60
# Packages that determine which versions can be installed, and whether they are installed already.
PACKAGES = (
    "jupyterlab",
    "jupyterhub",
    "jupyter-server",
    "jupyter-collaboration",
    "jupyter-collaboration-ui",
    "jupyter-docprovider",
    "jupyter-server-documents",
    "jupyter-server-ydoc",
    "jupyter-ydoc",
    "jupyterlab-chat",
    "pycrdt",
    "pycrdt-store",
    "pycrdt-websocket",
)
# Prints JSON, and then, if JupyterLab is there and tells, what WHERE prints.
VERSIONS = """
import importlib.metadata, json, os, sys
versions, since = {}, 0
where, *names = sys.argv[1:]
for name in names:
    # An installer that was interrupted leaves packages without a version.
    found = next((each for each in importlib.metadata.distributions(name=name) if each.version), None)
    if found is None:
        continue
    versions[name] = found.version
    if name == "jupyter-collaboration":
        description = found.locate_file("jupyter_collaboration-" + found.version + ".dist-info")
        since = os.stat(description).st_mtime if os.path.exists(description) else 0
python = ".".join(map(str, sys.version_info[:3]))
print(json.dumps({"versions": versions, "python_version": python, "collaboration_since": since}))
if "jupyterlab" in versions:
    try:
        exec(where)
    except Exception:
        pass
"""


def describe_lab(environment: str, names: list[str]) -> dict[str, Any]:
    """Return the interpreter of an environment, the versions of relevant packages, and when jupyter-collaboration was installed.

    The result also says whether an installation was interrupted, and contains the settings in our files with these names.
    """
    python = SYSTEM_PYTHON if environment == "system" else os.path.join(environment, "bin", "python")
    lab: dict[str, Any] = {
        "environment": environment,
        "python": "",
        "python_version": "",
        "versions": {},
        "collaboration_since": 0,
        "unfinished": bool(environment) and journal_path(environment).exists(),
        "settings": {},
    }
    if not (environment and os.path.exists(python)):
        return lab
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            [python, "-I", "-c", VERSIONS, WHERE, *PACKAGES],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            timeout=PROBE_SECONDS,
        )
        if done.returncode == 0:
            told, *where = done.stdout.splitlines()
            lab |= {"python": python, **json.loads(told)}
            if where:
                lab["settings"] = {name: LabFiles(json.loads(where[-1]), name).found() for name in names}
    return lab
