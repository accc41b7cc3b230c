# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the recipes of container images: one for servers anywhere, and one for the hub on Kubernetes."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import HubPackage

from . import server_environment, snippet, wheel
from .package import package_files

PROGRAM = "prepare.py"
# The account that most images for JupyterHub run servers as, such as the Jupyter Docker Stacks and those of the chart Zero to JupyterHub.
ACCOUNT = 1000
RECIPE = """\
# {title}
# {managed}
ARG BASE={base}
FROM ${{BASE}}
# The account that the base image runs as. The instructions below need root.
ARG ACCOUNT={account}
USER root
COPY {wheel} {program} /tmp/collab/
# The hub looks for exactly this version of the package at this path. It refuses to let others into servers that lack it.
RUN python3 -m pip install --no-cache-dir --no-index --no-deps --root-user-action=ignore --target={package} /tmp/collab/{wheel} \\
 && python3 -I /tmp/collab/{program} \\
{more} && rm -r /tmp/collab
USER ${{ACCOUNT}}
"""
# A new volume takes the rights of the directory that it is mounted on, and the image may run as any account.
HISTORY = " && install -d -m 1777 {directory} \\\n"


def recipe(title: str, managed: str, base: str, program: str, state_directory: str = "") -> dict[str, bytes]:
    """Return the files of an image's recipe, by name.

    title, managed: comments for the first lines. base: the image to build from. program: Python source that prepares the image.
    state_directory: where a volume for document histories can be mounted; empty if nowhere.
    """
    name, content = wheel.wheel()
    text = RECIPE.format(
        title=title,
        managed=managed,
        base=base,
        wheel=name,
        program=PROGRAM,
        package=HubPackage(package_files()).path,
        account=ACCOUNT,
        more=HISTORY.format(directory=state_directory) if state_directory else "",
    )
    return {"Dockerfile": text.encode(), PROGRAM: program.encode(), name: content}


def server_program(lab: dict[str, dict[str, Any]]) -> str:
    """Return the program that prepares the JupyterLab of an image. lab: the options of step lab_settings, by the name of the files."""
    source = inspect.getsource(server_environment)
    return f'{source}\n\nmain("{PROGRAM}", package="", **{snippet.parts(lab)["settings"]})\n'


def tag(parts: Mapping[str, bytes]) -> str:
    """Return the tag of the image of a recipe, so that another recipe has another tag."""
    digest = hashlib.sha256()
    for name, part in sorted(parts.items()):
        digest.update(f"{name} {len(part)}\n".encode() + part)
    return f"{wheel.version()}-{digest.hexdigest()[:12]}"
